//! All that a process writes, up to a limit.

use std::time::Duration;

use tokio::io::AsyncReadExt;

use super::Output;
use crate::handle::Handle;
use crate::{Error, Exit, Kind};

/// How much of a process's output is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimit {
    /// Bytes that are kept of each stream.
    pub bytes: usize,
    /// How long the output may go on once the process has exited.
    pub grace: Duration,
}

/// 1 MiB of each stream, and 1 s.
impl Default for OutputLimit {
    fn default() -> Self {
        Self { bytes: 1 << 20, grace: Duration::from_secs(1) }
    }
}

/// Whether output is all that there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It ended, and all of it is there.
    Complete,
    /// There was more than was to be kept, or it did not end in time: a child of the process may
    /// hold it open for ever.
    CutOff,
}

/// How a process exited, and what it wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gathered {
    /// How it exited.
    pub exit: Exit,
    /// What it wrote; with a terminal, all of it.
    pub stdout: Vec<u8>,
    /// What it wrote of errors.
    pub stderr: Vec<u8>,
    /// Whether that is all.
    pub ending: Ending,
}

/// One stream, as it is gathered.
struct Gathering {
    output: Option<Output>,
    kept: Vec<u8>,
    left_out: bool,
}

impl Gathering {
    fn of(output: Option<Output>) -> Self {
        Self { output, kept: Vec::new(), left_out: false }
    }

    /// Until its end. What is not kept is read all the same: the process must not block.
    async fn gather(&mut self, bytes: usize) {
        let mut buffer = vec![0; 16 * 1024];
        while let Some(output) = &mut self.output {
            match output.read(&mut buffer).await {
                Ok(read @ 1..) => {
                    let kept = read.min(bytes - self.kept.len());
                    self.kept.extend_from_slice(&buffer[..kept]);
                    self.left_out |= kept < read;
                }
                Ok(0) => self.output = None,
                Err(_) => {
                    self.left_out = true;
                    self.output = None;
                }
            }
        }
    }
}

impl Handle {
    pub(super) async fn wait_with_output(&self, limit: OutputLimit) -> Result<Gathered, Error> {
        if !self.of.hold.has_output() {
            let doing = self.doing("gather the output of");
            let what = "it is not here: it has no streams, or they were taken or dropped";
            return Err(Error::refusal(&doing, Kind::FailedPrecondition, what));
        }
        let streams = self.take_streams();
        drop(streams.stdin);
        let mut out = Gathering::of(streams.stdout);
        let mut err = Gathering::of(streams.stderr);
        {
            let all = async { tokio::join!(out.gather(limit.bytes), err.gather(limit.bytes)) };
            let late = async {
                self.wait().await;
                tokio::time::sleep(limit.grace).await;
            };
            tokio::select! {
                biased;
                _ = all => {}
                () = late => {}
            }
        }
        // Also when its outputs ended first: then it has closed them, and goes on.
        let exit = self.wait().await;
        let mut ending = Ending::Complete;
        for one in [&mut out, &mut err] {
            if one.left_out || one.output.is_some() {
                ending = Ending::CutOff;
            }
            if let Some(rest) = one.output.take() {
                self.of.hold.drain_rest(rest, &self.shared.runtime);
            }
        }
        Ok(Gathered { exit, stdout: out.kept, stderr: err.kept, ending })
    }
}
