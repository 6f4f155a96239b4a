//! Where the FIFOs of a process are.

use std::path::PathBuf;

use containerd_client::types::v1::Process as Shown;

/// FIFOs by their absolute paths. A process without a terminal has both outputs or neither.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FifoPaths {
    /// What the process reads.
    pub stdin: Option<PathBuf>,
    /// What it writes; with a terminal, all of it.
    pub stdout: Option<PathBuf>,
    /// What it writes of errors.
    pub stderr: Option<PathBuf>,
}

impl FifoPaths {
    /// As the server tells them; what is no path (a log's URI) is left out.
    pub(super) fn shown(process: &Shown) -> Self {
        let path = |text: &String| text.starts_with('/').then(|| PathBuf::from(text));
        Self {
            stdin: path(&process.stdin),
            stdout: path(&process.stdout),
            stderr: path(&process.stderr).filter(|_| !process.terminal),
        }
    }

    /// As requests name them; `None` when one cannot be named.
    pub(super) fn words(&self) -> Option<[String; 3]> {
        let word = |path: &Option<PathBuf>| match path {
            None => Some(String::new()),
            Some(path) => path.to_str().filter(|_| path.is_absolute()).map(str::to_owned),
        };
        Some([word(&self.stdin)?, word(&self.stdout)?, word(&self.stderr)?])
    }
}
