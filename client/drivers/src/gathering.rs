//! What a process writes, read to its end or for a while after its exit.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use driver_protocol::{Digest, Ending, Gathered};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt};

/// How long output may go on once the process has exited: a child of it may hold it for ever.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

struct Reading<R> {
    output: Option<R>,
    bytes: u64,
    sum: Sha256,
    broken: bool,
}

impl<R: AsyncRead + Unpin> Reading<R> {
    fn of(output: Option<R>) -> Self {
        Self { output, bytes: 0, sum: Sha256::new(), broken: false }
    }

    async fn until_its_end(&mut self) {
        let mut buffer = vec![0; 16 * 1024];
        while let Some(output) = &mut self.output {
            match output.read(&mut buffer).await {
                Ok(read @ 1..) => {
                    self.bytes += read as u64;
                    self.sum.update(&buffer[..read]);
                }
                ended => {
                    self.broken = ended.is_err();
                    self.output = None;
                }
            }
        }
    }

    fn is_whole(&self) -> bool {
        self.output.is_none() && !self.broken
    }
}

/// Reads standard output and error, and tells how the process exited and what it wrote.
pub(crate) async fn gather<R: AsyncRead + Unpin, E>(
    outputs: [Option<R>; 2],
    exit: impl Future<Output = E>,
) -> (E, Gathered) {
    let [mut stdout, mut stderr] = outputs.map(Reading::of);
    let mut exit = pin!(exit);
    let mut exited = None;
    {
        let all = async { tokio::join!(stdout.until_its_end(), stderr.until_its_end()) };
        let late = async {
            exited = Some(exit.as_mut().await);
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            biased;
            _ = all => {}
            () = late => {}
        }
    }
    let exited = match exited {
        Some(exited) => exited,
        None => exit.await,
    };
    let whole = stdout.is_whole() && stderr.is_whole();
    let output = if whole { Ending::Complete } else { Ending::CutOff };
    let stdout = Digest { bytes: stdout.bytes, sha256: hexadecimal(stdout.sum) };
    (exited, Gathered { stdout, output })
}

/// What somebody else gathered.
pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Digest { bytes: bytes.len() as u64, sha256: sha256(bytes) }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(Sha256::new_with_prefix(bytes))
}

fn hexadecimal(sum: Sha256) -> String {
    sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use tokio::io::AsyncWriteExt;

    const HELLO: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

    #[tokio::test]
    async fn output_that_ends_is_complete_though_the_exit_comes_later() {
        let (told, later) = tokio::sync::oneshot::channel();
        let gathering = gather([Some(&b"hello\n"[..]), Some(&b"err"[..])], async {
            told.send(()).unwrap();
            7
        });
        let (exit, gathered) = gathering.await;
        assert_eq!((exit, gathered.output), (7, Ending::Complete));
        assert_eq!(gathered.stdout, Digest { bytes: 6, sha256: HELLO.to_owned() });
        assert_eq!(gathered.stdout, digest(b"hello\n"));
        later.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn output_that_does_not_end_is_cut_off_a_while_after_the_exit() {
        let (mut write, read) = tokio::io::duplex(64);
        write.write_all(b"hello\n").await.unwrap();
        let begun = tokio::time::Instant::now();
        let (exit, gathered) = gather([Some(read), None], ready(7)).await;
        assert_eq!((exit, gathered.output), (7, Ending::CutOff));
        assert_eq!((gathered.stdout.bytes, &*gathered.stdout.sha256), (6, HELLO));
        assert_eq!(begun.elapsed(), GRACE);
        drop(write);
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_has_closed_its_output_and_goes_on_is_waited_for() {
        let gathering = gather([Some(&b""[..]), None], pending::<()>());
        assert!(tokio::time::timeout(GRACE * 10, gathering).await.is_err());
    }
}
