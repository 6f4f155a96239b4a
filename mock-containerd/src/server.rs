//! Serves one connection: all services behind the ledger's layer.

use std::future::{Future, poll_fn};
use std::sync::LazyLock;
use std::task::Poll;

use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rpc_ledger::{Ledger, LedgerBody, LedgerLayer};
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::service::Routes;
use tonic_health::pb::health_server::HealthServer;
use tower::{Layer, Service, ServiceExt};

use crate::Profile;
use crate::authority::AnyAuthority;
use crate::codec;
use crate::events::EventBus;
use crate::faults::{Arrival, Arrivals, Door, Engine, FaultControl, FaultService, Hands, Lines};
use crate::interleave::Interleave;
use crate::methods::SINCE_1_7;
use crate::refusal::{MESSAGE_BYTES_MAX, Refusals};
use crate::services::{
    Containers, Content, Controllers, Diff, Events, Health, Images, Introspection, Leases,
    Namespaces, Sandboxes, Snapshots, Streams, Tasks, Transfer, Version, WithList,
};
use crate::stubs::DESCRIPTORS;
use crate::stubs::containerd::services as stubs;
use crate::world::World;

/// Go announces no limit. Each open Wait and Subscribe holds a stream.
const STREAMS_MAX: u32 = u32::MAX;

/// Reading the descriptors takes longer than all else that a mock does to start: done once, for all
/// mocks of a process.
static REFLECTION: LazyLock<Routes> = LazyLock::new(|| {
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
    };
    let whole = "the embedded descriptors are whole";
    Routes::new(reflection().build_v1().expect(whole))
        .add_service(reflection().build_v1alpha().expect(whole))
});

/// What every connection of one mock is served with: all services, how it refuses what none of them
/// takes, and what goes wrong.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    routes: Routes,
    refusals: Refusals,
    ledger: Ledger,
    hands: Hands,
    lines: Lines,
    arrivals: Arrivals,
    events: EventBus,
    world: World,
}

/// Takes messages as large as containerd takes them.
macro_rules! limited {
    ($server:ident($service:expr)) => {
        $server::new($service).max_decoding_message_size(MESSAGE_BYTES_MAX)
    };
}

impl Server {
    pub(crate) fn new(
        world: &World,
        ledger: Ledger,
        engine: Engine,
        interleave: Option<Interleave>,
    ) -> Self {
        let profile = world.change(|state| state.profile);
        let absent: &[&str] = if profile == Profile::V1_6 { &SINCE_1_7 } else { &[] };
        let routes = routes(world);
        let routes = if profile == Profile::V1_6 { routes } else { since_1_7(routes, world) };
        let lines = Lines::default();
        let control = FaultControl::new(engine.clone(), world.clone(), lines.clone());
        Self {
            // Once, not at every call.
            routes: routes.prepare(),
            refusals: Refusals::new(profile, absent, &["grpc.health.v1.Health"]),
            ledger,
            hands: Hands { engine, control, interleave },
            lines,
            arrivals: Arrivals::default(),
            events: EventBus::new(world.bus().clone()),
            world: world.clone(),
        }
    }

    /// What the socket beside it serves.
    pub(crate) fn forwarding(&self) -> Events {
        Events(self.world.clone())
    }

    /// A connection has been accepted.
    pub(crate) fn arrive(&self, door: Door) -> Arrival {
        self.arrivals.arrive(&self.ledger, door)
    }

    pub(crate) fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }

    /// What it counted.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn faults(&self) -> &FaultControl {
        &self.hands.control
    }

    pub(crate) fn events(&self) -> &EventBus {
        &self.events
    }
}

/// The services of every version.
fn routes(world: &World) -> Routes {
    use stubs::containers::v1::containers_server::ContainersServer;
    use stubs::content::v1::content_server::ContentServer;
    use stubs::diff::v1::diff_server::DiffServer;
    use stubs::events::v1::events_server::EventsServer;
    use stubs::images::v1::images_server::ImagesServer;
    use stubs::introspection::v1::introspection_server::IntrospectionServer;
    use stubs::leases::v1::leases_server::LeasesServer;
    use stubs::namespaces::v1::namespaces_server::NamespacesServer;
    use stubs::snapshots::v1::snapshots_server::SnapshotsServer;
    use stubs::tasks::v1::tasks_server::TasksServer;
    use stubs::version::v1::version_server::VersionServer;

    let profile = world.change(|state| state.profile);
    let world = || world.clone();
    // The real one has none: here it lets grpcurl and its like look around.
    REFLECTION
        .clone()
        .add_service(limited!(ContainersServer(Containers(world()))))
        .add_service(limited!(TasksServer(Tasks(world()))))
        .add_service(limited!(EventsServer(Events(world()))))
        .add_service(limited!(LeasesServer(Leases(world()))))
        .add_service(limited!(VersionServer(Version(world()))))
        .add_service(limited!(NamespacesServer(Namespaces(world()))))
        .add_service(limited!(IntrospectionServer(Introspection(world()))))
        .add_service(limited!(ContentServer(Content(world()))))
        .add_service(limited!(DiffServer(Diff(world()))))
        .add_service(limited!(ImagesServer(Images(world()))))
        .add_service(limited!(SnapshotsServer(Snapshots(world()))))
        .add_service(WithList::new(limited!(HealthServer(Health)), profile))
}

/// What came with 1.7.
fn since_1_7(routes: Routes, world: &World) -> Routes {
    use stubs::sandbox::v1::controller_server::ControllerServer;
    use stubs::sandbox::v1::store_server::StoreServer;
    use stubs::streaming::v1::streaming_server::StreamingServer;
    use stubs::transfer::v1::transfer_server::TransferServer;

    let world = || world.clone();
    routes
        .add_service(limited!(ControllerServer(Controllers(world()))))
        .add_service(limited!(StoreServer(Sandboxes(world()))))
        .add_service(limited!(StreamingServer(Streams(world()))))
        .add_service(limited!(TransferServer(Transfer(world()))))
}

/// Serves until the connection ends.
pub(crate) async fn serve<IO>(io: IO, server: Server, arrival: Arrival)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Server { routes, refusals, ledger, hands, lines, .. } = server;
    let Arrival { connection, door } = arrival;
    let listed = lines.begin(arrival);
    let worded = tower::service_fn(move |request: Request<LedgerBody<Incoming>>| {
        let (routes, refusals) = (routes.clone(), refusals.clone());
        let uri = request.uri().clone();
        async move {
            let answered = routes.oneshot(request.map(tonic::body::Body::new));
            let mut response = codec::played(refusals.profile(), answered).await?;
            refusals.word(uri.path(), &mut response);
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let faulty = FaultService::new(worded, listed.line().clone(), hands, door);
    let counted = LedgerLayer::new(ledger).layer(faulty);
    let named = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(connection);
        request.extensions_mut().insert(door);
        // Called at once and not when its future is first polled: calls of a connection are counted,
        // and met by faults, in the order of their headers. These layers are always ready.
        counted.clone().call(request)
    });
    let mut connection = std::pin::pin!(
        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .max_concurrent_streams(STREAMS_MAX)
            .serve_connection(TokioIo::new(AnyAuthority::new(io)), named)
    );
    poll_fn(|context| {
        // Asked first: what was answered before the cut is written by the poll below.
        let hung_up = listed.line().hung_up(context);
        // How a connection ends is not the server's concern: every short-lived client resets it.
        match connection.as_mut().poll(context) {
            Poll::Pending if !hung_up => Poll::Pending,
            _ => Poll::Ready(()),
        }
    })
    .await;
}
