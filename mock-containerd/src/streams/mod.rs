//! Streams that clients opened, waiting for a transfer to use them.

mod answers;

use std::collections::BTreeMap;
use std::sync::Mutex;

use prost_types::Any;
use tonic::Streaming;

pub(crate) use answers::{Answerer, answers};

use crate::state::{Failure, Key};
use crate::world::World;

/// Both ends of a stream. Dropped, it ends.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) from: Streaming<Any>,
    pub(crate) to: Answerer,
}

/// Those that nobody uses yet, by namespace and id.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    waiting: Mutex<BTreeMap<Key, Wire>>,
}

impl Streams {
    fn waiting(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Wire>> {
        self.waiting.lock().expect("nothing panics while it holds the streams")
    }

    pub(crate) fn put(&self, place: Key, wire: Wire) {
        self.waiting().insert(place, wire);
    }

    pub(crate) fn close(&self, places: &[Key]) {
        if places.is_empty() {
            return;
        }
        let mut waiting = self.waiting();
        for place in places {
            waiting.remove(place);
        }
    }
}

/// A stream in use. Dropped, it ends, and its name is free again; or, when it is kept, it waits on.
#[derive(Debug)]
pub(crate) struct Used {
    world: World,
    place: Key,
    /// `None` only while it is dropped.
    wire: Option<Wire>,
    kept: bool,
}

impl Used {
    /// Takes a stream out of those that wait.
    pub(crate) fn take(world: &World, namespace: &str, id: &str) -> Result<Self, Failure> {
        let place = (namespace.to_owned(), id.to_owned());
        let wire = world.streams().waiting().remove(&place);
        if wire.is_none() {
            return Err(Failure::plain(tonic::Code::NotFound, "not found"));
        }
        Ok(Self { world: world.clone(), place, wire, kept: false })
    }

    /// Whether its name stays taken, and its reader is not told of an end: so does containerd with
    /// a stream that an image was exported to.
    pub(crate) fn keep(&mut self, kept: bool) {
        self.kept = kept;
    }

    pub(crate) fn wire(&mut self) -> &mut Wire {
        self.wire.as_mut().expect("it is taken only when this is dropped")
    }
}

impl Drop for Used {
    fn drop(&mut self) {
        match self.wire.take().filter(|_| self.kept) {
            Some(wire) => self.world.streams().put(self.place.clone(), wire),
            None => self.world.change(|state| state.free_stream(&self.place)),
        }
    }
}
