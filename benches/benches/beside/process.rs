//! This program again, as a server in a process of its own.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tonic::transport::Channel;

const START_LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);

/// Killed when it is dropped: a bench that fails leaves nothing that holds its output open.
pub(crate) struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// Tells this program by a word what to serve, and connects.
    pub(crate) async fn spawn(word: &str, socket: &Path) -> (Self, Channel) {
        let program = std::env::current_exe().expect("it has a path");
        let child = Command::new(program).arg(word).arg(socket).stdin(Stdio::null()).spawn();
        let process = Self(child.expect("this program can be started"));
        let channel = tokio::time::timeout(START_LIMIT, connected(socket)).await;
        (process, channel.unwrap_or_else(|_| panic!("{word}: no answer after {START_LIMIT:?}")))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

async fn connected(socket: &Path) -> Channel {
    let mut poll = tokio::time::interval(POLL);
    loop {
        poll.tick().await;
        if let Ok(channel) = containerd_client::connect(socket).await {
            return channel;
        }
    }
}
