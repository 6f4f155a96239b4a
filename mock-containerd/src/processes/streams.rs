//! Standard streams, opened as a shim opens them.

use std::io;
use std::time::Duration;

use tokio::net::unix::pipe;

use super::input::{Input, Stdin};
use super::output::Output;
use crate::Profile;
use crate::state::{Failure, Streams};

/// Nothing tells when a FIFO gets its reader: it is asked for this often.
const READER_POLL_MS: u64 = 5;

/// What a process reads and writes.
#[derive(Debug, Default)]
pub(crate) struct OpenStreams {
    pub(crate) stdin: Input,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
}

/// Opens them all. Waits until each output has a reader, as the real one does.
pub(crate) async fn open(profile: Profile, streams: &Streams) -> Result<OpenStreams, Failure> {
    let failed = |path: &str, cause: &io::Error| {
        let what = format!(
            "failed to create shim task: failed to start io pipe copy: unable to copy pipes: \
             containerd-shim: opening file {path:?} failed: open {path}: {}",
            match cause.kind() {
                io::ErrorKind::NotFound => "no such file or directory".to_owned(),
                _ => cause.to_string(),
            }
        );
        Failure::shim(profile, what)
    };
    let none = streams.stdin.is_empty() && streams.stdout.is_empty() && streams.stderr.is_empty();
    if none {
        return Ok(OpenStreams::default());
    }
    let stdout = writer(&streams.stdout).await.map_err(|error| failed(&streams.stdout, &error))?;
    let mut open = OpenStreams::default();
    if streams.terminal {
        // A terminal has no stderr.
        open.stdout = Output::terminal(stdout);
        open.stderr = open.stdout.clone();
    } else {
        open.stdout = Output::of(stdout);
        // An output alone is refused by its empty path.
        let stderr = writer(&streams.stderr).await;
        open.stderr = Output::of(stderr.map_err(|error| failed(&streams.stderr, &error))?);
    }
    if !streams.stdin.is_empty() {
        let stdin = reader(&streams.stdin).map_err(|error| failed(&streams.stdin, &error))?;
        open.stdin = Input::fifo(stdin);
    }
    Ok(open)
}

async fn writer(path: &str) -> io::Result<pipe::Sender> {
    const NO_READER: i32 = 6;
    let mut poll = tokio::time::interval(Duration::from_millis(READER_POLL_MS));
    loop {
        match pipe::OpenOptions::new().open_sender(path) {
            Err(error) if error.raw_os_error() == Some(NO_READER) => poll.tick().await,
            opened => return opened,
        };
    }
}

fn reader(path: &str) -> io::Result<Stdin> {
    let read = pipe::OpenOptions::new().open_receiver(path)?;
    let keep_open = Some(pipe::OpenOptions::new().open_sender(path)?);
    Ok(Stdin { read, keep_open })
}
