//! What benches ask for.

use containerd_client::services::v1 as api;
use containerd_client::services::v1::container::Runtime;
use prost_types::Any;
use tonic::Request;

/// A request in a namespace.
pub(crate) fn within<T>(namespace: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let namespace = namespace.parse().expect("a namespace is ASCII");
    request.metadata_mut().insert("containerd-namespace", namespace);
    request
}

/// A container of runc's.
pub(crate) fn container(id: String, spec: &serde_json::Value) -> api::Container {
    api::Container {
        id,
        runtime: Some(Runtime { name: "io.containerd.runc.v2".to_owned(), options: None }),
        spec: Some(Any {
            type_url: "types.containerd.io/opencontainers/runtime-spec/1/Spec".to_owned(),
            value: spec.to_string().into_bytes(),
        }),
        ..Default::default()
    }
}
