//! How the harness asks a driver, whether it lives in this process or in another.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use crate::{Hello, Notice, Outcome, Request};

/// A boxed future: what an async method of a trait object returns.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a driver is told when it is opened.
#[derive(Clone, Debug)]
pub struct Connect {
    /// The socket to dial. The harness listens behind it.
    pub socket: PathBuf,
    /// The containerd namespace that every call names.
    pub namespace: String,
    /// The directory that is the root file system of every container; absent where none is needed.
    pub rootfs: Option<PathBuf>,
}

/// How a driver is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// It may say goodbye.
    Graceful,
    /// It is gone at once, as if killed; containers live on.
    Crash,
}

/// A client under test, connected to one server in one namespace.
pub trait Driver: Send + Sync {
    /// Who it is and what it can do.
    fn hello(&self) -> &Hello;

    /// The process that it is alone in; `None`: it shares this one. For who asks what it uses.
    fn process(&self) -> Option<u32> {
        None
    }

    /// Performs one operation. Dropping the future cancels it.
    fn perform(&self, request: Request) -> Pending<'_, Result<Outcome, DriverFault>>;

    /// The next notice; `None` when there will be none.
    fn next_notice(&self) -> Pending<'_, Option<Notice>>;

    /// Ends it.
    /// Then it has no connection any more, or soon: a case waits a while for its client to hang up.
    fn close(&self, how: Close) -> Pending<'_, Result<(), DriverFault>>;
}

/// Opens drivers of one kind.
pub trait DriverFactory: Send + Sync {
    /// The name that selects it, and its budget.
    fn name(&self) -> &str;

    /// Connects one. When the future is done the driver is ready: whatever it asked the server
    /// until then belongs to `connect`.
    fn open(&self, connect: Connect) -> Pending<'_, Result<Box<dyn Driver>, DriverFault>>;
}

/// The driver itself failed: not a verdict about the operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DriverFault {
    /// It could not connect.
    Connect {
        /// Why.
        cause: String,
    },
    /// It did not answer in time.
    Silent {
        /// What it was asked.
        operation: &'static str,
        /// How long it was given.
        deadline_ms: u64,
    },
    /// It broke the protocol.
    Protocol {
        /// What it should have said.
        expected: String,
        /// What it said.
        got: String,
    },
    /// It ended.
    Gone {
        /// What is known of it.
        cause: String,
    },
}

impl fmt::Display for DriverFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { cause } => write!(f, "the driver could not connect: {cause}"),
            Self::Silent { operation, deadline_ms } => {
                write!(f, "the driver did not answer {operation} within {deadline_ms} ms")
            }
            Self::Protocol { expected, got } => {
                write!(f, "the driver broke the protocol: expected {expected}, got {got}")
            }
            Self::Gone { cause } => write!(f, "the driver ended: {cause}"),
        }
    }
}

impl std::error::Error for DriverFault {}
