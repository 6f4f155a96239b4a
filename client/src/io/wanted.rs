//! What a process reads and writes.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folder::Folder;
use super::{FifoPaths, Input, LogUri, fifo};
use crate::wire::Doing;
use crate::{Error, Kind};

/// What a process reads and writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Io {
    /// Nothing.
    #[default]
    Null,
    /// FIFOs of this client's own, for [`crate::Task::take_streams`]. With `stdin` its standard
    /// input stays open until it is closed; else it has none.
    Streams {
        /// Whether it can be written to.
        stdin: bool,
    },
    /// A terminal: one input, one output. The container's, or the exec's, spec must have one, too.
    Terminal,
    /// FIFOs that the caller makes, reads, writes and removes. Tasks/Create, and of an exec
    /// Tasks/Start, are not answered before each output has a reader.
    Fifos(FifoPaths),
    /// Both outputs go into a log of the shim's; there is no input.
    Log(LogUri),
}

/// What was made for a process that is to be: it goes when that does not come to be.
#[derive(Debug, Default)]
pub(crate) struct Made {
    pub(super) input: Option<Arc<Input>>,
    pub(super) outputs: [Option<OwnedFd>; 2],
    pub(super) folder: Option<Folder>,
}

/// What a request says of streams, and our ends of them.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    pub(crate) stdin: String,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) terminal: bool,
    pub(crate) made: Option<Made>,
}

impl Made {
    /// Opens our ends of FIFOs that are there. Of the input none is opened yet: whoever writes does
    /// that, once the shim reads.
    pub(super) fn at(paths: &FifoPaths) -> io::Result<Self> {
        let reader = |path: &Option<PathBuf>| path.as_deref().map(fifo::reader).transpose();
        let outputs = [reader(&paths.stdout)?, reader(&paths.stderr)?];
        let input = paths.stdin.clone().map(|path| Arc::new(Input::at(path)));
        Ok(Self { input, outputs, folder: None })
    }

    fn make(root: &Path, stdin: bool, stderr: bool) -> io::Result<(FifoPaths, Self)> {
        let folder = Folder::make(root)?;
        let make = |name: &str, wanted: bool| {
            let path = folder.at(name);
            if wanted { fifo::make(&path).map(|()| Some(path)) } else { Ok(None) }
        };
        let paths = FifoPaths {
            stdin: make("stdin", stdin)?,
            stdout: make("stdout", true)?,
            stderr: make("stderr", stderr)?,
        };
        // Opened before the process is created: the shim waits for a reader.
        let made = Self::at(&paths)?;
        Ok((paths, Self { folder: Some(folder), ..made }))
    }
}

impl Io {
    /// Makes and opens what is to be made. `terminal`: it has one in any case.
    pub(crate) fn open(
        &self,
        terminal: bool,
        root: &Path,
        doing: &Doing<'_>,
    ) -> Result<Opened, Error> {
        let terminal = terminal || *self == Self::Terminal;
        let (paths, made) = match self {
            Self::Null => return Ok(Opened { terminal, ..Opened::default() }),
            Self::Log(uri) => {
                let uri = uri.text().ok_or_else(|| unnameable(doing))?;
                let (stdout, stderr) = (uri.clone(), uri);
                return Ok(Opened { stdout, stderr, terminal, ..Opened::default() });
            }
            Self::Fifos(paths) => (paths.clone(), None),
            Self::Streams { .. } | Self::Terminal => {
                let stdin = !matches!(self, Self::Streams { stdin: false });
                let (paths, made) = Made::make(root, stdin, !terminal).map_err(|error| {
                    let what = format!("cannot make its FIFOs: {error}");
                    Error::caused(doing, Kind::Internal, what, error)
                })?;
                (paths, Some(made))
            }
        };
        let [stdin, stdout, stderr] = paths.words().ok_or_else(|| unnameable(doing))?;
        Ok(Opened { stdin, stdout, stderr, terminal, made })
    }
}

fn unnameable(doing: &Doing<'_>) -> Error {
    let what = "paths of streams must be absolute, and UTF-8";
    Error::refusal(doing, Kind::InvalidArgument, what)
}
