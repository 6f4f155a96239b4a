//! The last lines that a driver wrote to its standard error.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use tokio::io::AsyncReadExt;
use tokio::process::ChildStderr;

/// How much is kept.
const LINES_MAX: usize = 10;
const LINE_BYTES_MAX: usize = 400;

/// A handle on them; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct LastWords {
    lines: Arc<Mutex<VecDeque<String>>>,
}

impl LastWords {
    /// Reads until the end, so that the driver never waits for a reader.
    pub(super) fn of(mut stderr: ChildStderr) -> Self {
        let words = Self::default();
        let heard = words.clone();
        tokio::spawn(async move {
            let mut buffer = vec![0; 8192];
            let mut line = Vec::new();
            while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
                for byte in &buffer[..length] {
                    match byte {
                        b'\n' => heard.add(&std::mem::take(&mut line)),
                        byte if line.len() < LINE_BYTES_MAX => line.push(*byte),
                        _ => {}
                    }
                }
            }
            heard.add(&line);
        });
        words
    }

    fn add(&self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        let mut lines = self.lines.lock().expect("nothing panics while it adds a line");
        lines.push_back(String::from_utf8_lossy(line).into_owned());
        if lines.len() > LINES_MAX {
            lines.pop_front();
        }
    }
}

/// Follows a sentence: nothing, or the lines below it.
impl fmt::Display for LastWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines.lock().expect("nothing panics while it adds a line");
        lines.iter().try_for_each(|line| write!(f, "\n  stderr: {line}"))
    }
}
