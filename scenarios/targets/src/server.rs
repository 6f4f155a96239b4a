//! The servers that a stand can hold.

use std::path::Path;
use std::sync::Arc;

use mock_containerd::MockContainerd;

use crate::kept::KeptDaemon;

/// What stands behind the taps.
pub(crate) enum Server {
    /// A mock of ours.
    Mock(MockContainerd),
    /// A containerd of ours.
    Real(Arc<KeptDaemon>),
    /// Somebody's own.
    Address(Box<Path>),
}

impl Server {
    pub(crate) fn socket(&self) -> &Path {
        match self {
            Self::Mock(mock) => mock.socket(),
            Self::Real(daemon) => daemon.socket(),
            Self::Address(path) => path,
        }
    }

    /// Where the observer comes in: the mock has a door of its own for it, which no fault touches.
    pub(crate) fn watch_socket(&self) -> &Path {
        match self {
            Self::Mock(mock) => mock.watch_socket().unwrap_or(mock.socket()),
            _ => self.socket(),
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Mock(_) => "mock",
            Self::Real(_) => "real",
            Self::Address(_) => "address",
        }
    }
}
