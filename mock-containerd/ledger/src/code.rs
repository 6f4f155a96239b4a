//! gRPC status codes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A status code as it stood on the wire; numbers beyond gRPC's 16 are kept.
///
/// ```
/// use rpc_ledger::Code;
///
/// assert_eq!("not-found".parse::<Code>()?, Code::new(5));
/// assert_eq!(Code::from_header(b"14").unwrap().as_str(), "unavailable");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Code(u32);

const NAMES: [&str; 17] = [
    "ok",
    "cancelled",
    "unknown",
    "invalid-argument",
    "deadline-exceeded",
    "not-found",
    "already-exists",
    "permission-denied",
    "resource-exhausted",
    "failed-precondition",
    "aborted",
    "out-of-range",
    "unimplemented",
    "internal",
    "unavailable",
    "data-loss",
    "unauthenticated",
];

impl Code {
    /// Success.
    pub const OK: Code = Code(0);

    /// From its number.
    pub fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    pub fn number(self) -> u32 {
        self.0
    }

    /// The text of a `grpc-status` header or trailer.
    pub fn from_header(value: &[u8]) -> Option<Self> {
        std::str::from_utf8(value).ok()?.trim().parse().ok().map(Self)
    }

    /// What gRPC's HTTP mapping makes of a response that is not a gRPC response.
    pub fn from_http(status: u16) -> Self {
        Self(match status {
            400 => 13,
            401 => 16,
            403 => 7,
            404 => 12,
            429 | 502 | 503 | 504 => 14,
            _ => 2,
        })
    }

    /// Its word, for example `not-found`.
    pub fn as_str(self) -> &'static str {
        NAMES.get(self.0 as usize).copied().unwrap_or("beyond-grpc")
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Code {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let number = NAMES.iter().position(|name| *name == word);
        let number = number.and_then(|number| u32::try_from(number).ok());
        number
            .map(Self)
            .ok_or_else(|| format!("no status code {word:?}: there are {}", NAMES.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_and_its_code_are_the_same() {
        for number in 0..17 {
            let code = Code::new(number);
            assert_eq!(code.as_str().parse(), Ok(code));
        }
        assert!("not_found".parse::<Code>().is_err());
    }

    #[test]
    fn a_header_that_is_no_number_is_no_code() {
        assert_eq!(Code::from_header(b"5"), Some(Code::new(5)));
        assert_eq!(Code::from_header(b"five"), None);
        assert_eq!(Code::new(5).to_string(), "not-found");
        assert_eq!(Code::new(99).to_string(), "beyond-grpc");
    }
}
