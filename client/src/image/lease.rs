//! A lease: keeps what is made under it from garbage collection, until something names it.

use std::collections::HashMap;
use std::sync::Arc;

use containerd_client::services::v1::{CreateRequest, DeleteRequest};
use prost_types::Timestamp;
use tonic::metadata::{Ascii, MetadataValue};

use crate::client::Shared;
use crate::wire::{self, Doing, Wire};
use crate::{Error, Kind};

const EXPIRE: &str = "containerd.io/gc.expire";
/// As long as containerd's Go client gives: should this client die, its lease dies after it.
const LIFE_SECONDS: i64 = 24 * 60 * 60;

#[derive(Debug)]
pub(crate) struct Lease {
    shared: Arc<Shared>,
    id: String,
    header: MetadataValue<Ascii>,
    ended: bool,
}

impl Lease {
    /// Leases/Create. The server names it.
    pub(crate) async fn begin(shared: &Arc<Shared>, doing: &Doing<'_>) -> Result<Self, Error> {
        let labels = HashMap::from([(EXPIRE.to_owned(), expiry())]);
        let message = CreateRequest { id: String::new(), labels };
        let doing = doing.part_on("make", "a lease");
        let made = shared.wire.call(&doing, &wire::leases::CREATE, message).await?;
        let id = made.lease.unwrap_or_default().id;
        let header = id.parse().map_err(|_| {
            Error::refusal(&doing, Kind::Internal, format!("its id {id:?} is no header"))
        })?;
        Ok(Self { shared: shared.clone(), id, header, ended: false })
    }

    /// What was made with its help is called after it: nobody else uses such names.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.shared.wire
    }

    pub(crate) fn header(&self) -> &MetadataValue<Ascii> {
        &self.header
    }

    /// Leases/Delete, whatever came of the work. The work's own error is the one to tell.
    pub(crate) async fn end<T>(
        mut self,
        doing: &Doing<'_>,
        worked: Result<T, Error>,
    ) -> Result<T, Error> {
        let message = DeleteRequest { id: self.id.clone(), sync: false };
        let doing = doing.part_on("end lease", &self.id);
        let ended = self.wire().call(&doing, &wire::leases::DELETE, message).await;
        // What is in doubt is tried again when this is dropped.
        self.ended = !ended.as_ref().is_err_and(Error::leaves_in_doubt);
        worked.and_then(|result| ended.map(|()| result))
    }
}

/// Whoever gives up in the middle leaves no lease either.
impl Drop for Lease {
    fn drop(&mut self) {
        if !self.ended {
            let (shared, id) = (self.shared.clone(), std::mem::take(&mut self.id));
            self.shared.undoing.undo(async move { delete(&shared, &id).await });
        }
    }
}

/// Nobody else has a lease of this id: deleting it twice is as good as once.
async fn delete(shared: &Shared, id: &str) {
    let doing = Doing::begin("end lease", id);
    loop {
        let message = DeleteRequest { id: id.to_owned(), sync: false };
        match shared.wire.call(&doing, &wire::leases::DELETE, message).await {
            Err(error) if error.leaves_in_doubt() => shared.live().await,
            _ => return,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the server compares it with its own wall clock")]
fn expiry() -> String {
    let mut at = Timestamp::from(std::time::SystemTime::now());
    at.seconds += LIFE_SECONDS;
    at.nanos = 0;
    at.to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn expiry_is_written_as_go_reads_it() {
        let text = super::expiry();
        assert_eq!(text.len(), "2026-11-24T20:00:00Z".len(), "{text}");
        assert!(text.ends_with('Z'), "{text}");
    }
}
