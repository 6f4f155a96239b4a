//! What a proxy cannot do to a daemon itself: somebody's hands do it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::faults::{FaultControl, TasksAfter};

/// What takes a while.
///
/// ```
/// use mock_containerd::faults::Taking;
///
/// let at_once: Taking<'static, bool> = Box::pin(std::future::ready(true));
/// ```
pub type Taking<'d, T> = Pin<Box<dyn Future<Output = T> + Send + 'd>>;

/// Who can restart a daemon, and kill its shims. A proxy without one refuses connections and calls and
/// changes events, but has `[[daemon]]` done by nobody.
///
/// The mock's own [`FaultControl`] is one.
///
/// ```
/// use std::sync::Arc;
///
/// use mock_containerd::MockContainerd;
/// use mock_containerd::faults::{Daemon, Proxy};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mock = MockContainerd::builder().start().await?;
/// let hands: Arc<dyn Daemon> = Arc::new(mock.faults().clone());
/// let folder = tempfile::tempdir()?;
/// let proxy = Proxy::to(mock.socket()).daemon(hands).listen(&folder.path().join("p.sock")).await?;
/// # Ok(())
/// # }
/// ```
pub trait Daemon: Send + Sync + 'static {
    /// Kills the shim of a task. Done when the daemon knows; `false`: there is no such task.
    fn kill_shim<'d>(&'d self, namespace: &'d str, id: &'d str) -> Taking<'d, bool>;

    /// Stops the shim of a task. `false`: there is no such task.
    fn hang_shim(&self, namespace: &str, id: &str) -> bool;

    /// Lets it go on. `false`: it did not hang.
    fn wake_shim(&self, namespace: &str, id: &str) -> bool;

    /// The daemon is to end and start again: from now on it counts as away. What this returns does it,
    /// and is awaited once all calls have been given up. Done when it serves; `false`: it does not any more.
    fn restart(self: Arc<Self>, tasks: TasksAfter) -> Taking<'static, bool>;
}

impl Daemon for FaultControl {
    fn kill_shim<'d>(&'d self, namespace: &'d str, id: &'d str) -> Taking<'d, bool> {
        Box::pin(std::future::ready(FaultControl::kill_shim(self, namespace, id)))
    }

    fn hang_shim(&self, namespace: &str, id: &str) -> bool {
        FaultControl::hang_shim(self, namespace, id)
    }

    fn wake_shim(&self, namespace: &str, id: &str) -> bool {
        FaultControl::wake_shim(self, namespace, id)
    }

    fn restart(self: Arc<Self>, tasks: TasksAfter) -> Taking<'static, bool> {
        Box::pin(async move {
            FaultControl::restart(&self, tasks);
            true
        })
    }
}
