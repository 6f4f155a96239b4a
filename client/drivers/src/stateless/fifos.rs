//! Standard streams of a process: FIFOs in a private folder.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;

/// What there is of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) stdin: bool,
    /// One output instead of two, and an input in any case.
    pub(super) terminal: bool,
}

/// The FIFOs; the folder goes with them.
#[derive(Debug)]
pub(super) struct Fifos {
    folder: tempfile::TempDir,
    kind: Kind,
    stdin: Option<pipe::Sender>,
    /// Until the process is started.
    outputs: Vec<(&'static str, pipe::Receiver)>,
    drains: Vec<JoinHandle<()>>,
}

impl Kind {
    fn outputs(self) -> &'static [&'static str] {
        if self.terminal { &["stdout"] } else { &["stdout", "stderr"] }
    }

    fn has_stdin(self) -> bool {
        self.stdin || self.terminal
    }
}

impl Fifos {
    /// Makes and opens them. The server opens its ends when the process is created.
    pub(super) fn new(kind: Kind) -> io::Result<Self> {
        // Named by its owner, so that whoever finds it later can tell whether that is dead.
        let named = format!("laconic-fifo-{}-", std::process::id());
        let folder = tempfile::Builder::new()
            .prefix(&named)
            .permissions(Permissions::from_mode(0o700))
            .tempdir()?;
        let mut fifos = Self { folder, kind, stdin: None, outputs: Vec::new(), drains: Vec::new() };
        // Opened for both, here and below: opening must not depend on the other side being there,
        // and an output must not look ended before the process has opened it.
        let mut both = pipe::OpenOptions::new();
        both.read_write(true);
        if kind.has_stdin() {
            fifos.make("stdin")?;
            fifos.stdin = Some(both.open_sender(fifos.at("stdin"))?);
        }
        for name in kind.outputs() {
            fifos.make(name)?;
            let output = both.open_receiver(fifos.at(name))?;
            fifos.outputs.push((name, output));
        }
        Ok(fifos)
    }

    fn make(&self, name: &str) -> io::Result<()> {
        Ok(mknodat(CWD, self.at(name), FileType::Fifo, Mode::RWXU, 0)?)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The path of `stdin`, `stdout` or `stderr`, as requests name it; empty when there is none.
    pub(super) fn path(&self, name: &str) -> String {
        let there = match name {
            "stdin" => self.kind.has_stdin(),
            name => self.kind.outputs().contains(&name),
        };
        if there { self.at(name).display().to_string() } else { String::new() }
    }

    /// The outputs of a process that has been started: the server has its ends open, or has had, so
    /// that ours, now for reading only, see when all others are closed.
    pub(super) fn outputs(&mut self) -> io::Result<[Option<pipe::Receiver>; 2]> {
        let mut opened = [None, None];
        for (place, (name, both)) in self.outputs.drain(..).enumerate() {
            let path = self.folder.path().join(name);
            opened[place] = Some(pipe::OpenOptions::new().open_receiver(path)?);
            // Only now: what was written already is lost with the last end.
            drop(both);
        }
        Ok(opened)
    }

    /// Reads and drops what nobody wants.
    pub(super) fn drain(&mut self) {
        let outputs = self.outputs.drain(..);
        self.drains.extend(outputs.map(|(_, output)| tokio::spawn(drain(output))));
    }

    /// What the process does not read is nobody's loss.
    pub(super) async fn write(stdin: &mut pipe::Sender, input: &str) {
        let _ = stdin.write_all(input.as_bytes()).await;
    }

    pub(super) fn take_stdin(&mut self) -> Option<pipe::Sender> {
        self.stdin.take()
    }

    pub(super) fn put_stdin(&mut self, stdin: pipe::Sender) {
        self.stdin = Some(stdin);
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
