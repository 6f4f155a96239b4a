//! What is served, whichever way a client comes: all services behind the faults, behind the ledger's
//! layer.

use std::cell::RefCell;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rpc_ledger::{Ledger, LedgerLayer};
use tokio::io::{AsyncRead, AsyncWrite};
use tower::{Layer, Service};

use crate::authority::AnyAuthority;
use crate::events::EventBus;
use crate::faults::{Arrival, Arrivals, Door, Engine, FaultControl, FaultService, Hands, Lines};
use crate::interleave::Interleave;
use crate::routes::Routes;
use crate::services::Events;
use crate::world::World;
use crate::{Calls, Expectation, Expected};

/// Go announces no limit. Each open Wait and Subscribe holds a stream.
pub(crate) const STREAMS_MAX: u32 = u32::MAX;

/// What clients of a mock speak to, on a socket or in memory: what a test asks is the same of both.
/// Clones are one.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mock_containerd::{MockContainerd, Server};
///
/// fn number_of_calls(server: &Server) -> u64 {
///     server.ledger().counts().total_started()
/// }
///
/// let in_memory = MockContainerd::builder().in_memory();
/// let on_a_socket = MockContainerd::builder().start().await?;
/// assert_eq!((number_of_calls(&in_memory), number_of_calls(&on_a_socket)), (0, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Server {
    routes: Routes,
    ledger: Ledger,
    hands: Arc<Hands<FaultControl>>,
    lines: Lines,
    arrivals: Arrivals,
    events: EventBus,
    world: World,
}

impl Server {
    pub(crate) fn new(
        world: &World,
        ledger: Ledger,
        engine: Engine,
        interleave: Option<Interleave>,
    ) -> Self {
        let profile = world.profile();
        let lines = Lines::default();
        let control = FaultControl::new(engine.clone(), world.clone(), lines.clone());
        Self {
            routes: Routes::new(profile, world),
            ledger,
            hands: Arc::new(Hands { engine, hand: control, interleave }),
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
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What is called on it: of one namespace, on one connection, or all.
    pub fn calls(&self) -> Calls {
        Calls::of(self.ledger.clone())
    }

    /// Expects calls from now on, until what this returns is verified or dropped.
    pub fn expect(&self, expectation: Expectation) -> Expected {
        self.calls().expect(expectation)
    }

    /// Makes things go wrong.
    pub fn faults(&self) -> &FaultControl {
        &self.hands.hand
    }

    /// From now on it is drawn of another seed how long messages take, as if none had come yet. `false`: it
    /// was not begun with [`Builder::interleave`](crate::Builder::interleave), and nothing is drawn.
    pub fn interleave(&self, seed: u64) -> bool {
        let interleave = self.hands.interleave.as_ref();
        interleave.map(|interleave| interleave.anew(seed)).is_some()
    }

    /// Who listens to its events.
    pub fn events(&self) -> &EventBus {
        &self.events
    }
}

/// Serves until the connection ends.
pub(crate) async fn serve<IO>(io: IO, server: Server, arrival: Arrival)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Server { routes, ledger, hands, lines, .. } = server;
    let Arrival { connection, door } = arrival;
    let listed = lines.begin(arrival);
    let faulty = FaultService::new(routes, listed.line().clone(), hands, door);
    let counted = LedgerLayer::new(ledger).on_connection(connection).layer(faulty);
    // It is called by the connection alone, and needs no clones.
    let counted = RefCell::new(counted);
    let service = service_fn(move |mut request: Request<Incoming>| {
        // Where nothing is said, it is the front one.
        if door == Door::Watchers {
            request.extensions_mut().insert(door);
        }
        // Called at once and not when its future is first polled: calls of a connection are counted,
        // and met by faults, in the order of their headers. These layers are always ready.
        counted.borrow_mut().call(request)
    });
    let mut connection = std::pin::pin!(
        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .max_concurrent_streams(STREAMS_MAX)
            .serve_connection(TokioIo::new(AnyAuthority::new(io)), service)
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
