//! Expectations: how often a method is to be called, and what is told when it was not.

use std::fmt;
use std::ops::{RangeFrom, RangeInclusive};

use rpc_ledger::{CallRecord, Mark};

use crate::Calls;
use crate::methods::known_method;

/// How often.
///
/// ```
/// use mock_containerd::Times;
///
/// assert_eq!(Times::from(2).to_string(), "exactly 2 calls");
/// assert_eq!(Times::from(1..).to_string(), "at least 1 call");
/// assert_eq!(Times::from(1..=3).to_string(), "1 to 3 calls");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    least: u64,
    most: Option<u64>,
}

impl From<u64> for Times {
    fn from(times: u64) -> Self {
        Self { least: times, most: Some(times) }
    }
}

impl From<RangeInclusive<u64>> for Times {
    fn from(times: RangeInclusive<u64>) -> Self {
        Self { least: *times.start(), most: Some(*times.end()) }
    }
}

impl From<RangeFrom<u64>> for Times {
    fn from(times: RangeFrom<u64>) -> Self {
        Self { least: times.start, most: None }
    }
}

impl Times {
    fn hold(self, times: u64) -> bool {
        times >= self.least && self.most.is_none_or(|most| times <= most)
    }
}

fn calls(number: u64) -> &'static str {
    if number == 1 { "call" } else { "calls" }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let least = self.least;
        match self.most {
            Some(0) => f.write_str("no call"),
            Some(most) if most == least => write!(f, "exactly {most} {}", calls(most)),
            Some(most) => write!(f, "{least} to {most} {}", calls(most)),
            None => write!(f, "at least {least} {}", calls(least)),
        }
    }
}

/// Calls of a method that are to come: one, unless told otherwise.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mock_containerd::{Expectation, MockContainerd};
///
/// let mock = MockContainerd::builder().in_memory();
/// // Dropped at the end of its scope, it panics if a container was created meanwhile.
/// let _quiet = mock.expect(Expectation::of("Containers/Create").times(0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    rpc: String,
    times: Times,
}

impl Expectation {
    /// Of a method by its short name, `Service/Method`.
    ///
    /// # Panics
    /// When there is no such method: an expectation of it would mean nothing.
    pub fn of(rpc: &str) -> Self {
        match known_method(rpc) {
            Ok(rpc) => Self { rpc, times: Times::from(1) },
            Err(error) => panic!("cannot expect calls of it: {error}"),
        }
    }

    /// So often: `2`, `1..=3`, `1..`.
    #[must_use]
    pub fn times(mut self, times: impl Into<Times>) -> Self {
        self.times = times.into();
        self
    }
}

/// What is expected from the moment this was made. It is checked by `verify`, or when it is
/// dropped, which panics if it does not hold (and does not while a panic is under way).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mock_containerd::{Expectation, MockContainerd};
///
/// let mock = MockContainerd::builder().in_memory();
/// let asked = mock.expect(Expectation::of("Version/Version"));
/// let unmet = asked.verify().unwrap_err();
/// assert!(unmet.to_string().starts_with("of Version/Version exactly 1 call was expected; 0 came"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropped at once, it expects nothing"]
pub struct Expected {
    calls: Calls,
    expectation: Expectation,
    from: Mark,
    verified: bool,
}

/// An expectation that does not hold: what was expected, and every call that came.
///
/// ```
/// use mock_containerd::{Expectation, MockContainerd, Unmet};
///
/// let mock = MockContainerd::builder().in_memory();
/// let asked = mock.expect(Expectation::of("Tasks/Start").times(1..=2));
/// let unmet: Unmet = asked.verify().unwrap_err();
/// let told = "of Tasks/Start 1 to 2 calls were expected; 0 came.\nNo call came at all.";
/// assert_eq!(unmet.to_string(), told);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    expectation: Expectation,
    whose: String,
    /// And whether it was counted.
    came: Vec<(CallRecord, bool)>,
}

impl Expected {
    pub(crate) fn new(calls: Calls, expectation: Expectation) -> Self {
        let from = calls.ledger.mark();
        Self { calls, expectation, from, verified: false }
    }

    /// Counts only calls that name this namespace.
    pub fn within_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.calls = self.calls.clone().within_namespace(namespace);
        self
    }

    /// Checks it now, and no more when it is dropped.
    pub fn verify(mut self) -> Result<(), Unmet> {
        self.verified = true;
        self.check()
    }

    fn check(&self) -> Result<(), Unmet> {
        let until = self.calls.ledger.mark();
        let came = self.calls.ledger.calls_between(self.from, until).into_iter();
        let counted =
            |call: &CallRecord| self.calls.has(call) && call.rpc.short() == self.expectation.rpc;
        let came: Vec<(CallRecord, bool)> =
            came.map(|call| (call.clone(), counted(&call))).collect();
        let number = came.iter().filter(|(_, counted)| *counted).count();
        if self.expectation.times.hold(number as u64) {
            return Ok(());
        }
        Err(Unmet { expectation: self.expectation.clone(), whose: self.calls.whose(), came })
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        if self.verified || std::thread::panicking() {
            return;
        }
        if let Err(unmet) = self.check() {
            panic!("{unmet}");
        }
    }
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expectation: Expectation { rpc, times }, whose, came } = self;
        let number = came.iter().filter(|(_, counted)| *counted).count();
        let were = if times.most.unwrap_or(times.least) <= 1 { "was" } else { "were" };
        writeln!(f, "of {rpc}{whose} {times} {were} expected; {number} came.")?;
        if came.is_empty() {
            return f.write_str("No call came at all.");
        }
        f.write_str("All calls that came, in order (* counted):")?;
        for (call, counted) in came {
            let mark = if *counted { '*' } else { ' ' };
            let namespace = call.namespace.as_ref().map_or("-".to_owned(), |n| format!("{n:?}"));
            let injected = if call.injected { " (injected)" } else { "" };
            let (rpc, connection, ending) = (call.rpc.short(), call.connection, call.ending());
            write!(f, "\n{mark} {rpc:<24} namespace {namespace}, connection {connection}: ")?;
            write!(f, "{ending}{injected}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Unmet {}
