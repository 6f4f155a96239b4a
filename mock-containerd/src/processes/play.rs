//! Plays one started process to its end.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

use super::script::End;
use super::streams::{OpenStreams, Stdin};
use crate::state::{Launch, Waited};

/// Plays it. Returns the status with which it exits by itself; `None` when something else ended it
/// first. Its streams close with it.
pub(crate) async fn play(launch: Launch, mut streams: OpenStreams) -> Option<u32> {
    let Launch { script, mut ended, stdin_closed, .. } = launch;
    let acting = async {
        if let Some(stdout) = &mut streams.stdout {
            // A reader that went away is not the process's concern here.
            let _ = stdout.write_all(&script.output).await;
        }
        match script.end {
            End::After(delay, status) => {
                // A timer takes a millisecond at least.
                if !delay.is_zero() {
                    tokio::time::sleep(delay).await;
                }
                status
            }
            End::WithStdin => {
                if let Some(stdin) = streams.stdin.take() {
                    copy(stdin, streams.stdout.as_mut(), stdin_closed).await;
                }
                0
            }
            End::Never => std::future::pending().await,
        }
    };
    tokio::select! {
        status = acting => Some(status),
        _ = ended.wait_for(|waited| *waited != Waited::Pending) => None,
    }
}

async fn copy(
    mut stdin: Stdin,
    mut stdout: Option<&mut tokio::net::unix::pipe::Sender>,
    mut closed: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        tokio::select! {
            // Biased: what is there already is read before the end is looked for.
            biased;
            read = stdin.read.read(&mut buffer) => match read {
                Ok(0) | Err(_) => return,
                Ok(length) => {
                    if let Some(stdout) = &mut stdout {
                        let _ = stdout.write_all(&buffer[..length]).await;
                    }
                }
            },
            () = told(&mut closed), if stdin.keep_open.is_some() => {
                // Now only the client's end keeps it open.
                stdin.keep_open = None;
            }
        }
    }
}

/// The borrow that `wait_for` returns must not live on: it is not `Send`.
async fn told(closed: &mut watch::Receiver<bool>) {
    let _ = closed.wait_for(|closed| *closed).await;
}
