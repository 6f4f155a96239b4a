//! Runtimes by name: which have a shim, and which of those play sandboxes.

use std::collections::BTreeMap;

use crate::{Profile, SandboxScript};

const RUNC: &str = "io.containerd.runc.v2";
/// The one before it, which many hosts still have.
const RUNC_V1: &str = "io.containerd.runc.v1";

/// Those that somebody registered; runc is there anyhow.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runtimes(BTreeMap<String, SandboxScript>);

impl Runtimes {
    pub(crate) fn register(&mut self, name: String, script: SandboxScript) {
        self.0.insert(name, script);
    }

    /// How the shim of a runtime plays sandboxes. `None`: it does not.
    pub(super) fn sandboxing(&self, profile: Profile, name: &str) -> Option<SandboxScript> {
        let registered = self.0.get(name).cloned();
        // Of runc's own shims that of 1.7 alone has the service.
        let own = || (profile == Profile::V1_7 && name == RUNC).then(SandboxScript::pauses);
        registered.or_else(own)
    }

    /// Looks for the shim of a runtime, as containerd looks for its binary.
    pub(super) fn resolve(&self, profile: Profile, name: &str) -> Result<(), String> {
        if matches!(name, RUNC | RUNC_V1) || self.0.contains_key(name) {
            return Ok(());
        }
        if name.is_empty() {
            return Err("no runtime name".to_owned());
        }
        if name.starts_with('/') {
            return Err(format!(
                "invalid custom binary path: stat {name}: no such file or directory"
            ));
        }
        let parts: Vec<&str> = name.split('.').collect();
        let [.., family, version] = parts.as_slice() else {
            let example = if profile == Profile::V2_1 { RUNC } else { RUNC_V1 };
            return Err(format!(
                "invalid runtime name {name}, correct runtime name should be either format like \
                 `{example}` or a full path to the binary"
            ));
        };
        let binary = format!("containerd-shim-{family}-{version}");
        Err(format!("runtime {name:?} binary not installed {binary:?}: file does not exist"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_is_looked_for_by_the_last_two_parts_of_its_name() {
        let runtimes = Runtimes::default();
        let lack = |name| runtimes.resolve(Profile::V2_1, name).unwrap_err();
        assert!(lack("io.containerd.nope.v2").contains("\"containerd-shim-nope-v2\""));
        assert!(lack("nope").starts_with("invalid runtime name nope, "));
        assert!(lack("/nope").starts_with("invalid custom binary path: stat /nope: "));
        assert_eq!(runtimes.resolve(Profile::V2_1, RUNC), Ok(()));
    }

    #[test]
    fn of_runcs_own_shims_that_of_1_7_plays_sandboxes() {
        let mut runtimes = Runtimes::default();
        assert!(runtimes.sandboxing(Profile::V1_7, RUNC).is_some());
        assert!(runtimes.sandboxing(Profile::V1_7, RUNC_V1).is_none());
        assert!(runtimes.sandboxing(Profile::V2_1, RUNC).is_none());
        runtimes.register("io.containerd.kata.v2".to_owned(), SandboxScript::pauses());
        assert!(runtimes.sandboxing(Profile::V2_1, "io.containerd.kata.v2").is_some());
    }
}
