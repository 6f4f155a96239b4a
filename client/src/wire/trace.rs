//! W3C trace contexts: which trace a call belongs to.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tonic::metadata::{Ascii, MetadataValue};

/// The value of a `traceparent` header.
pub(crate) type Traceparent = MetadataValue<Ascii>;

/// Different in every process; what follows is counted.
static ORIGIN: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one("origin"));
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A trace of its own for an operation that nobody gave one. Not sampled: whoever collects traces
/// and wants these gives them a context.
pub(crate) fn fresh() -> Traceparent {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let text = format!("00-{:016x}{number:016x}-{number:016x}-00", *ORIGIN);
    text.parse().expect("hexadecimal digits and dashes are ASCII")
}

/// Reads `version-trace-parent-flags`, as https://www.w3.org/TR/trace-context/ words it.
pub(crate) fn parse(text: &str) -> Option<Traceparent> {
    let lowercase_hex = |part: &str| {
        part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    // Later versions may carry more behind these four.
    let shaped = match *parts.first()? {
        "00" => lengths == [2, 32, 16, 2],
        "ff" => false,
        _ => lengths.starts_with(&[2, 32, 16, 2]),
    };
    let zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    let named = shaped && !zero(parts[1]) && !zero(parts[2]);
    let plain = named && parts[..4].iter().all(|part| lowercase_hex(part));
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_contexts_are_well_formed_and_differ() {
        let (one, other) = (fresh(), fresh());
        assert!(parse(one.to_str().unwrap()).is_some());
        assert_ne!(one, other);
    }

    #[test]
    fn what_is_no_context_is_refused() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(parse(good).is_some());
        assert!(parse(&format!("cc{}-later", &good[2..])).is_some());
        for bad in [
            "",
            "00",
            &good.to_uppercase(),
            &good[..54],
            &format!("{good}-more"),
            &format!("ff{}", &good[2..]),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
