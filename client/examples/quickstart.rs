//! A container's life, on a mock in memory: no daemon, no root.
//!
//! `cargo run -p laconic-client --example quickstart`

use std::io::Write;

use laconic_client::{Client, Io, NewContainer, NewExec};
use mock_containerd::MockContainerd;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mock = MockContainerd::builder().in_memory();
    let ledger = mock.ledger().clone();
    // On a real one: `.connect("/run/containerd/containerd.sock")`.
    let client = Client::builder("example").with_connector(mock).await?;
    let before = ledger.counts();

    let container = client.create(NewContainer::new("c1", ["sleep", "inf"])).await?;
    let task = container.start(Io::Null).await?;
    let args = vec!["sh".to_owned(), "-c".to_owned(), "exit 7".to_owned()];
    let exec = NewExec { id: "e1".to_owned(), args, io: Io::Null, terminal: false };
    let process = task.exec(exec).await?;
    let exit = process.wait().await?;
    process.delete().await?;
    task.force_delete().await?;
    container.delete().await?;

    let made = (ledger.counts() - before).total_started();
    writeln!(std::io::stdout(), "the exec exited with {}; all took {made} RPCs", exit.status)?;
    Ok(())
}
