//! How a running spy is told where a segment begins: a socket, one line, one answer.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::segments::Segments;

/// Names the socket of the spy around a command.
pub(crate) const VARIABLE: &str = "LACONIC_SPY";
/// Begins the names of folders in which spies keep their sockets.
pub(crate) const FOLDER_PREFIX: &str = "laconic-spy-";
pub(crate) const SOCKET: &str = "control.sock";
const NAME_BYTES_MAX: u64 = 200;

/// Takes marks until it is dropped.
pub(crate) fn serve(path: &Path, segments: Segments) -> anyhow::Result<()> {
    let listener =
        UnixListener::bind(path).with_context(|| format!("cannot listen on {}", path.display()))?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, segments.clone()));
        }
    });
    Ok(())
}

async fn answer(stream: UnixStream, segments: Segments) {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut read = BufReader::new(read.take(NAME_BYTES_MAX));
    let told = match read.read_line(&mut line).await {
        Ok(_) if line.ends_with('\n') && !line.trim().is_empty() => {
            segments.mark(line.trim().to_owned()).await;
            "ok\n"
        }
        _ => "a name of a segment is one line of at most 200 bytes\n",
    };
    // Whoever asked and went away does not want to know.
    let _ = write.write_all(told.as_bytes()).await;
}

/// Asks a spy to begin a segment.
pub(crate) async fn mark(path: &Path, name: &str) -> anyhow::Result<()> {
    let shown = path.display();
    let stream =
        UnixStream::connect(path).await.with_context(|| format!("no spy answers at {shown}"))?;
    let (read, mut write) = stream.into_split();
    write.write_all(format!("{name}\n").as_bytes()).await?;
    let mut told = String::new();
    BufReader::new(read).read_line(&mut told).await?;
    match told.trim() {
        "ok" => Ok(()),
        "" => bail!("the spy at {shown} ended"),
        refused => bail!("{refused}"),
    }
}

/// The spy that is meant: the one named, the one around us, or the only one there is.
pub(crate) fn find(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    if let Some(path) = std::env::var_os(VARIABLE) {
        return Ok(path.into());
    }
    let mut found: Vec<PathBuf> = std::fs::read_dir(std::env::temp_dir())?
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(FOLDER_PREFIX))
        .map(|entry| entry.path().join(SOCKET))
        .filter(|socket| std::os::unix::net::UnixStream::connect(socket).is_ok())
        .collect();
    match (found.pop(), found.len()) {
        (Some(only), 0) => Ok(only),
        (None, _) => bail!("no spy is running: start one with laconic spy"),
        (Some(_), more) => {
            bail!("{} spies are running: name one by --spy or {VARIABLE}", more + 1)
        }
    }
}
