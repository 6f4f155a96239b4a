//! A lifecycle of our client on our mock in memory, as a dependent would write it.

use laconic_client::{Client, ExitStatus, Io, NewContainer};
use mock_containerd::MockContainerd;

#[tokio::test]
async fn a_lifecycle_runs_in_memory_and_costs_what_it_must() {
    let mock = MockContainerd::builder().in_memory();
    let ledger = mock.ledger().clone();
    let client = Client::builder("outside").with_connector(mock).await.unwrap();
    let before = ledger.counts();

    let container =
        client.create(NewContainer::new("c1", ["sh", "-c", "exit 7"])).await.unwrap();
    let task = container.start(Io::Null).await.unwrap();
    assert_eq!(task.wait().await.unwrap().status, ExitStatus::Code(7));
    task.delete().await.unwrap();
    container.delete().await.unwrap();

    let made = ledger.counts() - before;
    assert_eq!(made.total_started(), 5);
}
