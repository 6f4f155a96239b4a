//! Which command gets which script: those that everybody has, and those that were registered.

use std::collections::BTreeMap;

use super::{ProcessScript, commands};

/// Created by the mock for scenarios: can be created, and fails to start.
const FAILS_AT_START: &str = "laconic-fail-at-start";

/// Scripts by command.
///
/// Known to every mock, also by a path such as `/bin/true` and behind `busybox`: `true`, `false`,
/// `sleep`, `echo`, `printf`, `cat` of standard input, `env`, `printenv`, `pwd`, `hostname`, `id`,
/// `whoami`, `seq`, `yes`, `test`, `stty size`, `tail -f /dev/null`, and `sh -c` with a small
/// shell, which is a POSIX shell but for what the crate's README lists. What that shell does not have
/// it says on standard error, and ends with 2. There are no files.
///
/// ```
/// use mock_containerd::{MockContainerd, ProcessScript, Scripts};
///
/// let mut scripts = Scripts::default();
/// scripts.register("worker", ProcessScript::exits(3).prints("ready\n"));
/// let mock = MockContainerd::builder().processes(scripts).in_memory();
/// ```
#[derive(Clone, Debug, Default)]
pub struct Scripts {
    pub(super) registered: BTreeMap<String, ProcessScript>,
}

impl Scripts {
    /// Gives a command a script of its own: by its first word, or by the last part of its path.
    pub fn register(&mut self, command: impl Into<String>, script: ProcessScript) {
        self.registered.insert(command.into(), script);
    }

    /// The script of a command, when runc looks for it on this PATH; `None`: there is no such binary.
    /// What was registered is in every folder.
    pub(crate) fn find(&self, argv: &[String], path: Option<&str>) -> Option<ProcessScript> {
        let first = argv.first()?;
        let path = path.unwrap_or_default();
        if !first.contains('/') && path.is_empty() {
            return None;
        }
        let name = first.rsplit('/').next().unwrap_or(first);
        let registered = self.registered.get(first).or_else(|| self.registered.get(name));
        if let Some(script) = registered {
            return Some(script.clone());
        }
        if name == FAILS_AT_START {
            let cause = "the script says that it cannot start";
            return Some(ProcessScript::fails_to_start(cause));
        }
        let found = commands::known(argv).filter(|_| commands::is_found(first, path));
        found.map(ProcessScript::command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PATH: Option<&str> = Some("/usr/bin:/bin");

    fn argv(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn everyday_commands_are_known_and_others_are_missing() {
        let scripts = Scripts::default();
        for (line, plays) in [
            ("true", "true"),
            ("/bin/false", "false"),
            ("sleep inf", "sleep inf"),
            ("/bin/busybox sleep 1", "sleep 1"),
            ("/bin/bash -c true", "sh -c true"),
        ] {
            let wanted = ProcessScript::command(argv(plays));
            assert_eq!(scripts.find(&argv(line), PATH), Some(wanted), "{line}");
        }
        for line in ["", "/no/such/binary", "/opt/true", "busybox", "busybox nosuch"] {
            assert_eq!(scripts.find(&argv(line), PATH), None, "{line}");
        }
    }

    #[test]
    fn a_bare_name_is_looked_for_on_the_path() {
        let mut scripts = Scripts::default();
        scripts.register("worker", ProcessScript::exits(3));
        for (line, path, is_found) in [
            ("true", Some("/nowhere:/bin/"), true),
            ("true", Some("/nowhere"), false),
            ("true", Some(""), false),
            ("true", None, false),
            ("/bin/true", None, true),
            ("worker", Some("/nowhere"), true),
            ("worker", None, false),
            ("/opt/worker", None, true),
        ] {
            assert_eq!(scripts.find(&argv(line), path).is_some(), is_found, "{line} {path:?}");
        }
    }

    #[test]
    fn a_registered_script_wins_also_by_the_last_part_of_a_path() {
        let mut scripts = Scripts::default();
        scripts.register("true", ProcessScript::exits(3));
        for line in ["true", "/opt/true", "/bin/true"] {
            let found = scripts.find(&argv(line), PATH);
            assert_eq!(found, Some(ProcessScript::exits(3)), "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_command_makes_it_panic(argv in proptest::collection::vec("[ -~]{0,12}", 0..4)) {
            let _ = Scripts::default().find(&argv, PATH);
        }
    }
}
