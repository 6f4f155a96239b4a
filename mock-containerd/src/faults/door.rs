//! By which door a connection came: no fault touches those who only watch.

use std::sync::{Arc, Mutex, MutexGuard};

use rpc_ledger::{ConnectionId, Ledger};

/// A door of a mock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Door {
    /// That of clients.
    #[default]
    Front,
    /// That of who looks how the clients fare: its calls are neither counted by faults nor touched,
    /// its connections are not cut, and it is told every event as it happened.
    Watchers,
}

/// A connection that has been accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) connection: ConnectionId,
    pub(crate) door: Door,
}

/// Who came by the front door, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrivals {
    front: Arc<Mutex<Vec<ConnectionId>>>,
}

impl Arrivals {
    fn front(&self) -> MutexGuard<'_, Vec<ConnectionId>> {
        self.front.lock().expect("nothing panics while it holds the arrivals")
    }

    /// Names a connection. To be called in the order in which they are accepted.
    pub(crate) fn arrive(&self, ledger: &Ledger, door: Door) -> Arrival {
        let mut front = self.front();
        let connection = ledger.open_connection();
        if door == Door::Front {
            front.push(connection);
        }
        Arrival { connection, door }
    }

    pub(crate) fn in_order(&self) -> Vec<ConnectionId> {
        self.front().clone()
    }
}
