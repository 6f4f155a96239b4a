//! A driver's process, and whatever it has started.

use std::ffi::OsString;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use driver_protocol::{Connect, DriverFault};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};

/// A process in a group of its own. Dropping it kills the group.
#[derive(Debug)]
pub(super) struct Child {
    child: tokio::process::Child,
    group: Option<Pid>,
}

/// Its standard streams.
pub(super) struct Streams {
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

impl Child {
    pub(super) fn spawn(
        command: &[String],
        environment: &[(String, OsString)],
        connect: &Connect,
    ) -> Result<(Self, Streams), DriverFault> {
        let failed = |cause: String| DriverFault::Gone { cause };
        let Some((program, arguments)) = command.split_first() else {
            return Err(failed("its command is empty".to_owned()));
        };
        let mut spawning = Command::new(program);
        spawning
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .env("CONTAINERD_ADDRESS", &connect.socket)
            .env("CONTAINERD_NAMESPACE", &connect.namespace)
            // Where nothing is mounted, nothing is looked at: any absolute path will do.
            .env("LACONIC_ROOTFS", connect.rootfs.as_deref().unwrap_or(Path::new("/")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mut child =
            spawning.spawn().map_err(|error| failed(format!("cannot start {program}: {error}")))?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let streams = child.stdin.take().zip(child.stdout.take()).zip(child.stderr.take());
        let ((stdin, stdout), stderr) = streams.expect("all three were asked to be pipes");
        Ok((Self { child, group }, Streams { stdin, stdout, stderr }))
    }

    /// Its pid, as long as it has not been awaited.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Ends the group, now. What left it is out of reach.
    pub(super) fn kill(&mut self) {
        if let Some(group) = self.group.take() {
            // An error says that nobody is left in it.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    /// How the process ended; `None`: it did not within the limit.
    pub(super) async fn ended(&mut self, limit: Duration) -> Option<ExitStatus> {
        tokio::time::timeout(limit, self.child.wait()).await.ok()?.ok()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}
