//! What can go wrong, as people name it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Plan, span};
use crate::methods::known_method;

/// A call, counted from 1 by namespace and method: `Tasks/Create#1`.
///
/// ```
/// use mock_containerd::faults::NthCall;
///
/// let third: NthCall = "Tasks/Start#3".parse()?;
/// assert_eq!(third.to_string(), "Tasks/Start#3");
/// assert!("Tasks/Strat#3".parse::<NthCall>().is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NthCall {
    pub(super) rpc: String,
    pub(super) nth: u64,
}

/// On which side of the change that a call makes.
///
/// ```
/// use mock_containerd::faults::{Faults, When};
///
/// // The task is created, and its client learns nothing of it.
/// let faults = Faults::default().rpc("Tasks/Create", When::After, "1*error(unavailable)")?;
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// The state has not changed: the call never reached containerd.
    #[default]
    Before,
    /// The state has changed: the reply is lost.
    After,
}

/// What is done to an event.
///
/// ```
/// use mock_containerd::faults::EventFault;
///
/// assert_eq!("swap-next".parse(), Ok(EventFault::SwapNext));
/// assert_eq!("delay(20ms)".parse::<EventFault>()?.to_string(), "delay(20ms)");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventFault {
    /// No subscriber sees it.
    Lose,
    /// All see it twice.
    Duplicate,
    /// All see it so much later.
    Delay(Duration),
    /// All see it after the next event of its namespace; where none comes, not at all.
    SwapNext,
}

/// What is cut.
///
/// ```
/// use mock_containerd::faults::Cut;
///
/// let cut: Cut = "stream:Events/Subscribe".parse()?;
/// assert_eq!(cut, Cut::Stream("Events/Subscribe".to_owned()));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The connection that the call came on, with all that goes on there.
    Connection,
    /// The open calls of one method on that connection: they are reset, without a status.
    Stream(String),
}

/// What becomes of the tasks when the daemon restarts.
///
/// ```
/// use mock_containerd::faults::{DaemonFault, Faults, TasksAfter};
///
/// let restart = DaemonFault::Restart(TasksAfter::Lost);
/// let faults = Faults::default().daemon("Tasks/Start#3".parse()?, restart);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TasksAfter {
    /// Their shims live on. 1.7 and 2.1 remove those that are stopped, 1.6 keeps them.
    #[default]
    Kept,
    /// Their shims died meanwhile: no task is left, and nothing was told.
    Lost,
}

/// What happens to the daemon, or to one of its shims.
///
/// ```
/// use mock_containerd::faults::DaemonFault;
///
/// let fault: DaemonFault = "kill-shim:c0".parse()?;
/// assert_eq!(fault, DaemonFault::KillShim("c0".to_owned()));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DaemonFault {
    /// It stops and starts: all connections are cut, with every open Wait and Subscribe.
    Restart(TasksAfter),
    /// The task of this container dies with its shim; the daemon tells exit 137 and delete.
    KillShim(String),
    /// The shim of this container answers no more; the second value: only for so long.
    HangShim(String, Option<Duration>),
}

/// How long a shim that comes `back` hangs: long enough for one listing to show UNKNOWN.
const BACK: Duration = Duration::from_secs(3);

impl DaemonFault {
    /// Reads `then` of a shim that hangs: `back` or `back(DURATION)`.
    pub(super) fn back(text: &str) -> Result<Duration, String> {
        match text.strip_prefix("back") {
            Some("") => Ok(BACK),
            Some(rest) => {
                let inside = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
                span::parse(inside.ok_or_else(|| format!("{text:?} is not back or back(…)"))?)
            }
            None => Err(format!("{text:?} is not back or back(…)")),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Rpc { on: String, plan: Plan, when: When },
    Event { topic: String, nth: u64, fault: EventFault },
    Cut { after: NthCall, what: Cut },
    Daemon { after: NthCall, fault: DaemonFault },
}

impl FromStr for NthCall {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (rpc, nth) = text
            .split_once('#')
            .ok_or_else(|| format!("{text:?} names no call: write Service/Method#1"))?;
        let number = nth.parse().ok().filter(|nth| *nth > 0);
        let nth =
            number.ok_or_else(|| format!("#{nth} is no number of a call: they begin at 1"))?;
        Ok(Self { rpc: known_method(rpc)?, nth })
    }
}

impl FromStr for EventFault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let delay = text.strip_prefix("delay(").and_then(|rest| rest.strip_suffix(')'));
        match (text, delay) {
            ("lose", _) => Ok(Self::Lose),
            ("duplicate", _) => Ok(Self::Duplicate),
            ("swap-next", _) => Ok(Self::SwapNext),
            (_, Some(span)) => Ok(Self::Delay(span::parse(span)?)),
            _ => Err(format!("{text:?} is not lose, duplicate, delay(…) or swap-next")),
        }
    }
}

impl FromStr for Cut {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("stream:")) {
            ("connection", _) => Ok(Self::Connection),
            (_, Some(name)) => Ok(Self::Stream(known_method(name)?)),
            _ => Err(format!("{text:?} is not connection or stream:Service/Method")),
        }
    }
}

impl FromStr for DaemonFault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "restart" => Ok(Self::Restart(TasksAfter::default())),
            Some(("kill-shim", id)) if !id.is_empty() => Ok(Self::KillShim(id.to_owned())),
            Some(("hang-shim", id)) if !id.is_empty() => Ok(Self::HangShim(id.to_owned(), None)),
            _ => Err(format!("{text:?} is not restart, kill-shim:ID or hang-shim:ID")),
        }
    }
}

impl fmt::Display for NthCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.rpc, self.nth)
    }
}

impl fmt::Display for EventFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lose => f.write_str("lose"),
            Self::Duplicate => f.write_str("duplicate"),
            Self::Delay(span) => write!(f, "delay({})", span::show(*span)),
            Self::SwapNext => f.write_str("swap-next"),
        }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection => f.write_str("connection"),
            Self::Stream(name) => write!(f, "stream:{name}"),
        }
    }
}

impl fmt::Display for DaemonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restart(TasksAfter::Kept) => f.write_str("restart, tasks kept"),
            Self::Restart(TasksAfter::Lost) => f.write_str("restart, tasks lost"),
            Self::KillShim(id) => write!(f, "kill-shim:{id}"),
            Self::HangShim(id, None) => write!(f, "hang-shim:{id}"),
            Self::HangShim(id, Some(span)) => {
                write!(f, "hang-shim:{id}, then back({})", span::show(*span))
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rpc { on, plan, when: When::Before } => write!(f, "{plan} before {on}"),
            Self::Rpc { on, plan, when: When::After } => write!(f, "{plan} after {on}"),
            Self::Event { topic, nth, fault } => write!(f, "{fault} {topic}#{nth}"),
            Self::Cut { after, what } => write!(f, "cut {what} after {after}"),
            Self::Daemon { after, fault } => write!(f, "{fault} after {after}"),
        }
    }
}

/// Lets serde read what is written as one text.
macro_rules! read_as_text {
    ($($type:ident)+) => {
        $(impl TryFrom<String> for $type {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        })+
    };
}

read_as_text! { NthCall EventFault Cut DaemonFault }
