//! What the mock's own ledger says of the calls that reached it.

use containerd_client::services::v1 as api;
use containerd_client::services::v1::tasks_client::TasksClient;
use containerd_client::services::v1::version_client::VersionClient;
use mock_containerd::MockContainerd;
use tonic::transport::Endpoint;

use crate::stage::{of_namespace, within};

#[tokio::test]
async fn in_memory_every_call_is_counted_by_method_and_code() {
    let mock = MockContainerd::builder().in_memory();
    let ledger = mock.ledger().clone();
    let channel = Endpoint::from_static("http://mock").connect_with_connector(mock).await.unwrap();
    for _ in 0..3 {
        VersionClient::new(channel.clone()).version(()).await.unwrap();
    }
    let get = api::GetRequest { container_id: "c1".to_owned(), exec_id: String::new() };
    TasksClient::new(channel).get(within(get)).await.unwrap_err();
    let counts = ledger.counts();
    assert_eq!(counts.started_by_short_name()["Version/Version"], 3);
    assert_eq!(counts.started_by_short_name()["Tasks/Get"], 1);
}

#[tokio::test]
async fn a_socket_is_private_and_goes_with_its_mock() {
    use std::os::unix::fs::PermissionsExt;
    let mock = MockContainerd::builder().start().await.unwrap();
    let socket = mock.socket().to_owned();
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&socket), 0o600);
    assert_eq!(mode(socket.parent().unwrap()), 0o700);
    let channel = containerd_client::connect(&socket).await.unwrap();
    VersionClient::new(channel).version(()).await.unwrap();
    drop(mock);
    assert!(!socket.exists() && !socket.parent().unwrap().exists());
}

#[tokio::test]
async fn a_socket_that_a_dead_run_left_is_taken_over_and_a_served_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("c.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(socket.exists(), "nobody serves it, the file stays");
    let mock = MockContainerd::builder().socket(&socket).start().await.unwrap();
    let taken = MockContainerd::builder().socket(&socket).start().await.unwrap_err();
    assert!(taken.to_string().contains("another process listens there"), "{taken}");
    drop(mock);

    std::fs::write(&socket, "precious").unwrap();
    let refused = MockContainerd::builder().socket(&socket).start().await.unwrap_err();
    assert!(refused.to_string().contains("not a socket"), "{refused}");
    assert_eq!(std::fs::read(&socket).unwrap(), b"precious");
}

#[tokio::test]
async fn garbage_on_the_socket_ends_that_connection_alone() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mock = MockContainerd::builder().start().await.unwrap();
    let mut garbage = tokio::net::UnixStream::connect(mock.socket()).await.unwrap();
    garbage.write_all(b"GET / HTTP/1.1\r\nnothing of the kind\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    // It is closed from the other side, with or without a reset.
    let _ = garbage.read_to_end(&mut rest).await;
    let channel = containerd_client::connect(mock.socket()).await.unwrap();
    VersionClient::new(channel).version(()).await.unwrap();
}

#[tokio::test]
async fn namespaces_are_worlds_of_their_own() {
    let mock = MockContainerd::builder().in_memory();
    let channel = Endpoint::from_static("http://mock").connect_with_connector(mock).await.unwrap();
    let mut containers = api::containers_client::ContainersClient::new(channel);
    for namespace in ["one", "two"] {
        let container = Some(crate::stage::container("same", &["true"]));
        let request = of_namespace(namespace, api::CreateContainerRequest { container });
        containers.create(request).await.unwrap();
    }
    let delete = api::DeleteContainerRequest { id: "same".to_owned() };
    containers.delete(of_namespace("one", delete)).await.unwrap();
    let get = api::GetContainerRequest { id: "same".to_owned() };
    assert!(containers.get(of_namespace("two", get)).await.is_ok());
}
