//! Every exit of a namespace, each told once.
//!
//! `cargo run -p laconic-client --example watch_exits [SOCKET NAMESPACE]`: on a mock, or on a
//! containerd, until it is interrupted.

use std::io::Write;

use laconic_client::{Client, Io, NewContainer};
use mock_containerd::MockContainerd;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [socket, namespace] = arguments.as_slice() {
        let client = Client::builder(namespace).connect(socket).await?;
        loop {
            tell(&client).await?;
        }
    }
    let mock = MockContainerd::builder().in_memory();
    let client = Client::builder("example").with_connector(mock).await?;
    for code in 1..=3 {
        let new = NewContainer::new(format!("c{code}"), ["sh", "-c", &format!("exit {code}")]);
        client.create(new).await?.start(Io::Null).await?;
        tell(&client).await?;
    }
    Ok(())
}

async fn tell(client: &Client) -> std::io::Result<()> {
    let news = client.next_exit().await;
    let exec = news.exec.map(|exec| format!(", exec {exec}")).unwrap_or_default();
    writeln!(std::io::stdout(), "{}{exec}: {}", news.container, news.exit.status)
}
