//! How each version refuses what no service takes, as seen on real daemons.

use containerd_client::services::v1 as api;
use mock_containerd::Profile;
use tonic::Code;

use crate::raw::{call, first_answer};
use crate::stage::{Stage, container, within};

const ALL: [Profile; 3] = [Profile::V1_6, Profile::V1_7, Profile::V2_1];
const GET: &str = "/containerd.services.containers.v1.Containers/Get";
const LIST_STREAM: &str = "/containerd.services.containers.v1.Containers/ListStream";

async fn refused(profile: Profile, path: &str, body: &[u8]) -> (Code, String) {
    let stage = Stage::open(profile).await;
    let status = call(&stage.channel, path, within(body.to_vec())).await.unwrap_err();
    (status.code(), status.message().to_owned())
}

#[tokio::test]
async fn unknown_services_and_methods_are_named() {
    for profile in ALL {
        for (path, message) in [
            ("/no.such.Service/Method", "unknown service no.such.Service"),
            ("/a/b/c", "unknown service a/b"),
            (
                "/containerd.services.version.v1.Version/Nope",
                "unknown method Nope for service containerd.services.version.v1.Version",
            ),
        ] {
            let refusal = refused(profile, path, b"").await;
            assert_eq!(refusal, (Code::Unimplemented, message.to_owned()), "{profile}");
        }
    }
}

#[tokio::test]
async fn a_path_without_a_method_is_malformed() {
    for (profile, code) in [
        (Profile::V1_6, Code::ResourceExhausted),
        (Profile::V1_7, Code::Unimplemented),
        (Profile::V2_1, Code::Unimplemented),
    ] {
        let message = "malformed method name: \"/x\"".to_owned();
        assert_eq!(refused(profile, "/x", b"").await, (code, message));
    }
}

#[tokio::test]
async fn services_that_came_with_1_7_are_unknown_in_1_6() {
    for service in [
        "containerd.services.sandbox.v1.Controller",
        "containerd.services.sandbox.v1.Store",
        "containerd.services.streaming.v1.Streaming",
        "containerd.services.transfer.v1.Transfer",
    ] {
        let refusal = refused(Profile::V1_6, &format!("/{service}/Any"), b"").await;
        assert_eq!(refusal, (Code::Unimplemented, format!("unknown service {service}")));
        let later = refused(Profile::V1_7, &format!("/{service}/Any"), b"").await.1;
        assert_eq!(later, format!("unknown method Any for service {service}"));
    }
}

#[tokio::test]
async fn a_body_that_does_not_decode_is_told_in_the_versions_words() {
    let go = "proto:\u{a0}cannot parse invalid wire-format data";
    for (profile, body, cause) in [
        (Profile::V1_6, &b"\xff\xff"[..], "unexpected EOF"),
        (Profile::V1_6, b"\x0a\x05ab", "unexpected EOF"),
        (Profile::V1_6, b"\x08\x01", "proto: wrong wireType = 0 for field ID"),
        (Profile::V1_7, b"\xff\xff", go),
        (Profile::V2_1, b"\x0a\x05ab", go),
        (Profile::V2_1, b"\x0a\x02\xff\xfe", "string field contains invalid UTF-8"),
    ] {
        let (code, message) = refused(profile, GET, body).await;
        assert_eq!(code, Code::Internal);
        assert_eq!(message, format!("grpc: error unmarshalling request: {cause}"), "{profile}");
    }
}

#[tokio::test]
async fn a_streaming_method_words_a_body_that_does_not_decode_in_its_own_way() {
    for (profile, message) in [
        (Profile::V1_6, "grpc: failed to unmarshal the received message unexpected EOF"),
        (
            Profile::V2_1,
            "grpc: failed to unmarshal the received message: \
             proto:\u{a0}cannot parse invalid wire-format data",
        ),
    ] {
        let stage = Stage::open(profile).await;
        let body = within(b"\xff\xff".to_vec());
        let status = first_answer(&stage.channel, LIST_STREAM, body).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Internal, message));
    }
}

#[tokio::test]
async fn the_field_that_is_wrong_is_named_however_deep_it_is() {
    let stage = Stage::open(Profile::V1_6).await;
    let create = "/containerd.services.containers.v1.Containers/Create";
    let image = "/containerd.services.images.v1.Images/Create";
    for (path, body, field) in [
        (create, &b"\x0a\x02\x08\x01"[..], "0 for field ID"),
        (create, b"\x0a\x02\x10\x01", "0 for field Labels"),
        (create, b"\x0a\x04\x2a\x02\x08\x01", "0 for field TypeUrl"),
        (image, b"\x0a\x05\x1a\x03\x1a\x01a", "2 for field Size_"),
    ] {
        let status = call(&stage.channel, path, within(body.to_vec())).await.unwrap_err();
        let cause = format!("grpc: error unmarshalling request: proto: wrong wireType = {field}");
        assert_eq!((status.code(), status.message()), (Code::Internal, cause.as_str()));
    }
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_taken_by_1_6_as_well_as_can_be() {
    let (code, message) = refused(Profile::V1_6, GET, b"\x0a\x02\xff\xfe").await;
    let what = "container \"\u{fffd}\u{fffd}\" in namespace \"stage\": not found";
    assert_eq!((code, message.as_str()), (Code::NotFound, what));
}

#[tokio::test]
async fn a_field_of_another_type_is_unknown_since_1_7_also_in_a_long_body() {
    let id = b"\x0a\x01a";
    let number_for_text = b"\x08\x01";
    let long = [&b"\x7a\xe8\x07"[..], &[b' '; 1000]].concat();
    for profile in [Profile::V1_7, Profile::V2_1] {
        for padding in [&[][..], &long, &long.repeat(5)] {
            let body = [&id[..], number_for_text, padding].concat();
            let (code, message) = refused(profile, GET, &body).await;
            let what = "container \"a\" in namespace \"stage\": not found";
            assert_eq!((code, message.as_str()), (Code::NotFound, what));
        }
    }
}

#[tokio::test]
async fn a_write_that_does_not_decode_is_told_in_the_versions_words() {
    let path = "/containerd.services.content.v1.Content/Write";
    for (profile, message) in [
        (Profile::V1_6, "grpc: failed to unmarshal the received message unexpected EOF"),
        (
            Profile::V2_1,
            "grpc: failed to unmarshal the received message: \
             proto:\u{a0}cannot parse invalid wire-format data",
        ),
    ] {
        let stage = Stage::open(profile).await;
        let body = within(b"\x12\x09a".to_vec());
        let status = first_answer(&stage.channel, path, body).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Internal, message));
    }
}

#[tokio::test]
async fn a_message_over_16_mib_is_refused_and_one_below_is_taken() {
    for profile in ALL {
        let (code, message) = refused(profile, GET, &vec![0; (16 << 20) + 1]).await;
        assert_eq!(code, Code::ResourceExhausted);
        assert_eq!(message, "grpc: received message larger than max (16777217 vs. 16777216)");
    }
    let stage = Stage::open(Profile::V1_6).await;
    let mut large = container("large", &["true"]);
    large.spec.as_mut().unwrap().value = vec![b' '; (16 << 20) - 1000];
    let request = within(api::CreateContainerRequest { container: Some(large) });
    stage.containers().create(request).await.unwrap();
}

#[tokio::test]
async fn an_answer_over_16_mib_is_not_sent_and_the_stream_of_it_is() {
    for profile in ALL {
        let stage = Stage::open(profile).await;
        for id in ["a", "b", "c"] {
            let mut large = container(id, &["true"]);
            large.spec.as_mut().unwrap().value = vec![b' '; 6 << 20];
            let request = within(api::CreateContainerRequest { container: Some(large) });
            stage.containers().create(request).await.unwrap();
        }
        let all = api::ListContainersRequest::default();
        let status = stage.containers().list(within(all.clone())).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        let message = status.message();
        assert!(message.starts_with("grpc: trying to send message larger than max (188"));
        assert!(message.ends_with(" vs. 16777216)"), "{message}");
        let mut stream = stage.containers().list_stream(within(all)).await.unwrap().into_inner();
        let mut streamed = 0;
        while let Some(message) = stream.message().await.unwrap() {
            streamed += message.container.into_iter().count();
        }
        assert_eq!(streamed, 3);
    }
}

#[tokio::test]
async fn health_knows_the_server_and_no_service() {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;
    let stage = Stage::open(Profile::V1_6).await;
    let mut health = HealthClient::new(stage.channel.clone());
    let whole = HealthCheckRequest::default();
    let mut watch = health.watch(whole.clone()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status, 1);
    assert_eq!(health.check(whole).await.unwrap().into_inner().status, 1);
    let one = HealthCheckRequest { service: "containerd.services.tasks.v1.Tasks".to_owned() };
    let status = health.check(one).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "unknown service"));
}
