//! A limit on the number of calls: `N`, `"A..=B"`, `"A + B*n"`.

use std::fmt;

/// `base + per_n * n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linear {
    pub(super) base: u64,
    pub(super) per_n: u64,
}

impl Linear {
    pub(super) fn at(self, n: u64) -> u64 {
        self.base.saturating_add(self.per_n.saturating_mul(n))
    }
}

/// How many calls are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// At most so many; in a tight budget exactly so many.
    AtMost(Linear),
    /// So many, in every budget.
    Exactly(Linear),
    /// From … to …, both included.
    Between(u64, u64),
}

/// Why a text is not a limit.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// It is not in the grammar.
    #[error("{0:?} is not a limit: write 2, \"0..=2\" or \"2 + 1*n\"")]
    Grammar(String),
    /// Its range is upside down.
    #[error("the range {0:?} is empty")]
    Empty(String),
}

impl Limit {
    /// Zero: what holds for a method that a budget does not list.
    pub const NONE: Limit = Limit::AtMost(Linear { base: 0, per_n: 0 });

    /// At most `count`.
    pub fn at_most(count: u64) -> Self {
        Self::AtMost(Linear { base: count, per_n: 0 })
    }

    /// Reads the grammar.
    pub fn parse(text: &str) -> Result<Self, LimitError> {
        let grammar = || LimitError::Grammar(text.to_owned());
        if let Some((from, to)) = text.split_once("..=") {
            let from: u64 = from.trim().parse().map_err(|_| grammar())?;
            let to: u64 = to.trim().parse().map_err(|_| grammar())?;
            if from > to {
                return Err(LimitError::Empty(text.to_owned()));
            }
            return Ok(Self::Between(from, to));
        }
        Ok(Self::AtMost(linear(text).ok_or_else(grammar)?))
    }

    /// The same limit, but below it is wrong as well.
    pub fn exactly(self) -> Self {
        match self {
            Self::AtMost(linear) => Self::Exactly(linear),
            other => other,
        }
    }

    /// The fewest and the most calls allowed, for `n` objects.
    pub fn range(self, n: u64, tight: bool) -> (u64, u64) {
        match self {
            Self::AtMost(most) if !tight => (0, most.at(n)),
            Self::AtMost(count) | Self::Exactly(count) => (count.at(n), count.at(n)),
            Self::Between(from, to) => (from, to),
        }
    }

    /// The limit for `times` operations at once.
    pub fn times(self, times: u64) -> Self {
        let scale = |linear: Linear| Linear {
            base: linear.base.saturating_mul(times),
            per_n: linear.per_n.saturating_mul(times),
        };
        match self {
            Self::AtMost(linear) => Self::AtMost(scale(linear)),
            Self::Exactly(linear) => Self::Exactly(scale(linear)),
            Self::Between(from, to) => {
                Self::Between(from.saturating_mul(times), to.saturating_mul(times))
            }
        }
    }
}

fn linear(text: &str) -> Option<Linear> {
    let mut sum = Linear { base: 0, per_n: 0 };
    for term in text.split('+').map(str::trim) {
        if let Some(factor) = term.strip_suffix('n') {
            let factor = factor.trim_end().strip_suffix('*')?.trim_end();
            sum.per_n = sum.per_n.checked_add(factor.parse().ok()?)?;
        } else {
            sum.base = sum.base.checked_add(term.parse().ok()?)?;
        }
    }
    Some(sum)
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Between(from, to) => write!(f, "{from}..={to}"),
            Self::AtMost(Linear { base, per_n: 0 }) | Self::Exactly(Linear { base, per_n: 0 }) => {
                write!(f, "{base}")
            }
            Self::AtMost(Linear { base: 0, per_n }) | Self::Exactly(Linear { base: 0, per_n }) => {
                write!(f, "{per_n}*n")
            }
            Self::AtMost(Linear { base, per_n }) | Self::Exactly(Linear { base, per_n }) => {
                write!(f, "{base} + {per_n}*n")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_three_forms_of_the_grammar_are_read() {
        assert_eq!(Limit::parse("2").unwrap().range(9, false), (0, 2));
        assert_eq!(Limit::parse("2").unwrap().range(9, true), (2, 2));
        assert_eq!(Limit::parse("1..=8").unwrap().range(9, true), (1, 8));
        assert_eq!(Limit::parse("2..=2").unwrap().range(9, false), (2, 2));
        assert_eq!(Limit::parse("2 + 3*n").unwrap().range(4, true), (14, 14));
        assert_eq!(Limit::parse("3*n").unwrap().range(4, false), (0, 12));
    }

    #[test]
    fn what_is_not_in_the_grammar_is_refused() {
        for text in ["", "-1", "two", "1..2", "n", "1 + n", "1 - 2*n", "5..=4", "2*m"] {
            assert!(Limit::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn a_limit_is_read_back_from_what_it_shows(
            base in 0u64..1000, per_n in 0u64..1000, span in 0u64..1000, between: bool,
        ) {
            let limit = if between {
                Limit::Between(base, base + span)
            } else {
                Limit::AtMost(Linear { base, per_n })
            };
            prop_assert_eq!(Limit::parse(&limit.to_string()).unwrap(), limit);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,40}") {
            let _ = Limit::parse(&text);
        }
    }
}
