//! Which version of containerd is played.

use std::fmt;
use std::str::FromStr;

/// A version's behaviour, where versions differ.
///
/// ```
/// use mock_containerd::Profile;
///
/// assert_eq!(Profile::nearest("1.7.24"), (Profile::V1_7, true));
/// assert_eq!(Profile::nearest("2.0.0"), (Profile::V2_1, false));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// containerd 1.6, as observed on 1.6.20.
    #[default]
    V1_6,
    /// containerd 1.7, as observed on 1.7.24.
    V1_7,
    /// containerd 2.1, as observed on 2.1.9.
    V2_1,
}

impl Profile {
    /// The profile nearest to a version, and whether it is that version's own.
    pub fn nearest(version: &str) -> (Self, bool) {
        let mut numbers = version.trim_start_matches('v').split(['.', '-', '~', '+']);
        let mut number = || numbers.next().and_then(|part| part.parse::<u32>().ok());
        match (number(), number()) {
            (Some(1), Some(6)) => (Self::V1_6, true),
            (Some(1), Some(7)) => (Self::V1_7, true),
            (Some(2), Some(1)) => (Self::V2_1, true),
            (Some(0..=1), Some(minor)) if minor < 6 => (Self::V1_6, false),
            (Some(0..=1), Some(_)) => (Self::V1_7, false),
            (Some(_), _) => (Self::V2_1, false),
            _ => (Self::default(), false),
        }
    }

    /// The version that the mock says it is.
    pub fn version(self) -> &'static str {
        match self {
            Self::V1_6 => "1.6.20",
            Self::V1_7 => "1.7.24",
            Self::V2_1 => "2.1.9",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1_6 => "1.6",
            Self::V1_7 => "1.7",
            Self::V2_1 => "2.1",
        })
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "1.6" => Ok(Self::V1_6),
            "1.7" => Ok(Self::V1_7),
            "2.1" => Ok(Self::V2_1),
            other => Err(format!("no profile {other:?}: there are 1.6, 1.7 and 2.1")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_version_gets_the_nearest_profile_and_is_told_so() {
        assert_eq!(Profile::nearest("1.6.20~ds1"), (Profile::V1_6, true));
        assert_eq!(Profile::nearest("v2.1.9"), (Profile::V2_1, true));
        assert_eq!(Profile::nearest("2.3.0"), (Profile::V2_1, false));
        assert_eq!(Profile::nearest("1.4.1"), (Profile::V1_6, false));
    }
}
