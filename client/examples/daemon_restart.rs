//! A daemon restarts while a task runs and somebody waits for it.
//!
//! `cargo run -p laconic-client --example daemon_restart`

use std::io::Write;

use laconic_client::{Client, Connection, Io, NewContainer};
use mock_containerd::MockContainerd;
use mock_containerd::faults::TasksAfter;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout();
    let mock = MockContainerd::builder().in_memory();
    let client = Client::builder("example").with_connector(mock.clone()).await?;
    let container = client.create(NewContainer::new("c1", ["sleep", "inf"])).await?;
    let task = container.start(Io::Null).await?;
    let waiting = tokio::spawn({
        let task = task.clone();
        async move { task.wait().await }
    });

    let mut connection = client.connection();
    mock.faults().restart(TasksAfter::Kept);
    loop {
        connection.changed().await?;
        let now = *connection.borrow_and_update();
        writeln!(out, "{now:?}; the task's state: {:?}", task.status().map_err(|e| e.kind()))?;
        if matches!(now, Connection::Live { .. }) {
            break;
        }
    }
    // The handle is as good as before, and so is the wait.
    task.kill(9).await?;
    writeln!(out, "the wait ended with {}", waiting.await??.status)?;
    task.delete().await?;
    container.delete().await?;
    Ok(())
}
