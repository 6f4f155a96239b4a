//! What a process wrote, on its way to who reads it. It outlives the process: what is in the pipe
//! still goes out.

use std::time::Duration;

use tokio::io::{AsyncWrite, DuplexStream};
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::super::output::PIPE_BYTES;

/// How long Delete waits for what is still to be read.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// Dropped, it copies no more.
#[derive(Debug, Default)]
pub(crate) struct Copying {
    tasks: JoinSet<()>,
    /// Held by each that copies; closed when the last has done.
    going: Option<watch::Sender<()>>,
    done: Option<watch::Receiver<()>>,
}

impl Copying {
    /// A pipe whose other end is copied to a target, which is closed behind it.
    pub(super) fn copy(
        &mut self,
        mut target: impl AsyncWrite + Send + Unpin + 'static,
    ) -> DuplexStream {
        let (writer, mut reader) = tokio::io::duplex(PIPE_BYTES);
        let going = self.going();
        self.tasks.spawn(async move {
            // Whoever reads it may go away; the process is not told.
            let _ = tokio::io::copy(&mut reader, &mut target).await;
            drop((target, going));
        });
        writer
    }

    /// Done only when this child has ended as well.
    pub(super) fn end_with(&mut self, mut child: Child) {
        let going = self.going();
        self.tasks.spawn(async move {
            let _ = child.wait().await;
            drop(going);
        });
    }

    fn going(&mut self) -> watch::Sender<()> {
        if let Some(going) = &self.going {
            return going.clone();
        }
        let (going, done) = watch::channel(());
        self.done = Some(done);
        self.going.insert(going).clone()
    }

    /// Nothing more is to be copied than what is already.
    pub(super) fn seal(&mut self) {
        self.going = None;
    }

    /// Ends when all has been copied, or after ten seconds.
    pub(crate) fn drained(&self) -> impl Future<Output = ()> + Send + use<> {
        let done = self.done.clone();
        async move {
            let Some(mut done) = done else { return };
            let all = async { while done.changed().await.is_ok() {} };
            let _ = tokio::time::timeout(DRAIN_MAX, all).await;
        }
    }
}
