//! A lease: keeps what is made under it from garbage collection, until something names it.

use std::collections::HashMap;

use containerd_client::services::v1::{CreateRequest, DeleteRequest};
use prost_types::Timestamp;
use tonic::metadata::{Ascii, MetadataValue};

use crate::wire::{self, Doing, Wire};
use crate::{Error, Kind};

const EXPIRE: &str = "containerd.io/gc.expire";
/// As long as containerd's Go client gives: should this client die, its lease dies after it.
const LIFE_SECONDS: i64 = 24 * 60 * 60;

#[derive(Debug)]
pub(super) struct Lease {
    wire: Wire,
    id: String,
    header: MetadataValue<Ascii>,
    ended: bool,
}

impl Lease {
    /// Leases/Create. The server names it.
    pub(super) async fn begin(wire: &Wire, doing: &Doing<'_>) -> Result<Self, Error> {
        let labels = HashMap::from([(EXPIRE.to_owned(), expiry())]);
        let message = CreateRequest { id: String::new(), labels };
        let doing = doing.part_on("make", "a lease");
        let made = wire.call(&doing, &wire::leases::CREATE, message).await?;
        let id = made.lease.unwrap_or_default().id;
        let header = id.parse().map_err(|_| {
            Error::refusal(&doing, Kind::Internal, format!("its id {id:?} is no header"))
        })?;
        Ok(Self { wire: wire.clone(), id, header, ended: false })
    }

    /// What was made with its help is called after it: nobody else uses such names.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    pub(super) fn header(&self) -> &MetadataValue<Ascii> {
        &self.header
    }

    /// Leases/Delete, whatever came of the work. The work's own error is the one to tell.
    pub(super) async fn end<T>(
        mut self,
        doing: &Doing<'_>,
        worked: Result<T, Error>,
    ) -> Result<T, Error> {
        self.ended = true;
        let ended = delete(&self.wire, &doing.part_on("end lease", &self.id)).await;
        worked.and_then(|result| ended.map(|()| result))
    }
}

/// Whoever gives up in the middle leaves no lease either.
impl Drop for Lease {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let (wire, id) = (self.wire.clone(), self.id.clone());
        // Without a runtime nothing can be said any more: the lease expires.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { delete(&wire, &Doing::begin("end lease", &id)).await });
        }
    }
}

async fn delete(wire: &Wire, doing: &Doing<'_>) -> Result<(), Error> {
    let message = DeleteRequest { id: doing.object.to_owned(), sync: false };
    wire.call(doing, &wire::leases::DELETE, message).await
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
