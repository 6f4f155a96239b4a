//! Standard streams of a process whose input stays open: FIFOs in a private folder.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;

/// Three FIFOs. Output is read and dropped; the folder goes with the last handle.
#[derive(Debug)]
pub(super) struct Fifos {
    folder: tempfile::TempDir,
    stdin: Option<pipe::Sender>,
    drains: Vec<JoinHandle<()>>,
}

impl Fifos {
    /// Makes and opens them. The server opens its ends when the process is created.
    pub(super) fn new() -> io::Result<Self> {
        // Named by its owner, so that whoever finds it later can tell whether that is dead.
        let named = format!("laconic-fifo-{}-", std::process::id());
        let folder = tempfile::Builder::new()
            .prefix(&named)
            .permissions(Permissions::from_mode(0o700))
            .tempdir()?;
        let mut fifos = Self { folder, stdin: None, drains: Vec::new() };
        for name in ["stdin", "stdout", "stderr"] {
            let mode = Mode::RWXU;
            mknodat(CWD, fifos.at(name), FileType::Fifo, mode, 0)?;
        }
        // Opened for both, here and below: opening must not depend on the other side being there,
        // and an output must not look ended before the process has opened it.
        let mut both = pipe::OpenOptions::new();
        both.read_write(true);
        fifos.stdin = Some(both.open_sender(fifos.at("stdin"))?);
        for name in ["stdout", "stderr"] {
            let output = both.open_receiver(fifos.at(name))?;
            fifos.drains.push(tokio::spawn(drain(output)));
        }
        Ok(fifos)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The path of `stdin`, `stdout` or `stderr`, as requests name it.
    pub(super) fn path(&self, name: &str) -> String {
        self.at(name).display().to_string()
    }

    /// Closes our end of the input. The server keeps one, too, until CloseIO.
    pub(super) fn close_stdin(&mut self) {
        self.stdin = None;
    }
}

impl Drop for Fifos {
    fn drop(&mut self) {
        self.drains.iter().for_each(JoinHandle::abort);
    }
}

async fn drain(mut output: pipe::Receiver) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(1..) = output.read(&mut buffer).await {}
}
