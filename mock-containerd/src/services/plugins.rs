//! The plugins of each version, as a daemon without configuration lists them. The list was read
//! from real ones; a snapshotter that is not modelled is marked as skipped.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use containerd_client::google::rpc::Status;
use containerd_client::services::v1::Plugin;
use serde::Deserialize;

use crate::Profile;
use crate::state::Platform;

const PLUGINS: &str = include_str!("plugins.json");
/// Stands for the folder in which everything is kept.
const ROOT: &str = "${root}";

/// A plugin as the list has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    r#type: String,
    id: String,
    #[serde(default)]
    requires: Vec<String>,
    #[serde(default)]
    exports: HashMap<String, String>,
    #[serde(default)]
    capabilities: Vec<String>,
    /// It tells the platform of its host.
    #[serde(default)]
    on_platform: bool,
    init_err: Option<Skipped>,
}

/// Why a plugin does not run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Skipped {
    code: i32,
    message: String,
}

/// What a version lists, in its order.
pub(super) fn plugins(profile: Profile, root: &Path) -> Vec<Listed> {
    // Quoted, so that it can stand inside of a string.
    let quoted = serde_json::Value::from(root.display().to_string()).to_string();
    let text = PLUGINS.replace(ROOT, quoted.trim_matches('"'));
    let mut lists: BTreeMap<String, Vec<Listed>> =
        serde_json::from_str(&text).expect("a test reads the list of each version");
    lists.remove(&profile.to_string()).unwrap_or_default()
}

impl Listed {
    pub(super) fn is(&self, kind: &str, id: &str) -> bool {
        self.r#type == kind && self.id == id
    }

    pub(super) fn is_skipped(&self) -> bool {
        self.init_err.is_some()
    }

    /// What a filter can name. Presence of the other fields never matches, as in containerd.
    pub(super) fn field(&self, path: &[&str]) -> Option<String> {
        match path {
            ["type"] => Some(self.r#type.clone()),
            ["id"] => Some(self.id.clone()),
            _ => None,
        }
    }

    pub(super) fn shown(self) -> Plugin {
        let platform = Platform::of_host().shown();
        Plugin {
            r#type: self.r#type,
            id: self.id,
            requires: self.requires,
            platforms: self.on_platform.then_some(platform).into_iter().collect(),
            exports: self.exports,
            capabilities: self.capabilities,
            init_err: self.init_err.map(|Skipped { code, message }| Status {
                code,
                message,
                ..Status::default()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_a_list_of_its_own() {
        let count = |profile| plugins(profile, Path::new("/a \"root\"")).len();
        assert_eq!(count(Profile::V1_6), 37);
        assert_eq!(count(Profile::V1_7), 51);
        assert_eq!(count(Profile::V2_1), 55);
    }
}
