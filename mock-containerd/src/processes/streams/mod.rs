//! Standard streams, opened, fed and closed in the order in which a shim does it.

mod copying;
mod fifo;
mod file;
mod logger;
mod uri;

use std::io;

use tokio::io::AsyncWrite;

pub(crate) use copying::Copying;

use super::input::Input;
use super::output::Output;
use crate::Profile;
use crate::state::{Failure, Streams};
use logger::Logger;
use uri::Scheme;

/// What a process reads and writes.
#[derive(Debug, Default)]
pub(crate) struct OpenStreams {
    pub(crate) stdin: Input,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
}

/// Whose streams they are.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) profile: Profile,
    pub(crate) namespace: String,
    /// Of the container, or of the exec.
    pub(crate) id: String,
    /// Before an exec's errors stands nothing.
    pub(crate) is_init: bool,
    /// In memory no child may be started.
    pub(crate) may_spawn: bool,
}

impl Owner {
    fn failure(&self, what: String) -> Failure {
        let what = if self.is_init { format!("failed to create shim task: {what}") } else { what };
        Failure::shim(self.profile, what)
    }
}

type Target = Box<dyn AsyncWrite + Send + Unpin>;

/// Opens them all. Waits until each output has a reader, as the real one does.
pub(crate) async fn open(
    owner: &Owner,
    streams: &Streams,
) -> Result<(OpenStreams, Copying), Failure> {
    let Streams { stdin, stdout, stderr, terminal } = streams;
    let (mut open, mut copying) = (OpenStreams::default(), Copying::default());
    if stdin.is_empty() && stdout.is_empty() && stderr.is_empty() {
        return Ok((open, copying));
    }
    let scheme = Scheme::of(stdout);
    let logger = match &scheme {
        Scheme::Binary { program, arguments } => {
            Some(Logger::start(owner, program, arguments).await?)
        }
        Scheme::Unknown(scheme) => {
            let what = format!("failed to create init process I/O: unknown STDIO scheme {scheme}");
            return Err(owner.failure(what));
        }
        Scheme::File(path) => {
            file::create(path).await.map_err(|error| {
                let cause = go_error("open", path, &error);
                owner.failure(format!("failed to create init process I/O: {cause}"))
            })?;
            None
        }
        Scheme::Path => None,
    };
    // Opened before the outputs: standard input must not end while its reader is still to come.
    let keep_open = match stdin.as_str() {
        "" => None,
        path => Some(fifo::keep_open(path).map_err(|error| {
            let cause = go_error("open", path, &error);
            let what =
                format!("failed to open stdin fifo {path}: failed to open {path} with O_PATH");
            owner.failure(format!("{what}: {cause}"))
        })?),
    };
    let (out, err): (Target, Option<Target>) = match (logger, &scheme) {
        (Some(logger), _) => {
            let Logger { stdout, stderr, child } = logger;
            copying.end_with(child);
            (Box::new(stdout), Some(Box::new(stderr)))
        }
        (None, Scheme::File(path)) => {
            (target(owner, path).await?, Some(target(owner, path).await?))
        }
        (None, _) => {
            let out = target(owner, stdout).await?;
            // A terminal has no stderr; an output alone is refused by its empty path.
            (out, if *terminal { None } else { Some(target(owner, stderr).await?) })
        }
    };
    if *terminal {
        open.stdout = Output::terminal(copying.copy(out));
        open.stderr = open.stdout.clone();
    } else {
        open.stdout = Output::of(copying.copy(out));
        open.stderr = err.map_or(Output::Nothing, |err| Output::of(copying.copy(err)));
    }
    if let Some(keep_open) = keep_open {
        let stdin = fifo::reader(stdin, keep_open).map_err(|error| {
            owner.failure(format!("containerd-shim: opening {stdin} failed: {error}"))
        })?;
        open.stdin = Input::fifo(stdin);
    }
    copying.seal();
    Ok((open, copying))
}

/// A FIFO, once it has a reader, or a file, at its end.
async fn target(owner: &Owner, path: &str) -> Result<Target, Failure> {
    let opened: io::Result<Target> = async {
        Ok(if fifo::is_one(path) {
            Box::new(fifo::writer(path).await?) as Target
        } else {
            Box::new(file::append(path).await?)
        })
    }
    .await;
    opened.map_err(|error| {
        let cause = go_error("open", path, &error);
        owner.failure(format!(
            "failed to start io pipe copy: unable to copy pipes: containerd-shim: opening file \
             {path:?} failed: {cause}"
        ))
    })
}

/// As Go words it.
fn go_error(operation: &str, path: &str, cause: &io::Error) -> String {
    let cause = match cause.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "is a directory".to_owned(),
        io::ErrorKind::NotADirectory => "not a directory".to_owned(),
        _ => cause.to_string(),
    };
    format!("{operation} {path}: {cause}")
}
