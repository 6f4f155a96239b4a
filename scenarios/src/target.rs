//! What the runner needs of a server under observation. Targets live elsewhere: the runner knows
//! neither the mock nor the real one.

use std::path::Path;
use std::time::Duration;

use driver_protocol::{ContainerId, ExecId, Lifecycle, Pending};
use rpc_ledger::{CallRecord, Ledger, Mark};
use run_record::{Rpcs, TargetRef, Verdict};

/// An event as the observer saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its topic, verbatim.
    pub topic: String,
    /// Whose namespace.
    pub namespace: String,
    /// Whose.
    pub container: ContainerId,
    /// Which exec's; `None`: the container's own.
    pub exec: Option<ExecId>,
    /// Of an exit.
    pub status: Option<u32>,
}

/// Something that was made to go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injected {
    /// What, in words.
    pub what: String,
    /// How far it reaches.
    pub reach: Reach,
}

/// How far a fault reaches beyond what the client is told by its own calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// A call took longer.
    Call,
    /// A call was refused, and perhaps took place: a client that cannot know may ask, or undo it, when it
    /// likes.
    Doubt,
    /// Connections or streams ended, or an event came twice: what the client knows is still true.
    Link,
    /// An event was lost, or is late: what the client knows may be no longer so.
    News,
    /// What it has is no longer so: a task or the daemon gone.
    World,
}

/// The target failed, or the harness could not observe it. Not a verdict about any client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetFault {
    /// The server ended.
    #[error("the target died: {0}")]
    Died(String),
    /// The observer could not ask.
    #[error("the observer could not {action}: {cause}")]
    Observer {
        /// What it wanted.
        action: String,
        /// Why not.
        cause: String,
    },
    /// The tap lost sight of a connection: its counts cannot be trusted.
    #[error("the tap went blind: {0}")]
    Blind(String),
    /// Something did not come to rest.
    #[error("{what} did not come to rest within {limit_ms} ms")]
    Restless {
        /// What.
        what: String,
        /// How long it was given.
        limit_ms: u64,
    },
    /// Another one like it could not be started.
    #[error("{0}")]
    Start(String),
    /// The target could not be ended cleanly.
    #[error("the target could not be ended cleanly: {0}")]
    Stop(String),
}

/// What a target says when it is closed.
#[derive(Clone, Debug)]
pub struct Closing {
    /// What the tap counted of the player.
    pub player: Rpcs,
    /// What the tap counted of the observer.
    pub observer: Rpcs,
    /// What the server itself counted.
    pub daemon: Option<Rpcs>,
    /// Faults that nothing set off, as they are written.
    pub unfired: Vec<String>,
    /// Whether these agree.
    pub verdicts: Vec<Verdict>,
}

/// A server behind a tap, with an observer of its own.
pub trait Target: Send + Sync {
    /// What it is.
    fn describe(&self) -> TargetRef;

    /// The socket that players of the case under way dial.
    fn socket(&self) -> &Path;

    /// The root file system for containers, where processes are real.
    fn rootfs(&self) -> Option<&Path>;

    /// The archive of images for scenarios that begin with one, or why there is none.
    fn archive(&self) -> Result<&Path, String>;

    /// Whether it can write tasks down, or why not.
    fn can_checkpoint(&self) -> Result<(), String>;

    /// A folder of the harness's own on the server's host, which goes with the target.
    fn folder(&self) -> &Path;

    /// The namespace of the n-th case: nobody else uses it.
    fn namespace(&self, case: usize) -> String;

    /// What the tap sees of players.
    fn ledger(&self) -> &Ledger;

    /// A case begins in a namespace. `faulty`: within it something is to be made to go wrong.
    fn begin(&self, namespace: &str, case: &str, faulty: bool);

    /// Makes something go wrong in the case under way, as a file of faults says; why it cannot where it
    /// cannot.
    fn provoke(&self, namespace: &str, faults: &str) -> Result<(), String>;

    /// From now on it is drawn of this seed how long each message takes. `false`: that is not up to us, and
    /// what happens at once happens now in one order, now in another.
    fn interleave(&self, _seed: u64) -> bool {
        false
    }

    /// What was made to go wrong in a namespace since its case began, in order.
    fn injected(&self, namespace: &str) -> Vec<Injected>;

    /// The calls of the case that began in a namespace, between two marks of the ledger, with those
    /// marked that something was done to.
    fn calls(&self, namespace: &str, from: Mark, to: Mark) -> Result<Vec<CallRecord>, TargetFault>;

    /// Done when the server can be asked: at once, but for one that is being restarted.
    fn serves(&self) -> Pending<'_, Result<(), TargetFault>>;

    /// Done when the tap's reader has read everything that passed before the mark.
    fn caught_up(&self, mark: Mark) -> Pending<'_, Result<(), TargetFault>>;

    /// Done when no player is connected any more, and all that they said is counted.
    fn hung_up(&self) -> Pending<'_, ()>;

    /// Done when the server dies; pending as long as it lives.
    fn died(&self) -> Pending<'_, TargetFault>;

    /// How the server sees a task now; `None`: there is none.
    fn task<'a>(
        &'a self,
        namespace: &'a str,
        container: &'a ContainerId,
    ) -> Pending<'a, Result<Option<Lifecycle>, TargetFault>>;

    /// Why events of the case under way may have been missed, where they may.
    fn missed(&self) -> Option<String>;

    /// Events of a namespace seen so far. Changes are told by [`Target::events_changed`].
    fn events(&self, namespace: &str) -> Vec<Event>;

    /// Done when an event has come since `seen` of the namespace were counted, or at the limit.
    fn events_changed<'a>(
        &'a self,
        namespace: &'a str,
        seen: usize,
        limit: Duration,
    ) -> Pending<'a, ()>;

    /// What there still is in a namespace, in words.
    fn leftovers<'a>(&'a self, namespace: &'a str)
    -> Pending<'a, Result<Vec<String>, TargetFault>>;

    /// Removes all that is in a namespace, and the namespace.
    fn clean_up<'a>(&'a self, namespace: &'a str) -> Pending<'a, Result<(), TargetFault>>;

    /// Ends it: nothing of it is left, and its counts are compared.
    fn close(self: Box<Self>) -> Pending<'static, Result<Closing, TargetFault>>;
}
