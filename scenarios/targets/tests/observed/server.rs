//! A server as cases meet it: nothing here knows which it is.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use crate::case::Need;
use crate::log::Watcher;
use crate::step::Deed;

pub(crate) type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A server that cases are played on.
pub(crate) struct Server {
    pub(crate) socket: PathBuf,
    pub(crate) watcher: Watcher,
    /// `1.6`, `1.7` or `2.1`.
    pub(crate) version: &'static str,
    /// Whether it stands in for a containerd, and answers some calls otherwise on purpose.
    pub(crate) stands_in: bool,
    /// Namespaces of cases begin so.
    pub(crate) prefix: String,
    /// A root file system for containers.
    pub(crate) rootfs: PathBuf,
    /// Where it keeps what stays, and what ends with it.
    pub(crate) root: PathBuf,
    pub(crate) state: PathBuf,
    /// A runtime whose shim plays sandboxes.
    pub(crate) sandboxing: String,
    /// A folder for the cases' own files.
    pub(crate) folder: PathBuf,
    pub(crate) ground: Arc<dyn Ground>,
}

/// What a server stands on: its processes, which end with it.
pub(crate) trait Ground: Send + Sync {
    /// Does something to the server's processes; `Err` says what cannot be done here.
    fn perform(&self, deed: Deed, namespace: String) -> Pending<'_, Result<(), String>>;
    /// Ends the server.
    fn end(&self) -> Pending<'_, ()>;
}

/// Starts servers of one kind.
pub(crate) trait Kind: Send + Sync {
    fn start(&self) -> Pending<'_, Server>;
    /// Whether its host has what not every host has.
    fn has(&self, need: Need) -> bool;
}
