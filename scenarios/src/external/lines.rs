//! Lines of the protocol, as they come from a driver.

use driver_protocol::{DriverFault, FromDriver};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::ChildStdout;

/// How much of a wrong line is quoted.
const QUOTED_CHARS: usize = 200;

pub(super) struct Lines {
    input: BufReader<ChildStdout>,
    bytes_max: u64,
}

impl Lines {
    pub(super) fn new(stdout: ChildStdout, bytes_max: u64) -> Self {
        Self { input: BufReader::new(stdout), bytes_max }
    }

    /// The next line; `None`: the end. Not to be interrupted: a line that was begun would be lost.
    pub(super) async fn next(&mut self) -> Result<Option<FromDriver>, DriverFault> {
        let mut line = Vec::new();
        let mut input = (&mut self.input).take(self.bytes_max + 1);
        let read = input.read_until(b'\n', &mut line).await;
        read.map_err(|error| DriverFault::Gone { cause: error.to_string() })?;
        if line.is_empty() {
            return Ok(None);
        }
        if line.len() as u64 > self.bytes_max {
            return Err(DriverFault::Protocol {
                expected: format!("a line of at most {} bytes", self.bytes_max),
                got: format!("a longer one, which begins {}", quoted(&line)),
            });
        }
        serde_json::from_slice(&line).map(Some).map_err(|error| DriverFault::Protocol {
            expected: "a line of the protocol".to_owned(),
            got: format!("{} ({error})", quoted(&line)),
        })
    }
}

fn quoted(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(&line[..line.len().min(4 * QUOTED_CHARS)]);
    let mut text: String = text.trim_end().chars().take(QUOTED_CHARS).collect();
    if line.len() > text.len() + 1 {
        text.push('…');
    }
    format!("{text:?}")
}
