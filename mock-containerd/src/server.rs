//! Serves one connection: all services behind the ledger's layer.

use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use rpc_ledger::{Ledger, LedgerBody, LedgerLayer};
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::service::Routes;
use tower::{Layer, ServiceExt};

use crate::services::{
    Containers, Content, Diff, Events, Images, Introspection, Leases, Namespaces, Snapshots, Tasks,
    Unmodelled, Version,
};
use crate::stubs::DESCRIPTORS;
use crate::stubs::containerd::services as stubs;
use crate::world::World;

/// Go announces no limit. Each open Wait and Subscribe holds a stream.
const STREAMS_MAX: u32 = u32::MAX;
/// All services.
pub(crate) fn routes(world: &World) -> Routes {
    let world = || world.clone();
    let (_, health) = tonic_health::server::health_reporter();
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .build_v1()
        .expect("the embedded descriptors are whole");
    Routes::new(stubs::containers::v1::containers_server::ContainersServer::new(
        Containers(world()),
    ))
    .add_service(stubs::tasks::v1::tasks_server::TasksServer::new(Tasks::new(world())))
    .add_service(stubs::events::v1::events_server::EventsServer::new(Events(world())))
    .add_service(stubs::leases::v1::leases_server::LeasesServer::new(Leases(world())))
    .add_service(stubs::version::v1::version_server::VersionServer::new(Version(world())))
    .add_service(stubs::namespaces::v1::namespaces_server::NamespacesServer::new(Namespaces(
        world(),
    )))
    .add_service(stubs::introspection::v1::introspection_server::IntrospectionServer::new(
        Introspection(world()),
    ))
    .add_service(stubs::content::v1::content_server::ContentServer::new(Content(world())))
    .add_service(stubs::diff::v1::diff_server::DiffServer::new(Diff(world())))
    .add_service(stubs::images::v1::images_server::ImagesServer::new(Images(world())))
    .add_service(stubs::sandbox::v1::controller_server::ControllerServer::new(Unmodelled))
    .add_service(stubs::sandbox::v1::store_server::StoreServer::new(Unmodelled))
    .add_service(stubs::snapshots::v1::snapshots_server::SnapshotsServer::new(Snapshots(world())))
    .add_service(stubs::streaming::v1::streaming_server::StreamingServer::new(Unmodelled))
    .add_service(stubs::transfer::v1::transfer_server::TransferServer::new(Unmodelled))
    .add_service(health)
    .add_service(reflection)
}

/// Serves until the connection ends.
pub(crate) async fn serve<IO>(io: IO, routes: Routes, ledger: Ledger)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = ledger.open_connection();
    let routes = tower::service_fn(move |request: Request<LedgerBody<Incoming>>| {
        routes.clone().oneshot(request.map(tonic::body::Body::new))
    });
    let counted = LedgerLayer::new(ledger).layer(routes);
    let named = tower::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(connection);
        counted.clone().oneshot(request)
    });
    // How a connection ends is not the server's concern: every short-lived client resets it.
    let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .max_concurrent_streams(STREAMS_MAX)
        .serve_connection(TokioIo::new(io), TowerToHyperService::new(named))
        .await;
}
