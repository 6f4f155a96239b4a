//! Finds the service of a call, by the name in its path.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use rpc_ledger::{Injection, LedgerBody};
use tokio::task::futures::TaskLocalFuture;
use tonic::server::NamedService;
use tower::Service;

use crate::Profile;
use crate::codec;
use crate::refusal::{MESSAGE_BYTES_MAX, Refusals};
use crate::services::{
    Containers, Content, Controllers, Diff, Events, Health, Images, Introspection, Leases,
    Namespaces, Sandboxes, Snapshots, Streams, Tasks, Transfer, Version,
};
use crate::stubs::DESCRIPTORS;
use crate::stubs::containerd::services as stubs;
use crate::world::World;

/// Reading the descriptors takes longer than all else that a mock does to start: done once, for all
/// mocks of a process. Whatever it does not know either, it refuses.
static REFLECTION: LazyLock<tonic::service::Routes> = LazyLock::new(|| {
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
    };
    let whole = "the embedded descriptors are whole";
    tonic::service::Routes::new(reflection().build_v1().expect(whole))
        .add_service(reflection().build_v1alpha().expect(whole))
        // Once, not at every call.
        .prepare()
});

type Call = Request<LedgerBody<Incoming>>;
type Answer = Response<tonic::body::Body>;
type Served = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;
type Serve = Box<dyn Fn(Call) -> Served + Send + Sync>;

/// All services of a mock. Clones are one.
#[derive(Clone)]
pub(crate) struct Routes {
    services: Arc<BTreeMap<&'static str, Serve>>,
    refusals: Refusals,
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.services.keys()).finish()
    }
}

/// Takes messages as large as containerd takes them.
macro_rules! limited {
    ($server:ident($service:expr)) => {
        $server::new($service).max_decoding_message_size(MESSAGE_BYTES_MAX)
    };
}

impl Routes {
    pub(crate) fn new(profile: Profile, world: &World) -> Self {
        let mut services = BTreeMap::new();
        of_every_version(&mut services, profile, world);
        if profile > Profile::V1_6 {
            since_1_7(&mut services, world);
        }
        Self { services: Arc::new(services), refusals: Refusals::new(profile) }
    }

    fn serve(&self, call: Call) -> Served {
        let name = call.uri().path().strip_prefix('/').and_then(|path| path.split_once('/'));
        match name.and_then(|(service, _)| self.services.get(service)) {
            Some(serve) => serve(call),
            // The real one has none: here it lets grpcurl and its like look around.
            None => Box::pin(REFLECTION.clone().call(call)),
        }
    }
}

fn add<S>(services: &mut BTreeMap<&'static str, Serve>, server: S)
where
    S: Service<Call, Response = Answer, Error = Infallible, Future = Served>,
    S: NamedService + Clone + Send + Sync + 'static,
{
    // A server is a pointer to its service: its clone costs no more.
    services.insert(S::NAME, Box::new(move |call| server.clone().call(call)));
}

fn of_every_version(services: &mut BTreeMap<&'static str, Serve>, profile: Profile, world: &World) {
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

    let world = || world.clone();
    add(services, limited!(ContainersServer(Containers(world()))));
    add(services, limited!(TasksServer(Tasks(world()))));
    add(services, limited!(EventsServer(Events(world()))));
    add(services, limited!(LeasesServer(Leases(world()))));
    add(services, limited!(VersionServer(Version(world()))));
    add(services, limited!(NamespacesServer(Namespaces(world()))));
    add(services, limited!(IntrospectionServer(Introspection(world()))));
    add(services, limited!(ContentServer(Content(world()))));
    add(services, limited!(DiffServer(Diff(world()))));
    add(services, limited!(ImagesServer(Images(world()))));
    add(services, limited!(SnapshotsServer(Snapshots(world()))));
    add(services, Health(profile));
}

fn since_1_7(services: &mut BTreeMap<&'static str, Serve>, world: &World) {
    use stubs::sandbox::v1::controller_server::ControllerServer;
    use stubs::sandbox::v1::store_server::StoreServer;
    use stubs::streaming::v1::streaming_server::StreamingServer;
    use stubs::transfer::v1::transfer_server::TransferServer;

    let world = || world.clone();
    add(services, limited!(ControllerServer(Controllers(world()))));
    add(services, limited!(StoreServer(Sandboxes(world()))));
    add(services, limited!(StreamingServer(Streams(world()))));
    add(services, limited!(TransferServer(Transfer(world()))));
}

impl Service<Call> for Routes {
    type Response = Answer;
    type Error = Infallible;
    type Future = Worded;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Worded {
        let (refusals, injection) = (self.refusals, call.body().injection());
        let served = codec::played(refusals.profile(), self.serve(call));
        Worded { served, refusals, injection }
    }
}

pin_project! {
    /// An answer to come. Bodies are read as the version that is played does, and a refusal has its
    /// words.
    pub(crate) struct Worded {
        #[pin]
        served: TaskLocalFuture<Profile, Served>,
        refusals: Refusals,
        injection: Injection,
    }
}

impl Future for Worded {
    type Output = Result<Answer, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Ok(mut answer) = ready!(this.served.poll(context));
        this.refusals.word(|| this.injection.rpc(), &mut answer);
        Poll::Ready(Ok(answer))
    }
}
