//! Reads records, whole or cut off, line by line: a record may be larger than memory.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde::Deserialize;

use crate::{Line, SCHEMA_VERSION, Summary};

/// The longest line of a record. Calls and steps take about a kilobyte.
const LINE_BYTES_MAX: u64 = 16 << 20;

/// Why a record could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be opened or read.
    #[error("cannot read the record {path}: {cause}")]
    Io {
        /// Which file.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// A line is not one of ours.
    #[error("{path}:{line}: not a line of a record: {cause}")]
    Line {
        /// Which file.
        path: String,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        cause: serde_json::Error,
    },
    /// A line has no end.
    #[error("{path}:{line}: longer than any line of a record")]
    Endless {
        /// Which file.
        path: String,
        /// From 1.
        line: usize,
    },
    /// It does not begin as a record does.
    #[error("{path} is not a record: its first line is no record header")]
    NoHeader {
        /// Which file.
        path: String,
    },
    /// Written by another major version.
    #[error("{path} has schema version {found}; this laconic reads version {SCHEMA_VERSION}")]
    Version {
        /// Which file.
        path: String,
        /// What the header says.
        found: u64,
    },
}

/// The lines of a record, one after the other.
#[derive(Debug)]
pub struct RecordLines<R> {
    path: String,
    input: R,
    buffer: Vec<u8>,
    line: usize,
    ended: bool,
}

impl RecordLines<BufReader<File>> {
    /// Opens a file and checks its header, which is the first line that comes.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let named = path.display().to_string();
        match File::open(path) {
            Ok(file) => Self::new(named, BufReader::new(file)),
            Err(cause) => Err(ReadError::Io { path: named, cause }),
        }
    }
}

/// As much of a header as every version of it has.
#[derive(Deserialize)]
struct AnyHeader {
    kind: String,
    schema_version: u64,
}

impl<R: BufRead> RecordLines<R> {
    /// Reads what is called `path`, and checks its header.
    pub fn new(path: String, input: R) -> Result<Self, ReadError> {
        let mut lines = Self { path, input, buffer: Vec::new(), line: 0, ended: false };
        lines.fill()?;
        let path = || lines.path.clone();
        match serde_json::from_slice::<AnyHeader>(&lines.buffer) {
            Ok(header) if header.kind != "record" => Err(ReadError::NoHeader { path: path() }),
            Ok(AnyHeader { schema_version, .. }) if schema_version != u64::from(SCHEMA_VERSION) => {
                Err(ReadError::Version { path: path(), found: schema_version })
            }
            Ok(_) => Ok(lines),
            Err(_) => Err(ReadError::NoHeader { path: path() }),
        }
    }

    /// Reads one line into the buffer.
    fn fill(&mut self) -> Result<(), ReadError> {
        self.buffer.clear();
        self.line += 1;
        let read = (&mut self.input).take(LINE_BYTES_MAX).read_until(b'\n', &mut self.buffer);
        let read = read.map_err(|cause| ReadError::Io { path: self.path.clone(), cause })?;
        if read as u64 == LINE_BYTES_MAX {
            return Err(ReadError::Endless { path: self.path.clone(), line: self.line });
        }
        self.ended = read == 0;
        Ok(())
    }

    /// A last line without its newline that does not parse was cut off by the writer's death: the
    /// record up to there is what there is.
    fn take(&mut self) -> Result<Option<Line>, ReadError> {
        match serde_json::from_slice::<Line>(&self.buffer) {
            Ok(line) => Ok(Some(line)),
            Err(_) if !self.buffer.ends_with(b"\n") => Ok(None),
            Err(cause) => Err(ReadError::Line { path: self.path.clone(), line: self.line, cause }),
        }
    }
}

impl<R: BufRead> Iterator for RecordLines<R> {
    type Item = Result<Line, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let line = self.take().and_then(|line| self.fill().map(|()| line));
        self.ended |= !matches!(line, Ok(Some(_)));
        line.transpose()
    }
}

/// A record in memory.
#[derive(Clone, Debug)]
pub struct Record {
    /// All lines, in order.
    pub lines: Vec<Line>,
}

impl Record {
    /// Reads a file.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        Ok(Self { lines: RecordLines::open(path)?.collect::<Result<_, _>>()? })
    }

    /// Reads text.
    pub fn parse(text: &str) -> Result<Self, ReadError> {
        let lines = RecordLines::new("the record".to_owned(), text.as_bytes())?;
        Ok(Self { lines: lines.collect::<Result<_, _>>()? })
    }

    /// The summary, when the run came to its end.
    pub fn summary(&self) -> Option<&Summary> {
        self.lines.iter().rev().find_map(|line| match line {
            Line::Summary(summary) => Some(summary),
            _ => None,
        })
    }

    /// Whether the run came to its end and every planned case ended.
    pub fn complete(&self) -> bool {
        self.summary().is_some_and(|summary| summary.complete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEADER: &str = r#"{"kind":"record","schema_version":1,"laconic":"0.1.0","plan":"00","generator":0,"seed":0,"shard":{"index":0,"count":1},"host":{"cpus":2,"kernel":"6.1","cgroup":"v1"}}"#;
    const CASE: &str = r#"{"kind":"case","run":1,"case":"named/ä","some-later-field":true}"#;
    const SUMMARY: &str = r#"{"kind":"summary","verdicts":{"pass":1,"fail":0,"skip":0},"complete":true,"valid":true}"#;

    fn whole() -> String {
        format!("{HEADER}\n{CASE}\n{SUMMARY}\n")
    }

    #[test]
    fn fields_of_a_later_version_are_passed_over() {
        let record = Record::parse(&whole()).unwrap();
        assert_eq!(record.lines.len(), 3);
        assert!(record.complete());
    }

    #[test]
    fn another_schema_version_is_refused_whatever_else_stands_there() {
        let foreign = "{\"kind\":\"record\",\"schema_version\":2}\n{\"kind\":\"new\"}\n";
        let refused = Record::parse(foreign).unwrap_err().to_string();
        assert_eq!(refused, "the record has schema version 2; this laconic reads version 1");
    }

    #[test]
    fn what_is_no_record_is_told_so() {
        for text in ["", "\n", "{}", "hello\n", CASE, "\u{1f980}\n"] {
            let refused = Record::parse(text).unwrap_err();
            assert!(matches!(refused, ReadError::NoHeader { .. }), "{text:?}: {refused}");
        }
        let broken = format!("{HEADER}\n{{\"kind\":\"case\"}}\n{SUMMARY}\n");
        let refused = Record::parse(&broken).unwrap_err().to_string();
        assert!(refused.starts_with("the record:2: not a line of a record: "), "{refused}");
    }

    proptest! {
        #[test]
        fn a_record_cut_off_anywhere_is_read_up_to_there(at in 0usize..whole().len()) {
            let whole = whole();
            let lines = RecordLines::new("r".to_owned(), &whole.as_bytes()[..at])
                .and_then(Iterator::collect::<Result<Vec<_>, _>>);
            match lines {
                Ok(lines) => {
                    prop_assert!(at >= HEADER.len());
                    prop_assert!(lines.len() >= whole.as_bytes()[..at].split(|b| *b == b'\n').count() - 1);
                }
                Err(ReadError::NoHeader { .. }) => prop_assert!(at < HEADER.len()),
                Err(other) => prop_assert!(false, "{other}"),
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let text = [whole().as_bytes(), &bytes].concat();
            if let Ok(lines) = RecordLines::new("r".to_owned(), text.as_slice()) {
                lines.for_each(drop);
            }
        }
    }
}
