//! A process that is there to be pointed at: it reads from a pipe of ours, and ends with it, so that
//! not even a mock that is killed leaves one behind.

use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};
use tokio::io::{self, AsyncReadExt};
use tokio::net::unix::pipe;

use super::signal::SIGKILL;

/// Says that it is there, with its namespace, before it becomes what it stays.
const SCRIPT: &str = "echo; exec cat";

/// Ended and reaped when it is dropped.
#[derive(Debug)]
pub(super) struct Placeholder {
    child: Child,
    output: Option<pipe::Receiver>,
}

impl Placeholder {
    /// Once this returns, the process is there.
    pub(super) async fn begin(own_network: bool) -> io::Result<Self> {
        let mut command = match own_network {
            true => {
                let mut command = Command::new("unshare");
                command.args(["--net", "--", "sh", "-c", SCRIPT]);
                command
            }
            false => {
                let mut command = Command::new("sh");
                command.args(["-c", SCRIPT]);
                command
            }
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut placeholder = Self { child: command.spawn()?, output: None };
        let stdout = placeholder.child.stdout.take().expect("it is piped");
        let mut output = pipe::Receiver::from_owned_fd(stdout.into())?;
        if output.read(&mut [0]).await? == 0 {
            return Err(io::Error::other(placeholder.complaint()));
        }
        placeholder.output = Some(output);
        Ok(placeholder)
    }

    /// Why it did not begin.
    fn complaint(mut self) -> String {
        let mut text = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            // It has closed its output, so it ends: this ends as well.
            let _ = std::io::Read::read_to_string(&mut stderr, &mut text);
        }
        match text.trim() {
            "" => "the placeholder ended at once".to_owned(),
            text => text.to_owned(),
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// It is a zombie from now on.
    pub(super) fn end(&mut self) {
        // It may be one already, by a stranger's hand.
        let _ = self.child.kill();
    }

    /// Only once.
    pub(super) fn watch(&mut self) -> io::Result<Watch> {
        let pid = Pid::from_child(&self.child);
        let output = self.output.take().ok_or_else(|| io::Error::other("it is watched already"))?;
        Ok(Watch { output, pidfd: pidfd_open(pid, PidfdFlags::empty())? })
    }
}

impl Drop for Placeholder {
    fn drop(&mut self) {
        self.end();
        // It cannot resist, so this takes no time worth speaking of.
        let _ = self.child.wait();
    }
}

/// Sees it end, and leaves it to be reaped.
#[derive(Debug)]
pub(super) struct Watch {
    /// It says nothing any more: this ends when it does.
    output: pipe::Receiver,
    pidfd: OwnedFd,
}

impl Watch {
    /// The status of a process that ended like this.
    pub(super) async fn ended(mut self) -> u32 {
        let _ = self.output.read(&mut [0]).await;
        // Its files close a moment before it can be waited for. By its descriptor, for its pid may
        // have been reaped meanwhile.
        let waited = tokio::task::spawn_blocking(move || {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            waitid(WaitId::PidFd(self.pidfd.as_fd()), options)
        });
        let status = waited.await.expect("it does not panic, and is not aborted");
        let signal = status.ok().flatten().and_then(|status| status.terminating_signal());
        // Whoever is killed without a known signal was killed for good.
        128 + signal.and_then(|signal| u32::try_from(signal).ok()).unwrap_or(SIGKILL)
    }
}
