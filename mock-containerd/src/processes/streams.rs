//! Standard streams, opened as a shim opens them.

use std::io;
use std::time::Duration;

use tokio::net::unix::pipe;

use crate::Profile;
use crate::state::{Failure, Streams};

/// Nothing tells when a FIFO gets its reader: it is asked for this often.
const READER_POLL_MS: u64 = 5;

/// What a process reads and writes.
#[derive(Debug, Default)]
pub(crate) struct OpenStreams {
    pub(crate) stdin: Option<Stdin>,
    pub(crate) stdout: Option<pipe::Sender>,
    /// Held, so that its reader sees the end when the process ends.
    pub(crate) stderr: Option<pipe::Sender>,
}

/// The reading end, and a writing end of our own: standard input stays open, whatever the client
/// does with its end, until it is closed by CloseIO.
#[derive(Debug)]
pub(crate) struct Stdin {
    pub(crate) read: pipe::Receiver,
    pub(crate) keep_open: Option<pipe::Sender>,
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
    let mut open = OpenStreams {
        stdout: Some(
            writer(&streams.stdout).await.map_err(|error| failed(&streams.stdout, &error))?,
        ),
        ..OpenStreams::default()
    };
    // A terminal has no stderr; without one, an output alone is refused by its empty path.
    if !streams.terminal {
        let stderr = writer(&streams.stderr).await;
        open.stderr = Some(stderr.map_err(|error| failed(&streams.stderr, &error))?);
    }
    if !streams.stdin.is_empty() {
        let stdin = reader(&streams.stdin).map_err(|error| failed(&streams.stdin, &error))?;
        open.stdin = Some(stdin);
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
