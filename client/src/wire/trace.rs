//! W3C trace contexts: which trace a call belongs to.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tonic::metadata::{Ascii, MetadataValue};

/// The value of a `traceparent` header.
pub(crate) type Traceparent = MetadataValue<Ascii>;

/// Different in every process; what follows is counted.
static ORIGIN: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one("origin"));
static NEXT: AtomicU64 = AtomicU64::new(1);

fn next() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A span's name within its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanId(u64);

impl SpanId {
    /// One that no other span of this process has, and hardly one of another's.
    pub(crate) fn next() -> Self {
        // All zeros name no span.
        Self((*ORIGIN ^ next()).max(1))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A trace, and what in it asked for what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trace {
    id: u128,
    parent: Option<SpanId>,
    flags: u8,
}

impl Trace {
    /// One of its own for an operation that nobody gave one. Not sampled: whoever collects traces
    /// and wants these gives them a context.
    pub(crate) fn fresh() -> Self {
        Self { id: u128::from(*ORIGIN) << 64 | u128::from(next()), parent: None, flags: 0 }
    }

    /// Reads `version-trace-parent-flags`, as https://www.w3.org/TR/trace-context/ words it. What a
    /// later version says beside is not passed on: what we send is of the version that we know.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        // Later versions may carry more behind these four.
        let shaped = match *parts.first()? {
            "00" => lengths == [2, 32, 16, 2],
            "ff" => false,
            _ => lengths.starts_with(&[2, 32, 16, 2]),
        };
        let digit = |one: u8| one.is_ascii_digit() || (b'a'..=b'f').contains(&one);
        if !shaped || !parts[..4].iter().all(|part| part.bytes().all(digit)) {
            return None;
        }
        let id = u128::from_str_radix(parts[1], 16).ok().filter(|id| *id != 0)?;
        let parent = u64::from_str_radix(parts[2], 16).ok().filter(|parent| *parent != 0)?;
        let flags = u8::from_str_radix(parts[3], 16).ok()?;
        Some(Self { id, parent: Some(SpanId(parent)), flags })
    }

    /// The span of whoever asked; `None`: it begins here.
    pub(crate) fn parent(self) -> Option<SpanId> {
        self.parent
    }

    /// What a call of this span carries.
    pub(crate) fn traceparent(self, span: SpanId) -> Traceparent {
        let text = format!("00-{:032x}-{span}-{:02x}", self.id, self.flags);
        text.parse().expect("hexadecimal digits and dashes are ASCII")
    }
}

/// Its name.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_traces_and_their_calls_are_well_formed_and_differ() {
        let (one, other) = (Trace::fresh(), Trace::fresh());
        assert_ne!(one.id, other.id);
        let calls = [SpanId::next(), SpanId::next()].map(|span| one.traceparent(span));
        assert_ne!(calls[0], calls[1]);
        for call in calls {
            assert_eq!(Trace::parse(call.to_str().unwrap()).unwrap().id, one.id);
        }
    }

    #[test]
    fn a_call_stays_in_the_trace_that_it_was_given_and_keeps_its_flags() {
        let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let sent = Trace::parse(given).unwrap().traceparent(SpanId(7));
        assert_eq!(sent, "00-0af7651916cd43dd8448eb211c80319c-0000000000000007-01");
    }

    #[test]
    fn what_is_no_context_is_refused() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(Trace::parse(good).is_some());
        assert!(Trace::parse(&format!("cc{}-later", &good[2..])).is_some());
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
            assert!(Trace::parse(bad).is_none(), "{bad}");
        }
    }
}
