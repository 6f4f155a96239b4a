//! A mock in memory: no socket and no tap. What is counted is what its own layer counts, and its time is the
//! runtime's: where that is paused, nobody waits.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use driver_protocol::{ContainerId, Lifecycle, Pending};
use laconic_scenarios::{Closing, Event, Injected, Target, TargetFault};
use mock_containerd::{Faults, InMemory, MockContainerd, Profile};
use rpc_ledger::{CallRecord, ConnectionId, Ledger, Mark};
use run_record::{Rpcs, TargetRef};
use tonic::transport::Endpoint;

use crate::injections::told;
use crate::observer::{Observer, fault};

/// Of the namespaces of its cases: there is nobody else in there.
const PREFIX: &str = "laconic-memory";

struct Memory {
    mock: InMemory,
    address: PathBuf,
    exchange: Option<Exchange>,
    observer: Observer,
    watching: ConnectionId,
    profile: Profile,
    version: String,
    folder: tempfile::TempDir,
}

/// Mocks in memory, each at an address that only this exchange knows: there is no socket to dial. How long
/// their messages take is drawn, in the time of the runtime.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    lines: Arc<Mutex<Lines>>,
}

#[derive(Debug, Default)]
struct Lines {
    opened: u64,
    open: BTreeMap<PathBuf, InMemory>,
}

impl Exchange {
    /// Starts another one.
    pub async fn open(&self, profile: Profile) -> Result<Box<dyn Target>, TargetFault> {
        let mock = MockContainerd::builder().profile(profile).interleave(0).in_memory();
        let mut memory = begin(mock, profile).await?;
        let mut lines = self.lines();
        lines.opened += 1;
        memory.address = PathBuf::from(format!("/in-memory/{}", lines.opened));
        lines.open.insert(memory.address.clone(), memory.mock.clone());
        memory.exchange = Some(self.clone());
        drop(lines);
        Ok(Box::new(memory))
    }

    /// The mock at an address.
    pub fn at(&self, address: &Path) -> Option<InMemory> {
        self.lines().open.get(address).cloned()
    }

    // Never held over an await.
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().expect("nothing panics while it holds the lines")
    }
}

/// Starts a mock in memory. Whoever plays on it connects through what is handed out beside it: there is no
/// socket to dial.
pub async fn in_memory(profile: Profile) -> Result<(Box<dyn Target>, InMemory), TargetFault> {
    let mock = MockContainerd::builder().profile(profile).in_memory();
    let memory = begin(mock.clone(), profile).await?;
    Ok((Box::new(memory), mock))
}

async fn begin(mock: InMemory, profile: Profile) -> Result<Memory, TargetFault> {
    let folder = tempfile::tempdir().map_err(|error| fault("make a folder", error))?;
    let endpoint = Endpoint::from_static("http://mock");
    let channel = endpoint.connect_with_connector(mock.watchers()).await;
    let channel = channel.map_err(|error| fault("connect", error))?;
    let observer = Observer::over(channel, PREFIX).await?;
    let version = observer.version().await?;
    let first = mock.ledger().calls().into_iter().next();
    let watching = first.expect("the observer has subscribed").connection;
    let address = PathBuf::from("/");
    Ok(Memory { mock, address, exchange: None, observer, watching, profile, version, folder })
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Some(exchange) = &self.exchange {
            exchange.lines().open.remove(&self.address);
        }
    }
}

impl Memory {
    fn players(&self, calls: Vec<CallRecord>) -> Vec<CallRecord> {
        calls.into_iter().filter(|call| call.connection != self.watching).collect()
    }
}

fn counted(calls: &[CallRecord]) -> Rpcs {
    let mut rpcs = Rpcs::new();
    for call in calls {
        *rpcs.entry(call.rpc.short()).or_default() += 1;
    }
    rpcs
}

impl Target for Memory {
    fn describe(&self) -> TargetRef {
        TargetRef {
            kind: "mock".to_owned(),
            version: self.version.clone(),
            profile: self.profile.to_string(),
            asked: Some(format!("memory:{}", self.profile)),
        }
    }

    fn socket(&self) -> &Path {
        &self.address
    }

    fn rootfs(&self) -> Option<&Path> {
        None
    }

    fn archive(&self) -> Result<&Path, String> {
        Err("nothing is read from disk in memory".to_owned())
    }

    fn can_checkpoint(&self) -> Result<(), String> {
        Err("nothing is written to disk in memory".to_owned())
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn namespace(&self, case: usize) -> String {
        format!("{PREFIX}-{case}")
    }

    fn ledger(&self) -> &Ledger {
        self.mock.ledger()
    }

    fn begin(&self, namespace: &str, case: &str, _: bool) {
        self.mock.faults().enter(namespace, case);
    }

    fn provoke(&self, _: &str, faults: &str) -> Result<(), String> {
        let faults = Faults::parse("step", faults).map_err(|error| error.to_string())?;
        self.mock.faults().add(faults);
        Ok(())
    }

    fn interleave(&self, seed: u64) -> bool {
        self.mock.interleave(seed)
    }

    fn injected(&self, namespace: &str) -> Vec<Injected> {
        self.mock.faults().fired_in(namespace).iter().map(told).collect()
    }

    fn calls(&self, _: &str, from: Mark, to: Mark) -> Result<Vec<CallRecord>, TargetFault> {
        Ok(self.players(self.mock.ledger().calls_between(from, to)))
    }

    fn serves(&self) -> Pending<'_, Result<(), TargetFault>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn caught_up(&self, _: Mark) -> Pending<'_, Result<(), TargetFault>> {
        // The layer counts a call before anybody serves it.
        Box::pin(std::future::ready(Ok(())))
    }

    fn hung_up(&self) -> Pending<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn died(&self) -> Pending<'_, TargetFault> {
        Box::pin(std::future::pending())
    }

    fn task<'a>(
        &'a self,
        namespace: &'a str,
        container: &'a ContainerId,
    ) -> Pending<'a, Result<Option<Lifecycle>, TargetFault>> {
        Box::pin(self.observer.task(namespace, container))
    }

    fn missed(&self) -> Option<String> {
        None
    }

    fn events(&self, namespace: &str) -> Vec<Event> {
        self.observer.seen().of(namespace)
    }

    fn events_changed<'a>(
        &'a self,
        namespace: &'a str,
        seen: usize,
        limit: Duration,
    ) -> Pending<'a, ()> {
        Box::pin(self.observer.seen().more_than(namespace, seen, limit))
    }

    fn leftovers<'a>(
        &'a self,
        namespace: &'a str,
    ) -> Pending<'a, Result<Vec<String>, TargetFault>> {
        Box::pin(self.observer.leftovers(namespace))
    }

    fn clean_up<'a>(&'a self, namespace: &'a str) -> Pending<'a, Result<(), TargetFault>> {
        // Nothing is written in a file here: what nothing set off is not for the next case.
        self.mock.faults().leave(namespace);
        self.mock.faults().clear();
        Box::pin(self.observer.clean_up(namespace))
    }

    fn close(self: Box<Self>) -> Pending<'static, Result<Closing, TargetFault>> {
        Box::pin(async move {
            let all = self.mock.ledger().calls();
            let observer: Vec<CallRecord> =
                all.iter().filter(|call| call.connection == self.watching).cloned().collect();
            let player = self.players(all);
            Ok(Closing {
                player: counted(&player),
                observer: counted(&observer),
                daemon: None,
                unfired: Vec::new(),
                verdicts: Vec::new(),
            })
        })
    }
}
