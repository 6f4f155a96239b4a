//! What fired, and why.

use std::fmt;

use rpc_ledger::ConnectionId;

use super::{Act, Cut, DaemonFault, EventFault};

/// A fault that happened.
///
/// ```
/// use mock_containerd::MockContainerd;
/// use mock_containerd::faults::{Faults, When};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use containerd_client::services::v1::version_client::VersionClient;
///
/// let faults = Faults::default().rpc("Version/Version", When::Before, "1*error(unavailable)")?;
/// let mock = MockContainerd::builder().faults(faults).start().await?;
/// let mut client = VersionClient::new(containerd_client::connect(mock.socket()).await?);
/// assert_eq!(client.version(()).await.unwrap_err().code(), tonic::Code::Unavailable);
/// assert!(client.version(()).await.is_ok());
///
/// let fired = mock.faults().fired();
/// assert_eq!(
///     fired[0].to_string(),
///     "Version/Version#1 in namespace \"\" on connection 1: error(unavailable) before the call \
///      (by hand: 1*error(unavailable) before Version/Version)"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fired {
    /// What it happened to, or after what: `Tasks/Start#1`.
    pub occasion: String,
    /// In which namespace.
    pub namespace: String,
    /// On which connection; absent of events.
    pub connection: Option<ConnectionId>,
    /// What was done.
    pub effect: Effect,
    /// The same, for people.
    pub done: String,
    /// The rule, as it is written.
    pub rule: String,
    /// Where the rule stands: a file and line, or `by hand`.
    pub origin: String,
}

impl Fired {
    /// What was done to a shim, if there was one.
    pub(super) fn shim(&self, done: bool, word: &str) -> Self {
        let done = if done { format!("shim {word}") } else { "no such task: nothing done".into() };
        Self { done, ..self.clone() }
    }
}

/// What a fault does.
///
/// ```
/// use mock_containerd::faults::{Effect, EventFault};
///
/// assert_ne!(Effect::Event(EventFault::Lose), Effect::Event(EventFault::Duplicate));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// To a call.
    Call(Act),
    /// To an event.
    Event(EventFault),
    /// To a connection or a stream.
    Cut(Cut),
    /// To the daemon or a shim.
    Daemon(DaemonFault),
}

impl fmt::Display for Fired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { occasion, namespace, connection, done, rule, origin, .. } = self;
        write!(f, "{occasion} in namespace {namespace:?}")?;
        if let Some(connection) = connection {
            write!(f, " on connection {connection}")?;
        }
        write!(f, ": {done} ({origin}: {rule})")
    }
}
