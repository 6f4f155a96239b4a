//! A TOML file that somebody wrote: what is wrong with it is told with file and line.

use serde::de::DeserializeOwned;

/// Why a file that somebody wrote cannot be used.
///
/// ```
/// use mock_containerd::{Faults, Scripts};
///
/// let error = Faults::parse("f.toml", "sede = 7\n").unwrap_err();
/// assert!(error.to_string().starts_with("f.toml:1: unknown field `sede`"));
/// let error = Scripts::parse("p.toml", "schema = 1\nproces = 1\n").unwrap_err();
/// assert!(error.to_string().starts_with("p.toml:2: unknown field `proces`"));
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct WrittenError {
    file: String,
    line: usize,
    what: String,
}

/// A file and its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written<'w> {
    name: &'w str,
    text: &'w str,
}

impl<'w> Written<'w> {
    pub(crate) fn new(name: &'w str, text: &'w str) -> Self {
        Self { name, text }
    }

    /// Reads it whole.
    pub(crate) fn read<T: DeserializeOwned>(self) -> Result<T, WrittenError> {
        toml::from_str(self.text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            self.wrong(offset, error.message())
        })
    }

    /// The line, from 1, of an offset in bytes.
    pub(crate) fn line(self, offset: usize) -> usize {
        1 + self.text[..offset].matches('\n').count()
    }

    /// What stands at an offset is wrong.
    pub(crate) fn wrong(self, offset: usize, what: impl Into<String>) -> WrittenError {
        WrittenError { file: self.name.to_owned(), line: self.line(offset), what: what.into() }
    }
}
