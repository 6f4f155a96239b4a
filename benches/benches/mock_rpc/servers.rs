//! The servers that take turns, each in a process of its own.

use std::path::Path;

use laconic_targets::daemon::PrivateDaemon;
use tonic::transport::Channel;

use crate::process::Process;

pub(crate) struct Server {
    name: &'static str,
    channel: Channel,
    served: Served,
}

enum Served {
    Ours(Process),
    Containerd(Box<PrivateDaemon>),
}

impl Server {
    /// This program again, serving.
    pub(crate) async fn spawn(name: &'static str, word: &str, folder: &Path) -> Self {
        let (process, channel) = Process::spawn(word, &folder.join(word)).await;
        Self { name, channel, served: Served::Ours(process) }
    }

    /// A private containerd. `Err`: why it cannot take part.
    pub(crate) async fn containerd() -> Result<Self, String> {
        let daemon = PrivateDaemon::start(None).await.map_err(|error| error.to_string())?;
        let channel = containerd_client::connect(daemon.socket()).await;
        let channel = channel.map_err(|error| error.to_string())?;
        Ok(Self { name: "containerd", channel, served: Served::Containerd(Box::new(daemon)) })
    }

    pub(crate) fn name(&self) -> &str {
        self.name
    }

    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Where a container's root may be.
    pub(crate) fn rootfs(&self) -> &Path {
        match &self.served {
            // Nobody looks at it.
            Served::Ours(_) => Path::new("/"),
            Served::Containerd(daemon) => daemon.rootfs(),
        }
    }

    /// For how long its threads have run. `None`: other processes work for it, too.
    pub(crate) fn cpu_ns(&self) -> Option<u64> {
        let Served::Ours(process) = &self.served else { return None };
        let threads = std::fs::read_dir(format!("/proc/{}/task", process.pid()));
        let of_thread = |thread: std::io::Result<std::fs::DirEntry>| -> Option<u64> {
            // One that has ended meanwhile is not there.
            let told = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            told.split(' ').next()?.parse().ok()
        };
        Some(threads.expect("it lives").filter_map(of_thread).sum())
    }

    pub(crate) async fn stop(self) {
        match self.served {
            Served::Ours(process) => drop(process),
            Served::Containerd(daemon) => {
                daemon.stop().await.expect("containerd ends when it is told to");
            }
        }
    }
}
