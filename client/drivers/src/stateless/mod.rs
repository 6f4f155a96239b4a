//! The stateless twin: holds ids, and asks again.

mod calls;
mod checkpoint;
mod content;
mod exits;
mod fifos;
mod images;
mod moby;
mod shown;
mod snapshots;
mod streams;
mod tape;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use driver_protocol::{
    Close, Connect, Driver, DriverFactory, DriverFault, Hello, Notice, Outcome, Pending, Request,
};
use laconic_client::Subscription;
use tonic::transport::{Channel, Error};

use crate::closing::Closing;
use crate::hello;
use calls::Calls;
use exits::Exits;
use moby::Moby;

/// Opens stateless drivers.
#[derive(Clone, Copy, Debug)]
pub struct StatelessFactory;

impl DriverFactory for StatelessFactory {
    fn name(&self) -> &str {
        "stateless"
    }

    fn open(&self, connect: Connect) -> Pending<'_, Result<Box<dyn Driver>, DriverFault>> {
        Box::pin(
            async move { opened(containerd_client::connect(&connect.socket).await, connect).await },
        )
    }
}

/// Opens stateless drivers through something else than a socket, such as a mock in memory.
#[derive(Clone, Copy, Debug)]
pub struct StatelessThrough<D>(
    /// Connects to what has this address.
    pub D,
);

impl<D> DriverFactory for StatelessThrough<D>
where
    D: Fn(PathBuf) -> Pending<'static, Result<Channel, Error>> + Send + Sync,
{
    fn name(&self) -> &str {
        "stateless"
    }

    fn open(&self, connect: Connect) -> Pending<'_, Result<Box<dyn Driver>, DriverFault>> {
        Box::pin(async move { opened((self.0)(connect.socket.clone()).await, connect).await })
    }
}

async fn opened(
    channel: Result<Channel, Error>,
    connect: Connect,
) -> Result<Box<dyn Driver>, DriverFault> {
    let failed = |cause: String| DriverFault::Connect { cause };
    let channel = channel.map_err(|error| {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        failed(source.unwrap_or_else(|| error.to_string()))
    })?;
    let (subscription, events) = Subscription::open(channel.clone(), &connect.namespace)
        .await
        .map_err(|error| failed(error.to_string()))?;
    let rootfs = connect.rootfs.map(|path| path.display().to_string());
    let exits = Arc::new(Exits::listen(events));
    let moby = Moby::new(
        Calls::new(channel, connect.namespace),
        rootfs.unwrap_or_else(|| "/".to_owned()),
        exits.clone(),
    );
    let open = Open { moby: Arc::new(moby), exits, _subscription: subscription };
    Ok(Box::new(Stateless {
        hello: hello("stateless", &[]),
        closing: Closing::default(),
        open: Mutex::new(Some(Arc::new(open))),
    }))
}

struct Open {
    moby: Arc<Moby>,
    exits: Arc<Exits>,
    _subscription: Subscription,
}

struct Stateless {
    hello: Hello,
    closing: Closing,
    open: Mutex<Option<Arc<Open>>>,
}

impl Stateless {
    fn open(&self) -> Option<Arc<Open>> {
        self.open.lock().expect("nothing panics while it holds the connection").clone()
    }
}

impl Driver for Stateless {
    fn hello(&self) -> &Hello {
        &self.hello
    }

    fn perform(&self, request: Request) -> Pending<'_, Result<Outcome, DriverFault>> {
        Box::pin(async move {
            let gone = || DriverFault::Gone { cause: "it was closed".to_owned() };
            let open = self.open().ok_or_else(gone)?;
            let answer = self.closing.unless(open.moby.answer(request.operation)).await;
            Ok(match answer.ok_or_else(gone)? {
                Ok(done) => Outcome::Ok(done),
                Err(refusal) => Outcome::Error(refusal),
            })
        })
    }

    fn next_notice(&self) -> Pending<'_, Option<Notice>> {
        Box::pin(async move {
            let open = self.open()?;
            self.closing.unless(open.exits.next()).await?
        })
    }

    fn close(&self, _: Close) -> Pending<'_, Result<(), DriverFault>> {
        Box::pin(async move {
            self.closing.close();
            self.open.lock().expect("nothing panics while it holds the connection").take();
            Ok(())
        })
    }
}
