//! Writes a record line by line, so that a run that dies leaves what it had.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::Line;

/// Why a record could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} the record {}: {cause}", path.display())]
pub struct WriteError {
    action: &'static str,
    path: PathBuf,
    cause: std::io::Error,
}

/// An open record. Without a path it swallows its lines: `run` without `--record`.
#[derive(Debug)]
pub struct RecordWriter {
    sink: Option<(PathBuf, BufWriter<File>)>,
}

impl RecordWriter {
    /// Creates the file now: a record that cannot be written is known before the run starts.
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        let file = File::create(path).map_err(|cause| WriteError {
            action: "create",
            path: path.to_owned(),
            cause,
        })?;
        Ok(Self { sink: Some((path.to_owned(), BufWriter::new(file))) })
    }

    /// Writes nowhere.
    pub fn nowhere() -> Self {
        Self { sink: None }
    }

    /// Appends one line. It reaches the file at once: the process may be killed after it.
    pub fn write(&mut self, line: &Line) -> Result<(), WriteError> {
        let Some((path, file)) = &mut self.sink else { return Ok(()) };
        let written = serde_json::to_writer(&mut *file, line)
            .map_err(std::io::Error::from)
            .and_then(|()| file.write_all(b"\n"))
            .and_then(|()| file.flush());
        written.map_err(|cause| WriteError { action: "append to", path: path.clone(), cause })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CaseLine, Record};

    #[test]
    fn a_record_that_cannot_be_created_is_an_error_that_names_it() {
        let error = RecordWriter::create(Path::new("/nowhere/at/all.jsonl")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/at/all.jsonl"), "{error}");
    }

    #[test]
    fn a_line_is_in_the_file_as_soon_as_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.jsonl");
        let mut writer = RecordWriter::create(&path).unwrap();
        let line = Line::Case(CaseLine { run: 1, case: "named/x".into() });
        writer.write(&line).unwrap();
        let record = Record::parse(&std::fs::read_to_string(&path).unwrap());
        // It is no whole record: the header is missing. But the line is there to be read.
        assert!(record.unwrap_err().to_string().contains("first line"));
    }
}
