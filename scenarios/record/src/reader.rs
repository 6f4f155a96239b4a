//! Reads records, whole or cut off.

use std::path::Path;

use crate::{Line, SCHEMA_VERSION, Summary};

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
    #[error("line {line} of the record is not a record line: {cause}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        cause: serde_json::Error,
    },
    /// It does not begin as a record does.
    #[error("the first line is not a record header")]
    NoHeader,
    /// Written by another major version.
    #[error("the record has schema version {found}, this laconic reads {SCHEMA_VERSION}")]
    Version {
        /// What the header says.
        found: u32,
    },
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
        let text = std::fs::read_to_string(path)
            .map_err(|cause| ReadError::Io { path: path.display().to_string(), cause })?;
        Self::parse(&text)
    }

    /// Reads text. A last line without its newline that does not parse was cut off by the writer's
    /// death: the record up to there is what there is.
    pub fn parse(text: &str) -> Result<Self, ReadError> {
        let mut lines = Vec::new();
        let count = text.lines().count();
        for (index, line) in text.lines().enumerate() {
            match serde_json::from_str::<Line>(line) {
                Ok(line) => lines.push(line),
                Err(_) if index + 1 == count && !text.ends_with('\n') => break,
                Err(cause) => return Err(ReadError::Line { line: index + 1, cause }),
            }
        }
        match lines.first() {
            Some(Line::Record(header)) if header.schema_version == SCHEMA_VERSION => {
                Ok(Self { lines })
            }
            Some(Line::Record(header)) => Err(ReadError::Version { found: header.schema_version }),
            _ => Err(ReadError::NoHeader),
        }
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
