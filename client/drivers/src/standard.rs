//! The standard streams of a driver's process.

use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::net::unix::pipe::OpenOptions;

/// What the harness says. A pipe is read as soon as it can be; anything else by a thread that waits
/// for it, which two more changes of threads for each line pay for.
pub fn input() -> BufReader<Box<dyn AsyncRead + Send + Unpin>> {
    // Opened once more: that it does not block must not hold for others who share it.
    BufReader::new(match OpenOptions::new().open_receiver("/proc/self/fd/0") {
        Ok(pipe) => Box::new(pipe),
        Err(_) => Box::new(tokio::io::stdin()),
    })
}

/// Where it is answered: the same the other way round.
pub fn output() -> Box<dyn AsyncWrite + Send + Unpin> {
    match OpenOptions::new().open_sender("/proc/self/fd/1") {
        Ok(pipe) => Box::new(pipe),
        Err(_) => Box::new(tokio::io::stdout()),
    }
}
