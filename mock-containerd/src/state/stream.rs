//! Names of streams that wait for a transfer to use them.

use super::{Failure, Key, State, key};

impl State {
    /// A name is taken until its stream was used, or its lease is gone: also when the client that
    /// opened it is gone.
    pub(crate) fn take_stream(
        &mut self,
        namespace: &str,
        id: &str,
        lease: Option<String>,
    ) -> Result<(), Failure> {
        let place = key(namespace, id);
        if self.streams.contains_key(&place) {
            return Err(Failure::plain(tonic::Code::Unknown, "already exists"));
        }
        self.streams.insert(place, lease);
        Ok(())
    }

    pub(crate) fn free_stream(&mut self, place: &Key) {
        self.streams.remove(place);
    }

    /// Streams whose lease is no more are closed, and those of namespaces that are not stored: only those that
    /// are are looked through for what is in use.
    pub(super) fn collect_streams(&mut self) {
        let Self { streams, leases, namespaces, garbage, .. } = self;
        streams.retain(|place, lease| {
            let leased =
                lease.as_ref().is_none_or(|lease| leases.contains_key(&key(&place.0, lease)));
            let held = leased && namespaces.contains_key(&place.0);
            if !held {
                garbage.streams.push(place.clone());
            }
            held
        });
    }
}
