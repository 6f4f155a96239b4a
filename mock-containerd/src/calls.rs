//! What was called on a mock, as a test looks at it: its own share of it.

use rpc_ledger::{CallRecord, ConnectionId, Ledger};

use crate::{Expectation, Expected};

/// The calls on a mock, or those of one namespace or connection: so parallel tests share a mock.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use containerd_client::services::v1::version_client::VersionClient;
/// use mock_containerd::{Expectation, MockContainerd};
///
/// let mock = MockContainerd::builder().start().await?;
/// let mine = mock.calls().within_namespace("mine");
/// let asked = mine.expect(Expectation::of("Version/Version").times(1));
///
/// let mut client = VersionClient::new(containerd_client::connect(mock.socket()).await?);
/// client.version(()).await?;
/// let mut request = tonic::Request::new(());
/// request.metadata_mut().insert("containerd-namespace", "mine".parse()?);
/// client.version(request).await?;
///
/// asked.verify()?;
/// assert_eq!((mine.list().len(), mock.calls().list().len()), (1, 2));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Calls {
    pub(crate) ledger: Ledger,
    namespace: Option<String>,
    connection: Option<ConnectionId>,
}

impl Calls {
    pub(crate) fn of(ledger: Ledger) -> Self {
        Self { ledger, namespace: None, connection: None }
    }

    /// Only those that name this namespace.
    #[must_use]
    pub fn within_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Only those on this connection.
    #[must_use]
    pub fn on_connection(mut self, connection: ConnectionId) -> Self {
        self.connection = Some(connection);
        self
    }

    /// Those that came so far, in order.
    pub fn list(&self) -> Vec<CallRecord> {
        let mut calls = self.ledger.calls();
        calls.retain(|call| self.has(call));
        calls
    }

    /// Expects calls from now on, until what this returns is verified or dropped.
    pub fn expect(&self, expectation: Expectation) -> Expected {
        Expected::new(self.clone(), expectation)
    }

    pub(crate) fn has(&self, call: &CallRecord) -> bool {
        let named = |namespace: &String| call.namespace.as_ref() == Some(namespace);
        self.namespace.as_ref().is_none_or(named)
            && self.connection.is_none_or(|connection| call.connection == connection)
    }

    /// Whose they are, for people.
    pub(crate) fn whose(&self) -> String {
        let mut whose = String::new();
        if let Some(namespace) = &self.namespace {
            whose.push_str(&format!(" in namespace {namespace:?}"));
        }
        if let Some(connection) = self.connection {
            whose.push_str(&format!(" on connection {connection}"));
        }
        whose
    }
}
