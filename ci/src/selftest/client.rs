//! A client that is right, and a wrapper around it that is not.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use containerd_client::services::v1::GetContainerRequest;
use containerd_client::services::v1::containers_client::ContainersClient;
use driver_protocol::{
    Close, Connect, Driver, DriverFactory, DriverFault, Hello, Notice, Operation, Outcome, Pending,
    Request,
};
use laconic_drivers::RetainedFactory;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tonic::transport::Channel;

/// What the wrapper does wrong.
#[derive(Clone, Copy)]
pub(crate) enum Twist {
    /// Nothing.
    Nothing,
    /// It asks for a container once more within an operation.
    Asks { on: &'static str },
    /// It asks for a container before it says that it is ready.
    AsksFirst,
    /// It asks for a container when nothing is asked of it any more.
    AsksLast,
    /// It tells other exits than those it heard of.
    Tells(fn(Notice) -> Vec<Notice>),
    /// It answers something else.
    Answers { on: &'static str, with: fn(Outcome) -> Outcome },
    /// It answers without having asked.
    Pretends { on: &'static str, with: fn() -> Outcome },
    /// It answers what it answered the first time.
    Remembers { on: &'static str },
    /// It does something else, and answers as if it had done that.
    Does { on: &'static str, instead: fn(&Operation) -> Operation, with: fn(Outcome) -> Outcome },
    /// It is gone.
    Ends { on: &'static str },
    /// It says what is no HTTP/2.
    Babbles { on: &'static str },
}

pub(crate) struct Twisted {
    pub(crate) twist: Twist,
}

struct TwistedDriver {
    inner: Box<dyn Driver>,
    /// Until it is closed.
    channel: Mutex<Option<Channel>>,
    socket: PathBuf,
    namespace: String,
    twist: Twist,
    untold: Mutex<VecDeque<Notice>>,
    first: Mutex<Option<Outcome>>,
}

impl DriverFactory for Twisted {
    fn name(&self) -> &str {
        RetainedFactory.name()
    }

    fn open(&self, connect: Connect) -> Pending<'_, Result<Box<dyn Driver>, DriverFault>> {
        Box::pin(async move {
            let (namespace, socket) = (connect.namespace.clone(), connect.socket.clone());
            let channel = containerd_client::connect(&socket).await;
            let channel =
                channel.map_err(|error| DriverFault::Connect { cause: error.to_string() })?;
            let driver = TwistedDriver {
                inner: RetainedFactory.open(connect).await?,
                channel: Mutex::new(Some(channel)),
                socket,
                namespace,
                twist: self.twist,
                untold: Mutex::default(),
                first: Mutex::default(),
            };
            if let Twist::AsksFirst = self.twist {
                driver.ask().await;
            }
            Ok(Box::new(driver) as Box<dyn Driver>)
        })
    }
}

impl TwistedDriver {
    fn channel(&self) -> MutexGuard<'_, Option<Channel>> {
        self.channel.lock().expect("nothing panics while it holds the channel")
    }

    /// Asks for a container that nobody made: whether there is one is of no interest here.
    async fn ask(&self) {
        let Some(channel) = self.channel().clone() else { return };
        let mut client = ContainersClient::new(channel);
        let mut request = tonic::Request::new(GetContainerRequest { id: "c0".to_owned() });
        let namespace = self.namespace.parse().expect("namespaces of ours are ASCII");
        request.metadata_mut().insert("containerd-namespace", namespace);
        drop(client.get(request).await);
    }

    async fn babble(&self) -> Result<(), DriverFault> {
        let said = async {
            let mut stream = UnixStream::connect(&self.socket).await?;
            stream.write_all(b"GET /containers/json HTTP/1.1\r\nHost: docker\r\n\r\n").await
        };
        said.await.map_err(|error| DriverFault::Gone { cause: error.to_string() })
    }

    async fn twisted(&self, request: Request) -> Result<Outcome, DriverFault> {
        let done = request.operation.name();
        let mut ask = request.clone();
        match self.twist {
            Twist::Asks { on } if on == done => self.ask().await,
            Twist::Babbles { on } if on == done => self.babble().await?,
            Twist::Pretends { on, with } if on == done => return Ok(with()),
            Twist::Does { on, instead, .. } if on == done => {
                ask.operation = instead(&request.operation);
            }
            Twist::Ends { on } if on == done => {
                return Err(DriverFault::Gone { cause: "it was told to".to_owned() });
            }
            _ => {}
        }
        let outcome = self.inner.perform(ask).await?;
        Ok(match self.twist {
            Twist::Answers { on, with } | Twist::Does { on, with, .. } if on == done => {
                with(outcome)
            }
            Twist::Remembers { on } if on == done => {
                let mut first = self.first.lock().expect("nothing panics while it holds it");
                first.get_or_insert(outcome).clone()
            }
            _ => outcome,
        })
    }
}

impl Driver for TwistedDriver {
    fn hello(&self) -> &Hello {
        self.inner.hello()
    }

    fn perform(&self, request: Request) -> Pending<'_, Result<Outcome, DriverFault>> {
        Box::pin(self.twisted(request))
    }

    fn next_notice(&self) -> Pending<'_, Option<Notice>> {
        Box::pin(async move {
            loop {
                let untold =
                    self.untold.lock().expect("nothing panics while it holds it").pop_front();
                if untold.is_some() {
                    return untold;
                }
                let notice = self.inner.next_notice().await?;
                let told = match self.twist {
                    Twist::Tells(told) => told(notice),
                    _ => vec![notice],
                };
                self.untold.lock().expect("nothing panics while it holds it").extend(told);
            }
        })
    }

    fn close(&self, how: Close) -> Pending<'_, Result<(), DriverFault>> {
        Box::pin(async move {
            if let Twist::AsksLast = self.twist {
                self.ask().await;
            }
            self.channel().take();
            self.inner.close(how).await
        })
    }
}
