//! Who plays a process: what it can see, say and wait for.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use super::controls::Controls;
use super::input::Input;
use super::output::Output;
use super::setting::Setting;
use super::signals::Signals;

const PROCESSES_MAX: usize = 256;

/// Cheap to clone: a shell's jobs and pipes are actors beside it.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    pub(crate) stdin: Input,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
    pub(crate) controls: watch::Receiver<Controls>,
    pub(crate) signals: Signals,
    pub(crate) setting: Arc<Setting>,
    /// So many lists of shell within lists.
    pub(crate) depth: u32,
    /// Each that runs beside others, in a pipe or behind `&`, takes one.
    pub(crate) processes: Arc<Semaphore>,
}

/// As many as a container of reasonable size lets run at once.
pub(crate) fn processes() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(PROCESSES_MAX))
}

impl Actor {
    /// Goes on at once unless the task is paused.
    pub(crate) async fn thawed(&self) {
        let mut controls = self.controls.clone();
        let _ = controls.wait_for(|controls| !controls.frozen).await;
    }

    /// False: nobody can read it any more.
    pub(crate) async fn print(&self, text: impl AsRef<[u8]>) -> bool {
        self.thawed().await;
        self.stdout.write(text.as_ref()).await
    }

    /// On standard error.
    pub(crate) async fn complain(&self, text: impl AsRef<[u8]>) {
        self.thawed().await;
        self.stderr.write(text.as_ref()).await;
    }

    pub(crate) async fn sleep(&self, duration: Duration) {
        // A timer takes a millisecond at least.
        if !duration.is_zero() {
            tokio::time::sleep(duration).await;
        }
        self.thawed().await;
    }

    /// What comes in goes out, until it ends.
    pub(crate) async fn copy(&self) {
        let mut controls = self.controls.clone();
        let mut buffer = vec![0; 16 * 1024];
        loop {
            self.thawed().await;
            let length = self.stdin.read(&mut buffer, &mut controls).await;
            if length == 0 || !self.print(&buffer[..length]).await {
                return;
            }
        }
    }
}
