//! The clock of one mock: all timestamps that it puts on the wire are its own.

use prost_types::Timestamp;
use tokio::time::Instant;

/// Go's zero time: what containerd sends for "has not exited".
pub(crate) const GO_ZERO: Timestamp = Timestamp { seconds: -62_135_596_800, nanos: 0 };

/// Where virtual time begins: 2022-05-10, the day of Moby's commit. Any day would do; a fixed one
/// makes stamps the same in every run.
const VIRTUAL_BEGIN_SECONDS: i64 = 1_652_140_800;

/// What time it is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Clock {
    /// The wall's.
    #[default]
    Wall,
    /// The runtime's own, which stands still until nothing else is to be done.
    Virtual {
        /// When it began.
        since: Instant,
    },
}

impl Clock {
    /// Begins now, in the runtime of the caller.
    pub(crate) fn begin_virtual() -> Self {
        Self::Virtual { since: Instant::now() }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "timestamps on the wire are wall-clock time by definition; nothing is timed by them"
    )]
    pub(crate) fn now(self) -> Timestamp {
        match self {
            Self::Wall => std::time::SystemTime::now().into(),
            Self::Virtual { since } => {
                let passed = since.elapsed();
                let seconds = i64::try_from(passed.as_secs()).unwrap_or(i64::MAX);
                Timestamp {
                    seconds: VIRTUAL_BEGIN_SECONDS.saturating_add(seconds),
                    nanos: i32::try_from(passed.subsec_nanos()).expect("below a billion"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn virtual_time_is_the_runtimes_and_begins_on_a_fixed_day() {
        let clock = Clock::begin_virtual();
        assert_eq!(clock.now(), Timestamp { seconds: VIRTUAL_BEGIN_SECONDS, nanos: 0 });
        tokio::time::advance(Duration::from_millis(1500)).await;
        let later = Timestamp { seconds: VIRTUAL_BEGIN_SECONDS + 1, nanos: 500_000_000 };
        assert_eq!(clock.now(), later);
    }
}
