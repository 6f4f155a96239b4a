//! The wall clock, for the timestamps that containerd puts on the wire, and for nothing else.

use prost_types::Timestamp;

/// Go's zero time: what containerd sends for "has not exited".
pub(crate) const GO_ZERO: Timestamp = Timestamp { seconds: -62_135_596_800, nanos: 0 };

#[expect(
    clippy::disallowed_methods,
    reason = "timestamps on the wire are wall-clock time by definition; nothing is timed with them"
)]
pub(crate) fn now() -> Timestamp {
    std::time::SystemTime::now().into()
}
