//! Which cgroups the host has: containerd's metrics are of another type by it.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// The cgroups of the host that a mock plays.
///
/// ```
/// use mock_containerd::Cgroups;
///
/// assert_eq!("v2".parse(), Ok(Cgroups::V2));
/// assert_eq!(Cgroups::default().to_string(), "v1");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cgroups {
    /// A hierarchy for each resource: `io.containerd.cgroups.v1.Metrics`.
    #[default]
    V1,
    /// The unified hierarchy: `io.containerd.cgroups.v2.Metrics`.
    V2,
}

impl Cgroups {
    /// Those of this host. A host with both counts as v1, as containerd has it.
    pub fn of_host() -> Self {
        Self::at(Path::new("/sys/fs/cgroup"))
    }

    fn at(root: &Path) -> Self {
        // Only the root of a unified hierarchy has it.
        if root.join("cgroup.controllers").exists() { Self::V2 } else { Self::V1 }
    }
}

/// Neither v1 nor v2.
///
/// ```
/// use mock_containerd::{Cgroups, UnknownCgroups};
///
/// let unknown: UnknownCgroups = "v3".parse::<Cgroups>().unwrap_err();
/// assert_eq!(unknown.to_string(), "cgroups are v1 or v2, not v3");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cgroups are v1 or v2, not {0}")]
pub struct UnknownCgroups(String);

impl FromStr for Cgroups {
    type Err = UnknownCgroups;

    fn from_str(text: &str) -> Result<Self, UnknownCgroups> {
        match text {
            "v1" => Ok(Self::V1),
            "v2" => Ok(Self::V2),
            _ => Err(UnknownCgroups(text.to_owned())),
        }
    }
}

impl fmt::Display for Cgroups {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_v2_where_the_unified_hierarchy_is_the_root() {
        let root = tempfile::tempdir().expect("there is room");
        assert_eq!(Cgroups::at(root.path()), Cgroups::V1);
        let hybrid = root.path().join("unified");
        std::fs::create_dir(&hybrid).expect("there is room");
        std::fs::write(hybrid.join("cgroup.controllers"), "").expect("there is room");
        assert_eq!(Cgroups::at(root.path()), Cgroups::V1);
        std::fs::write(root.path().join("cgroup.controllers"), "cpu pids").expect("there is room");
        assert_eq!(Cgroups::at(root.path()), Cgroups::V2);
    }
}
