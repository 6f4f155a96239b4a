//! Lengths of time as people write them: `50ms`, `2s`, `1m`, `1h`.

use std::time::Duration;

/// Largest first, so that what is written is the shortest.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads one number and its unit. Timers take no less than a millisecond, so there is no smaller
/// unit.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no length of time: write a number and ms, s, m or h");
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    number.checked_mul(*factor).map(Duration::from_millis).ok_or_else(wrong)
}

/// Writes it so that it is read as the same.
pub(super) fn show(span: Duration) -> String {
    let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let (unit, factor) = UNITS
        .into_iter()
        .find(|(_, factor)| ms >= *factor && ms.is_multiple_of(*factor))
        .unwrap_or(("ms", 1));
    format!("{}{unit}", ms / factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_without_a_unit_is_refused() {
        assert_eq!(parse("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(parse("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "5", "ms", "-1s", "1.5s", "5 s", "1s2", "99999999999999999999h"] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_as_the_same(ms in any::<u64>()) {
            let span = Duration::from_millis(ms);
            prop_assert_eq!(parse(&show(span)), Ok(span));
        }
    }
}
