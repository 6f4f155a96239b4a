//! Digests, and chain ids: by which name a snapshot of some layers is known, whatever image they
//! belong to.

use std::fmt::Write;

use sha2::{Digest, Sha256, Sha512};

fn written(algorithm: &str, digest: &[u8]) -> String {
    let mut text = format!("{algorithm}:");
    for byte in digest {
        write!(text, "{byte:02x}").expect("a string takes everything");
    }
    text
}

/// Whether a digest, of sha256 or sha512, is that of some bytes.
pub(super) fn is_digest_of(digest: &str, bytes: &[u8]) -> bool {
    match digest.split_once(':') {
        Some(("sha256", _)) => digest == written("sha256", &Sha256::digest(bytes)),
        Some(("sha512", _)) => digest == written("sha512", &Sha512::digest(bytes)),
        _ => false,
    }
}

/// The chain id of each layer with all below it, lowest first.
pub(super) fn chain_ids(diff_ids: &[String]) -> Vec<String> {
    let mut ids: Vec<String> = Vec::with_capacity(diff_ids.len());
    for diff_id in diff_ids {
        let id = match ids.last() {
            None => diff_id.clone(),
            Some(below) => written("sha256", &Sha256::digest(format!("{below} {diff_id}"))),
        };
        ids.push(id);
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_lowest_layer_is_known_by_its_own_digest_and_the_others_by_what_is_below_them() {
        let layers = ["sha256:a", "sha256:b", "sha256:c"].map(str::to_owned);
        // printf 'sha256:a sha256:b' | sha256sum, and so on.
        assert_eq!(
            chain_ids(&layers),
            [
                "sha256:a",
                "sha256:970a948bffa8de94d6e22d747ba8c95030e6e546909f98f54e99a13005e173a8",
                "sha256:dee159b33409cefa3f6eda71539f006014283e9d9130c18a1dea7bd8a33c9b1b",
            ]
        );
        assert!(chain_ids(&[]).is_empty());
    }

    #[test]
    fn a_digest_says_what_it_is_of() {
        assert!(is_digest_of(EMPTY, b""));
        assert!(!is_digest_of(EMPTY, b"more"));
        assert!(is_digest_of(&written("sha512", &Sha512::digest(b"more")), b"more"));
        assert!(!is_digest_of("md5:d41d8cd98f00b204e9800998ecf8427e", b""));
        assert!(!is_digest_of("", b""));
    }
}
