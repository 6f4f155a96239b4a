//! The lines that go to a driver and come from it, one JSON value each.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Notice, Operation, Outcome};

/// The protocol's version; another one is refused.
pub const PROTOCOL: u32 = 1;

/// Names a request within one connection to a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub u64);

/// What a driver can do beyond the basic operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// `exec` and what belongs to it.
    Exec,
    /// `pause` and `resume`.
    Pause,
    /// Tells exits unasked.
    Exits,
    /// Cancels a request on demand.
    Cancel,
    /// Finds containers of an earlier client again.
    Restore,
    /// Opens standard input, gathers output.
    Io,
    /// Imports, unpacks and removes images, and makes containers of them.
    Images,
    /// Writes a running task down.
    Checkpoint,
    /// Tells errors of the state machine by kind, not as `unknown`.
    TypedStateErrors,
}

impl Capability {
    /// As the protocol words it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Pause => "pause",
            Self::Exits => "exits",
            Self::Cancel => "cancel",
            Self::Restore => "restore",
            Self::Io => "io",
            Self::Images => "images",
            Self::Checkpoint => "checkpoint",
            Self::TypedStateErrors => "typed-state-errors",
        }
    }
}

/// A driver introduces itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Its name, which also names its budget.
    pub driver: String,
    /// Its own version.
    pub version: String,
    /// What it can do.
    pub capabilities: BTreeSet<Capability>,
}

/// Asks for one operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The answer carries the same.
    pub id: RequestId,
    /// After this long, silence is a fault of the driver.
    pub deadline_ms: u64,
    /// W3C trace context for every RPC that the operation makes; optional for a driver to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// What to do.
    pub operation: Operation,
}

/// A line to a driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ToDriver {
    /// First line.
    Hello {
        /// See [`PROTOCOL`].
        protocol: u32,
        /// Who asks.
        hello: Greeting,
    },
    /// Do something.
    Request(Request),
    /// Stop doing something.
    Cancel {
        /// What.
        cancel: RequestId,
    },
    /// Finish.
    Bye {
        /// Empty.
        bye: Nothing,
    },
}

/// The harness introduces itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// The harness's version.
    pub laconic: String,
    /// What it will hold to and insist on.
    pub limits: Limits,
}

/// What both sides keep to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The longest line.
    pub line_bytes_max: u64,
    /// The most requests open at once.
    pub in_flight_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { line_bytes_max: 1 << 20, in_flight_max: 64 }
    }
}

/// An empty object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {}

/// A line from a driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FromDriver {
    /// First line.
    Hello {
        /// See [`PROTOCOL`].
        protocol: u32,
        /// Who answers.
        hello: Hello,
    },
    /// Connected: RPCs until here belong to `connect`.
    Ready {
        /// Empty.
        ready: Nothing,
    },
    /// The answer to a request.
    Outcome {
        /// Which.
        id: RequestId,
        /// What it came to.
        outcome: Outcome,
    },
    /// News.
    Notice {
        /// What.
        notice: Notice,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ContainerId, Exec, ExecId, Ok as Done, Started};

    #[test]
    fn a_request_is_written_as_the_protocol_shows_it() {
        let request = ToDriver::Request(Request {
            id: RequestId(17),
            deadline_ms: 20_000,
            traceparent: None,
            operation: Operation::Exec(Exec {
                container: ContainerId::new("c1"),
                exec: ExecId::new("e7"),
                args: vec!["true".into()],
                stdin: false,
                terminal: false,
                input: None,
                output: false,
            }),
        });
        let line = serde_json::to_string(&request).unwrap();
        assert_eq!(
            line,
            r#"{"id":17,"deadline_ms":20000,"operation":{"exec":{"container":"c1","exec":"e7","args":["true"],"stdin":false,"terminal":false}}}"#
        );
        assert_eq!(serde_json::from_str::<ToDriver>(&line).unwrap(), request);
    }

    #[test]
    fn an_outcome_is_read_as_the_protocol_shows_it() {
        let line = r#"{"id":17,"outcome":{"ok":{"exec":{"pid":4242}}}}"#;
        assert_eq!(
            serde_json::from_str::<FromDriver>(line).unwrap(),
            FromDriver::Outcome {
                id: RequestId(17),
                outcome: Outcome::Ok(Done::Exec(Started { pid: 4242 })),
            }
        );
        let line = r#"{"ready":{}}"#;
        assert_eq!(
            serde_json::from_str::<FromDriver>(line).unwrap(),
            FromDriver::Ready { ready: Nothing {} }
        );
    }
}
