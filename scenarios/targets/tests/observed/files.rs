//! What a client does beside its calls: FIFOs, files, and what it reads from them.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

use rustix::fs::{CWD, Mode, OFlags, mkfifoat};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Verb {
    /// Makes a FIFO.
    Fifo { fifo: PathBuf },
    /// Opens the read end, without waiting for a writer, and reads it to its end when asked.
    Listen { listen: PathBuf, r#as: String },
    /// All that comes until the end.
    Heard { heard: String },
    /// Opens the write end and writes. `as`: keeps it open under that name.
    Feed { feed: PathBuf, text: String, r#as: Option<String> },
    /// Writes more to a write end.
    Write { write: String, text: String },
    /// Closes a write end.
    Shut { shut: String },
    /// Reads as much as the pattern's text is long.
    Hear { hear: String, bytes: usize },
    /// Makes a file.
    File {
        file: PathBuf,
        text: String,
        #[serde(default)]
        executable: bool,
    },
    /// What is at a path.
    Look { look: PathBuf },
}

/// Ends of FIFOs that a case holds.
#[derive(Default)]
pub(crate) struct Ends {
    readers: BTreeMap<String, pipe::Receiver>,
    writers: BTreeMap<String, pipe::Sender>,
}

impl Ends {
    pub(crate) async fn act(&mut self, verb: Verb) -> io::Result<Value> {
        match verb {
            Verb::Fifo { fifo } => {
                mkfifoat(CWD, &fifo, Mode::RWXU)?;
            }
            Verb::Listen { listen, r#as } => {
                self.readers.insert(r#as, pipe::OpenOptions::new().open_receiver(listen)?);
            }
            Verb::Heard { heard } => {
                let mut reader = self.readers.remove(&heard).ok_or(io::ErrorKind::NotFound)?;
                let mut bytes = Vec::new();
                reader.read_to_end(&mut bytes).await?;
                return Ok(json!({ "text": String::from_utf8_lossy(&bytes) }));
            }
            Verb::Hear { hear, bytes } => {
                let reader = self.readers.get_mut(&hear).ok_or(io::ErrorKind::NotFound)?;
                let mut text = vec![0; bytes];
                reader.read_exact(&mut text).await?;
                return Ok(json!({ "text": String::from_utf8_lossy(&text) }));
            }
            Verb::Feed { feed, text, r#as } => {
                // Read and write: so that it opens although nobody reads yet.
                let flags = OFlags::NONBLOCK.bits().cast_signed();
                let mut options = std::fs::OpenOptions::new();
                let file = options.read(true).write(true).custom_flags(flags).open(feed)?;
                let mut sender = pipe::Sender::from_file(file)?;
                sender.write_all(text.as_bytes()).await?;
                if let Some(name) = r#as {
                    self.writers.insert(name, sender);
                }
            }
            Verb::Write { write, text } => {
                let writer = self.writers.get_mut(&write).ok_or(io::ErrorKind::NotFound)?;
                writer.write_all(text.as_bytes()).await?;
            }
            Verb::Shut { shut } => {
                self.writers.remove(&shut).ok_or(io::ErrorKind::NotFound)?;
            }
            Verb::File { file, text, executable } => {
                std::fs::write(&file, text)?;
                let mode = if executable { 0o755 } else { 0o644 };
                std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode))?;
            }
            Verb::Look { look } => return Ok(looked(&look)),
        }
        Ok(Value::Null)
    }
}

fn looked(path: &std::path::Path) -> Value {
    let Ok(metadata) = std::fs::metadata(path) else { return json!({ "there": false }) };
    let text = if metadata.is_file() { std::fs::read_to_string(path).ok() } else { None };
    json!({
        "there": true,
        "mode": format!("{:o}", metadata.mode() & 0o7777),
        "uid": metadata.uid(),
        "gid": metadata.gid(),
        "text": text,
    })
}
