//! What a mock tells of itself.

use containerd_client::services::v1 as api;
use containerd_client::services::v1::introspection_client::IntrospectionClient;
use mock_containerd::Profile;
use tonic::transport::Channel;
use tonic::{Code, Request};

use crate::stage::Stage;

async fn introspection(profile: Profile) -> IntrospectionClient<Channel> {
    IntrospectionClient::new(Stage::open(profile).await.channel)
}

async fn plugins(profile: Profile, filter: &str) -> Vec<api::Plugin> {
    let filters = vec![filter.to_owned()];
    let request = Request::new(api::PluginsRequest { filters });
    introspection(profile).await.plugins(request).await.unwrap().into_inner().plugins
}

#[tokio::test]
async fn a_server_has_a_uuid_and_tells_its_pid_since_1_7() {
    let old = introspection(Profile::V1_6).await.server(()).await.unwrap().into_inner();
    assert_eq!((old.uuid.len(), old.pid, old.pidns), (36, 0, 0));
    let new = introspection(Profile::V1_7).await.server(()).await.unwrap().into_inner();
    assert_eq!(new.pid, u64::from(std::process::id()));
    assert!(new.pidns > 0);
}

#[tokio::test]
async fn plugins_are_filtered_by_type_and_id() {
    // With a space after the comma, as ctr sends it.
    let filter = "type==io.containerd.snapshotter.v1, id==overlayfs";
    for (profile, capabilities) in [(Profile::V1_6, 0), (Profile::V1_7, 0), (Profile::V2_1, 2)] {
        let found = plugins(profile, filter).await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].capabilities.len(), capabilities);
        assert!(found[0].exports["root"].ends_with("/io.containerd.snapshotter.v1.overlayfs"));
        assert_eq!(found[0].platforms.len(), 1);
    }
}

#[tokio::test]
async fn a_plugin_that_was_skipped_says_why() {
    let found = plugins(Profile::V1_7, "id==devmapper").await;
    let why = found[0].init_err.as_ref().unwrap();
    assert_eq!((why.code, why.message.as_str()), (2, "devmapper not configured: skip plugin"));
}

#[tokio::test]
async fn one_plugin_can_be_asked_for_since_2_0() {
    let of = |kind: &str, id: &str| {
        let (r#type, id) = (kind.to_owned(), id.to_owned());
        Request::new(api::PluginInfoRequest { r#type, id, options: None })
    };
    let mut old = introspection(Profile::V1_7).await;
    let status = old.plugin_info(of("a", "b")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    let mut new = introspection(Profile::V2_1).await;
    let found = new.plugin_info(of("io.containerd.runtime.v2", "task")).await.unwrap();
    assert_eq!(found.into_inner().plugin.unwrap().requires, ["io.containerd.shim.v1"]);
    let status = new.plugin_info(of("a", "b")).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::NotFound, "plugin a.b not found: not found")
    );
}
