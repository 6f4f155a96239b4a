//! What is said to be modelled is, and nothing else is answered.

use std::time::Duration;

use mock_containerd::{MockContainerd, Profile, methods};
use tonic::Code;
use tonic::transport::Endpoint;

use crate::raw::{Raw, first_answer};
use crate::stage::within;

#[tokio::test(start_paused = true)]
async fn every_method_that_is_not_listed_as_modelled_answers_unimplemented_and_is_counted() {
    for profile in [Profile::V1_6, Profile::V1_7, Profile::V2_1] {
        let mock = MockContainerd::builder().profile(profile).in_memory();
        let ledger = mock.ledger().clone();
        let channel =
            Endpoint::from_static("http://mock").connect_with_connector(mock).await.unwrap();
        let all = methods(profile);
        for method in &all {
            let first = first_answer(&channel, &method.path, within(Vec::new()));
            // Without an answer (Subscribe, before an event) it is no refusal.
            let unimplemented = match tokio::time::timeout(Duration::from_secs(1), first).await {
                Ok(Err(status)) => status.code() == Code::Unimplemented,
                _ => false,
            };
            assert_eq!(unimplemented, !method.modelled, "{profile}: {}", method.path);
        }
        let counts = ledger.counts().started_by_short_name();
        assert_eq!(counts.values().sum::<u64>(), all.len() as u64);
    }
}

#[tokio::test]
async fn a_service_that_does_not_exist_is_unimplemented_and_counted() {
    let mock = MockContainerd::builder().in_memory();
    let ledger = mock.ledger().clone();
    let channel = Endpoint::from_static("http://mock").connect_with_connector(mock).await.unwrap();
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let path = "/no.such.Service/Method".parse().unwrap();
    let refused = client.unary(within(Vec::new()), path, Raw).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    assert_eq!(ledger.counts().started_by_short_name()["Service/Method"], 1);
}

#[tokio::test]
async fn health_and_reflection_answer() {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

    let mock = MockContainerd::builder().in_memory();
    let channel = Endpoint::from_static("http://mock").connect_with_connector(mock).await.unwrap();
    let health =
        HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(health.into_inner().status, 1);

    let ask = tonic_reflection::pb::v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = ServerReflectionClient::new(channel)
        .server_reflection_info(tokio_stream::iter([ask]))
        .await
        .unwrap()
        .into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(services)) = answer else {
        panic!("no list of services: {answer:?}")
    };
    let names: Vec<&str> = services.service.iter().map(|service| service.name.as_str()).collect();
    assert!(names.contains(&"containerd.services.tasks.v1.Tasks"), "{names:?}");
}
