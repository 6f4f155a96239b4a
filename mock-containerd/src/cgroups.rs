//! Which cgroups the host has: containerd's metrics are of another type by it.

use std::fmt;
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

/// Neither v1 nor v2.
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
