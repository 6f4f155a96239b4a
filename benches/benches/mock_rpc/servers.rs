//! The servers that take turns, each in a process of its own.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use laconic_targets::daemon::PrivateDaemon;
use mock_containerd::MockContainerd;
use tonic::transport::Channel;

const START_LIMIT_MS: u64 = 10_000;

pub(crate) struct Server {
    name: &'static str,
    channel: Channel,
    process: Process,
}

enum Process {
    Ours(Ours),
    Containerd(Box<PrivateDaemon>),
}

/// Killed when it is dropped: a bench that fails leaves nothing that holds its output open.
struct Ours(Child);

impl Drop for Ours {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// This program again, serving.
    pub(crate) async fn spawn(name: &'static str, word: &str, folder: &Path) -> Self {
        let socket = folder.join(word);
        let program = std::env::current_exe().expect("it has a path");
        let child = Command::new(program).arg(word).arg(&socket).stdin(Stdio::null()).spawn();
        let child = Ours(child.expect("this program can be started"));
        let channel = tokio::time::timeout(
            std::time::Duration::from_millis(START_LIMIT_MS),
            connected(&socket),
        );
        let channel = channel
            .await
            .unwrap_or_else(|_| panic!("{name} does not listen after {START_LIMIT_MS} ms"));
        Self { name, channel, process: Process::Ours(child) }
    }

    /// A private containerd. `Err`: why it cannot take part.
    pub(crate) async fn containerd() -> Result<Self, String> {
        let daemon = PrivateDaemon::start(None).await.map_err(|error| error.to_string())?;
        let channel = connected(daemon.socket()).await;
        Ok(Self { name: "containerd", channel, process: Process::Containerd(Box::new(daemon)) })
    }

    pub(crate) fn name(&self) -> &str {
        self.name
    }

    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Where a container's root may be.
    pub(crate) fn rootfs(&self) -> &Path {
        match &self.process {
            // Nobody looks at it.
            Process::Ours(_) => Path::new("/"),
            Process::Containerd(daemon) => daemon.rootfs(),
        }
    }

    pub(crate) async fn stop(self) {
        match self.process {
            Process::Ours(child) => drop(child),
            Process::Containerd(daemon) => {
                daemon.stop().await.expect("containerd ends when it is told to");
            }
        }
    }
}

async fn connected(socket: &Path) -> Channel {
    let mut poll = tokio::time::interval(std::time::Duration::from_millis(5));
    loop {
        poll.tick().await;
        if let Ok(channel) = containerd_client::connect(socket).await {
            return channel;
        }
    }
}

pub(crate) async fn serve_mock(socket: &str) {
    let _mock = MockContainerd::builder().socket(socket).start().await.expect("a free path");
    std::future::pending::<()>().await;
}
