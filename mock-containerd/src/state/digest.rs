//! Digests of content: `algorithm:hex`.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::Failure;

/// A digest that has the right form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Digest(String);

/// Why a text is no digest, in containerd's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DigestError {
    #[error("invalid checksum digest format")]
    Format,
    #[error("unsupported digest algorithm")]
    Algorithm,
    #[error("invalid checksum digest length")]
    Length,
}

impl Digest {
    /// Of these bytes.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self::finished(Sha256::new_with_prefix(bytes))
    }

    /// Of everything that a hasher was given.
    pub(crate) fn finished(hasher: Sha256) -> Self {
        let mut text = String::from("sha256:");
        for byte in hasher.finalize() {
            text.push_str(&format!("{byte:02x}"));
        }
        Self(text)
    }

    /// Algorithm and hex: where its bytes are kept.
    pub(crate) fn parts(&self) -> (&str, &str) {
        self.0.split_once(':').expect("every digest has both")
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (algorithm, hex) = text.split_once(':').ok_or(DigestError::Format)?;
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let named = algorithm
            .split(['.', '+', '_', '-'])
            .all(|part| !part.is_empty() && part.chars().all(word));
        let encoded = |c: char| c.is_ascii_alphanumeric() || matches!(c, '=' | '_' | '-');
        if !named || hex.is_empty() || !hex.chars().all(encoded) {
            return Err(DigestError::Format);
        }
        let length = match algorithm {
            "sha256" => 64,
            "sha384" => 96,
            "sha512" => 128,
            _ => return Err(DigestError::Algorithm),
        };
        if hex.len() != length {
            return Err(DigestError::Length);
        }
        let lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if !hex.bytes().all(lower_hex) {
            return Err(DigestError::Format);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Failure {
    pub(crate) fn no_content(digest: &Digest) -> Self {
        Self::not_found(format!("content digest {digest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_digest_is_told_as_containerd_tells_it() {
        for (text, error) in [
            ("zz", DigestError::Format),
            ("", DigestError::Format),
            ("sha256:zz", DigestError::Length),
            ("md5:0123", DigestError::Algorithm),
            (&format!("sha256:{}", "Z".repeat(64)), DigestError::Format),
        ] {
            assert_eq!(text.parse::<Digest>(), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_digest_of_anything_is_a_digest(bytes: Vec<u8>) {
            let digest = Digest::of(&bytes);
            prop_assert_eq!(digest.as_str().parse::<Digest>().unwrap(), digest);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,80}") {
            let _ = text.parse::<Digest>();
        }
    }
}
