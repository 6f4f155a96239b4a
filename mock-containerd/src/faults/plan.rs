//! Plans: what happens to the first, the second, the n-th call.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rpc_ledger::Code;

use super::span;

/// What is done to one call.
///
/// ```
/// use mock_containerd::faults::Act;
///
/// let act: Act = "error(unavailable:\"not now\")".parse()?;
/// assert!(matches!(act, Act::Error { .. }));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing.
    Off,
    /// It takes so much longer.
    Delay(Duration),
    /// It is answered with this.
    Error {
        /// The status.
        code: Code,
        /// Its text.
        message: String,
    },
}

/// What is done to the calls of a method, one after the other.
///
/// Terms are joined by `->`. `N*` before a term: for so many calls. A term without a number stands
/// for one call when another follows it, and for all further calls when it is the last. `P%` before
/// a term: each time it is drawn whether it happens, and where it does not the next term is asked;
/// without a number such a term has no end. Behind the last term nothing is done any more.
///
/// ```
/// use mock_containerd::faults::Plan;
///
/// let text = "1*off->2*error(unavailable:\"x\")->delay(50ms)->off";
/// let plan: Plan = text.parse()?;
/// assert_eq!(plan.to_string(), text);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    /// Of a hundred.
    percent: Option<u8>,
    count: Option<u64>,
    act: Act,
}

/// How often each term of a plan has happened.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    used: Vec<u64>,
}

impl Plan {
    /// What is done to the next call. `draw` gives a number below a hundred for a term.
    pub(super) fn next(&self, progress: &mut Progress, draw: impl Fn(usize) -> u8) -> Act {
        progress.used.resize(self.terms.len(), 0);
        for (index, term) in self.terms.iter().enumerate() {
            let last = index + 1 == self.terms.len();
            let once = (!last && term.percent.is_none()).then_some(1);
            let spent = term.count.or(once).is_some_and(|limit| progress.used[index] >= limit);
            if spent || term.percent.is_some_and(|percent| draw(index) >= percent) {
                continue;
            }
            progress.used[index] += 1;
            return term.act.clone();
        }
        Act::Off
    }
}

impl FromStr for Plan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut terms = Vec::new();
        let mut rest = text;
        loop {
            let (term, behind) = term(rest)?;
            terms.push(term);
            let behind = behind.trim_start();
            if behind.is_empty() {
                return Ok(Self { terms });
            }
            rest = behind
                .strip_prefix("->")
                .ok_or_else(|| format!("-> or the end is expected where {behind:?} stands"))?;
        }
    }
}

impl TryFrom<String> for Plan {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Act {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match act(text.trim())? {
            (act, "") => Ok(act),
            (_, behind) => Err(format!("nothing is expected where {behind:?} stands")),
        }
    }
}

/// One term, and what stands behind it.
fn term(text: &str) -> Result<(Term, &str), String> {
    let mut rest = text.trim_start();
    let mut term = Term { percent: None, count: None, act: Act::Off };
    if let Some((number, behind)) = number_before(rest, '%') {
        let percent = number.parse().ok().filter(|percent| (1..=100).contains(percent));
        term.percent = Some(percent.ok_or_else(|| format!("{number}% is not 1% to 100%"))?);
        rest = behind;
    }
    if let Some((number, behind)) = number_before(rest, '*') {
        let count = number.parse().ok().filter(|count| *count > 0);
        term.count = Some(count.ok_or_else(|| format!("{number}* is no number of calls"))?);
        rest = behind;
    }
    let (act, behind) = act(rest)?;
    Ok((Term { act, ..term }, behind))
}

fn number_before(text: &str, sign: char) -> Option<(&str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).filter(|digits| *digits > 0)?;
    let behind = text[digits..].strip_prefix(sign)?;
    Some((&text[..digits], behind.trim_start()))
}

fn act(text: &str) -> Result<(Act, &str), String> {
    if let Some(behind) = text.strip_prefix("off") {
        return Ok((Act::Off, behind));
    }
    if let Some(inside) = text.strip_prefix("delay(") {
        let (span, behind) = inside.split_once(')').ok_or("delay( has no end")?;
        return Ok((Act::Delay(span::parse(span.trim())?), behind));
    }
    let Some(inside) = text.strip_prefix("error(") else {
        return Err(format!("off, delay(…) or error(…) is expected where {text:?} stands"));
    };
    let end = inside.find([':', ')']).ok_or("error( has no end")?;
    let code: Code = inside[..end].trim().parse()?;
    if code == Code::OK {
        return Err("ok is no error".to_owned());
    }
    let (message, behind) = match inside[end..].strip_prefix(':') {
        Some(behind) => quoted(behind.trim_start())?,
        None => (String::new(), &inside[end..]),
    };
    let behind = behind.trim_start().strip_prefix(')').ok_or("error( has no end")?;
    Ok((Act::Error { code, message }, behind))
}

/// A text in double quotes, in which a backslash takes the next sign as it is.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let inside = text.strip_prefix('"').ok_or("the text of an error stands in double quotes")?;
    let mut message = String::new();
    let mut signs = inside.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '"' => return Ok((message, &inside[at + 1..])),
            '\\' => message.extend(signs.next().map(|(_, sign)| sign)),
            sign => message.push(sign),
        }
    }
    Err("the text of an error has no closing quote".to_owned())
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, term) in self.terms.iter().enumerate() {
            if index > 0 {
                f.write_str("->")?;
            }
            if let Some(percent) = term.percent {
                write!(f, "{percent}%")?;
            }
            if let Some(count) = term.count {
                write!(f, "{count}*")?;
            }
            term.act.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Delay(span) => write!(f, "delay({})", span::show(*span)),
            Self::Error { code, message } if message.is_empty() => write!(f, "error({code})"),
            Self::Error { code, message } => {
                let message = message.replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "error({code}:\"{message}\")")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn played(plan: &str, calls: usize) -> Vec<String> {
        let plan: Plan = plan.parse().unwrap();
        let mut progress = Progress::default();
        (0..calls).map(|_| plan.next(&mut progress, |_| 50).to_string()).collect()
    }

    #[test]
    fn terms_are_played_one_after_the_other_and_the_last_for_ever() {
        let acts = played("1*off->2*error(unavailable)->delay(50ms)->off", 6);
        let (error, delay) = ("error(unavailable)", "delay(50ms)");
        assert_eq!(acts, ["off", error, error, delay, "off", "off"]);
        assert_eq!(played("delay(1s)", 3), vec!["delay(1s)"; 3]);
        assert_eq!(played("2*delay(1s)", 3), ["delay(1s)", "delay(1s)", "off"]);
    }

    #[test]
    fn a_term_that_is_not_drawn_gives_way_to_the_next() {
        assert_eq!(played("50%delay(1s)->off", 2), ["off", "off"]);
        assert_eq!(played("51%1*delay(1s)->delay(2s)", 2), ["delay(1s)", "delay(2s)"]);
        assert_eq!(played("51%delay(1s)->delay(2s)", 3), vec!["delay(1s)"; 3]);
    }

    #[test]
    fn a_wrong_plan_is_refused_and_told_where() {
        for (text, why) in [
            ("", "off, delay(…) or error(…) is expected where \"\" stands"),
            ("of", "off, delay(…) or error(…) is expected where \"of\" stands"),
            ("off->", "off, delay(…) or error(…) is expected where \"\" stands"),
            ("off off", "-> or the end is expected where \"off\" stands"),
            ("0*off", "0* is no number of calls"),
            ("101%off", "101% is not 1% to 100%"),
            ("error(ok)", "ok is no error"),
            ("error(unavailable:x)", "the text of an error stands in double quotes"),
            ("error(unavailable:\"x)", "the text of an error has no closing quote"),
            ("delay(5)", "\"5\" is no length of time: write a number and ms, s, m or h"),
        ] {
            assert_eq!(text.parse::<Plan>().unwrap_err(), why, "{text:?}");
        }
        assert!("error(not_found)".parse::<Plan>().unwrap_err().contains("not-found"));
    }

    fn any_act() -> impl Strategy<Value = Act> {
        prop_oneof![
            Just(Act::Off),
            any::<u32>().prop_map(|ms| Act::Delay(Duration::from_millis(ms.into()))),
            (1u32..17, any::<String>())
                .prop_map(|(code, message)| Act::Error { code: Code::new(code), message }),
        ]
    }

    fn any_term() -> impl Strategy<Value = Term> {
        let percent = proptest::option::of(1u8..=100);
        let count = proptest::option::of(1u64..);
        (percent, count, any_act()).prop_map(|(percent, count, act)| Term { percent, count, act })
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_as_the_same(
            terms in proptest::collection::vec(any_term(), 1..5),
        ) {
            let plan = Plan { terms };
            prop_assert_eq!(plan.to_string().parse(), Ok(plan));
        }

        #[test]
        fn no_text_makes_it_panic_and_what_is_read_is_shown_as_the_same(
            text in "([0-9]{0,3}[%*]?(off|delay\\(|error\\(|unavailable|:|\"|\\\\|\\)|->|[ -~])){0,8}",
        ) {
            if let Ok(plan) = text.parse::<Plan>() {
                prop_assert_eq!(plan.to_string().parse(), Ok(plan));
            }
        }
    }
}
