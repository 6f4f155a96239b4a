//! The streams of a process, as its handles give them.

use containerd_client::services::v1::GetRequest;

use super::{FifoPaths, Gathered, Made, Output, OutputLimit, Stdin};
use crate::handle::Handle;
use crate::wire::{self, Doing};
use crate::{Error, Kind, Process, Task};

/// Ends of a process's streams; what it does not have, or what was taken before, is `None`.
#[derive(Debug, Default)]
pub struct Streams {
    /// What it reads.
    pub stdin: Option<Stdin>,
    /// What it writes; with a terminal, all of it.
    pub stdout: Option<Output>,
    /// What it writes of errors.
    pub stderr: Option<Output>,
}

impl Handle {
    pub(super) fn take_streams(&self) -> Streams {
        // Descriptors are registered with the runtime whichever thread takes them.
        let _inside = self.shared.runtime.enter();
        let untaken = self.of.hold.take();
        let output = |fifo: Option<_>, place| {
            let opened = Output::new(fifo?, &self.of, place);
            opened.inspect_err(|error| tracing::warn!(%error, "an output cannot be read")).ok()
        };
        let [stdout, stderr] = untaken.outputs;
        let (stdout, stderr) = (output(stdout, 0), output(stderr, 1));
        let stdin = untaken.input.map(|input| Stdin::new(self, input));
        Streams { stdin, stdout, stderr }
    }

    pub(super) async fn attach_streams(&self) -> Result<Streams, Error> {
        let doing = self.here("attach to the streams of")?;
        let refuse = |what: &str| Err(Error::refusal(&doing, Kind::FailedPrecondition, what));
        let hold = &self.of.hold;
        if hold.is_open() {
            return refuse("this client has them already");
        }
        let paths = match hold.told() {
            Some(told) => told,
            None => self.ask_for_paths(&doing).await?,
        };
        if paths == FifoPaths::default() {
            return refuse("they are no FIFOs");
        }
        let made = Made::at(&paths).map_err(|error| {
            let kind = match error.kind() {
                std::io::ErrorKind::NotFound => Kind::NotFound,
                _ => Kind::Internal,
            };
            let what = format!("cannot open its FIFOs: {error}");
            Error::caused(&doing, kind, what, error)
        })?;
        hold.open(made);
        Ok(self.take_streams())
    }

    async fn ask_for_paths(&self, doing: &Doing<'_>) -> Result<FifoPaths, Error> {
        let (container_id, exec_id) = self.ids();
        let message = GetRequest { container_id, exec_id };
        let found = self.shared.wire.call(doing, &wire::tasks::GET, message).await?;
        self.of.hold.tell(&found.process.unwrap_or_default());
        Ok(self.of.hold.told().unwrap_or_default())
    }
}

impl Task {
    /// Its streams, for whoever made it with [`crate::Io::Streams`] or [`crate::Io::Terminal`], each
    /// once. No RPC.
    ///
    /// Take them first: what nobody has taken is read and dropped from the moment on when somebody
    /// waits for the exit or deletes it, or the last handle is dropped, so that the process does not
    /// block for a reader that never comes.
    pub fn take_streams(&self) -> Streams {
        self.handle.take_streams()
    }

    /// The streams of one that an earlier client made, from where its FIFOs are.
    ///
    /// There must be one reader only: whatever another one reads is lost here. While no client
    /// reads, a process blocks once 64 KiB wait. `FailedPrecondition` when this client has its
    /// streams already, or they are no FIFOs; `NotFound` when those have been removed.
    ///
    /// RPCs: 0; 1 (Tasks/Get) when neither [`crate::Client::load`] nor [`crate::Client::restore`]
    /// found it.
    pub async fn attach_streams(&self) -> Result<Streams, Error> {
        self.handle.whole("attach-streams", self.handle.attach_streams()).await
    }

    /// Closes its standard input, unless that was taken, and gathers what it writes until its end.
    ///
    /// When it has exited and its output does not end, for a child of it lives on, or when it writes
    /// more than is wanted, what was gathered is [`crate::Ending::CutOff`]; the rest is read and
    /// dropped. `FailedPrecondition` when its output is not here to be taken.
    ///
    /// RPCs: 0; 1 (Tasks/CloseIO) with standard input.
    pub async fn wait_with_output(&self, limit: OutputLimit) -> Result<Gathered, Error> {
        self.handle.whole("gather", self.handle.wait_with_output(limit)).await
    }
}

impl Process {
    /// Its streams. No RPC. As [`Task::take_streams`].
    pub fn take_streams(&self) -> Streams {
        self.handle.take_streams()
    }

    /// The streams of one that an earlier client made. As [`Task::attach_streams`].
    ///
    /// RPCs: 0; 1 (Tasks/Get) when it was not [`Task::attach_exec`] that found it.
    pub async fn attach_streams(&self) -> Result<Streams, Error> {
        self.handle.whole("exec-attach-streams", self.handle.attach_streams()).await
    }

    /// Gathers what it writes until its end. As [`Task::wait_with_output`].
    ///
    /// RPCs: 0; 1 (Tasks/CloseIO) with standard input.
    pub async fn wait_with_output(&self, limit: OutputLimit) -> Result<Gathered, Error> {
        self.handle.whole("exec-gather", self.handle.wait_with_output(limit)).await
    }
}
