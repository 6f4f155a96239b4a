//! `binary://`: a program of the client's that reads what a process writes.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use command_fds::{CommandFdExt, FdMapping};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

use super::{Owner, go_error};
use crate::Profile;
use crate::state::Failure;

/// It runs, and has said that it is ready.
#[derive(Debug)]
pub(super) struct Logger {
    pub(super) stdout: pipe::Sender,
    pub(super) stderr: pipe::Sender,
    pub(super) child: Child,
}

impl Logger {
    /// Starts it with descriptor 3 for output, 4 for errors, and 5 to be closed when it is ready.
    pub(super) async fn start(
        owner: &Owner,
        program: &str,
        arguments: &[String],
    ) -> Result<Self, Failure> {
        if !owner.may_spawn {
            let what = "binary:// starts a program, and a mock in memory starts none: use a socket";
            return Err(Failure::plain(tonic::Code::Unimplemented, what));
        }
        let started = Self::spawn(owner, program, arguments);
        let (logger, mut ready) = started.map_err(|error| {
            let cause = go_error("fork/exec", program, &error);
            let what = format!("failed to start binary process: {cause}");
            // Until 2.0 it is a list of errors, with one.
            let what = match owner.profile {
                Profile::V2_1 => what,
                _ => format!("1 error occurred:\n\t* {what}\n\n"),
            };
            owner.failure(format!("failed to create init process I/O: {what}"))
        })?;
        // A byte, or the end: both mean that it is ready. An error is seen when it is written to.
        let _ = ready.read(&mut [0]).await;
        Ok(logger)
    }

    fn spawn(
        owner: &Owner,
        program: &str,
        arguments: &[String],
    ) -> io::Result<(Self, pipe::Receiver)> {
        let (stdout, out) = pipe::pipe()?;
        let (stderr, err) = pipe::pipe()?;
        let (said, ready) = pipe::pipe()?;
        let passed: [OwnedFd; 3] =
            [out.into_blocking_fd()?, err.into_blocking_fd()?, said.into_blocking_fd()?];
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .env("CONTAINER_ID", &owner.id)
            .env("CONTAINER_NAMESPACE", &owner.namespace)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mappings = passed.into_iter().zip(3..);
        command
            .fd_mappings(
                mappings.map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd }).collect(),
            )
            .expect("3, 4 and 5 are three");
        let child = command.spawn()?;
        // With the command go our copies of its descriptors: its end is the end of the pipes.
        drop(command);
        Ok((Self { stdout, stderr, child }, ready))
    }
}
