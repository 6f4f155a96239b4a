//! Runs a command in a running container, with the streams of this program, as `docker exec -i` does.
//!
//! ```sh
//! echo hello | cargo run -p laconic-client --example exec_with_streams -- \
//!     /run/containerd/containerd.sock default CONTAINER tr a-z A-Z
//! ```

use laconic_client::{Client, ExitStatus, Io, NewExec};
use tokio::io::{AsyncWriteExt, copy, stderr, stdin, stdout};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(socket), Some(namespace), Some(id)) = (words.next(), words.next(), words.next())
    else {
        return Err("exec_with_streams SOCKET NAMESPACE CONTAINER COMMAND…".into());
    };
    let client = Client::builder(namespace).connect(socket).await?;
    let task = client.load(&id).await?.task.ok_or("it does not run")?;

    let new = NewExec {
        id: format!("example-{}", std::process::id()),
        args: words.collect(),
        io: Io::Streams { stdin: true },
        terminal: false,
    };
    let exec = task.exec(new).await?; // Tasks/Exec, Tasks/Start
    let streams = exec.take_streams();
    let (Some(mut input), Some(mut out), Some(mut err)) =
        (streams.stdin, streams.stdout, streams.stderr)
    else {
        return Err("it has no streams".into());
    };
    let feeding = tokio::spawn(async move {
        // What reads no more, for example `head`, is no failure.
        let _ = copy(&mut stdin(), &mut input).await;
        input.shutdown().await // Tasks/CloseIO, unless it has exited
    });
    let (mut to_stdout, mut to_stderr) = (stdout(), stderr());
    tokio::try_join!(copy(&mut out, &mut to_stdout), copy(&mut err, &mut to_stderr))?;
    to_stdout.flush().await?;
    let exit = exec.wait().await?; // no RPC
    feeding.abort();
    exec.delete().await?; // Tasks/DeleteProcess
    std::process::exit(match exit.status {
        ExitStatus::Code(code) => i32::try_from(code)?,
        ExitStatus::Unknown => 255,
    })
}
