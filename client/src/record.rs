//! What is kept of a container's record, and how it is read again and changed.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use containerd_client::services::v1::{
    Container as Record, GetContainerRequest, UpdateContainerRequest,
};
use prost_types::{Any, FieldMask};

use crate::create::NONCE;
use crate::wire::{self, Doing, operation};
use crate::{Container, Error};

/// Whether what is kept is good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// As it was when it was created, found, refreshed or changed last, by this handle or a clone
    /// of it: whatever other clients have changed since is not seen. No RPC.
    Cached,
    /// As the server has it now, and kept from now on. One RPC: Containers/Get.
    Refreshed,
}

/// The record, as it was told last.
pub(crate) struct Kept(Mutex<Arc<Record>>);

/// Specs are long.
impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

impl Kept {
    pub(crate) fn new(record: Record) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Arc::new(record))))
    }

    fn get(&self) -> Arc<Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, record: Option<Record>) -> Arc<Record> {
        let record = Arc::new(record.unwrap_or_default());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = record.clone();
        record
    }
}

impl Container {
    async fn record(&self, read: Read) -> Result<Arc<Record>, Error> {
        match read {
            Read::Cached => Ok(self.kept.get()),
            Read::Refreshed => operation("refresh", &self.id, None, self.refreshed()).await,
        }
    }

    async fn refreshed(&self) -> Result<Arc<Record>, Error> {
        let doing = Doing::begin("read container", &self.id);
        let message = GetContainerRequest { id: self.id.clone() };
        let wire = &self.shared.wire;
        let found = wire.call(&doing, &wire::containers::GET, message).await?;
        Ok(self.kept.set(found.container))
    }

    /// Its labels.
    ///
    /// RPCs: 0; 1 (Containers/Get) when it is refreshed.
    pub async fn labels(&self, read: Read) -> Result<BTreeMap<String, String>, Error> {
        let record = self.record(read).await?;
        Ok(record.labels.clone().into_iter().collect())
    }

    /// Its spec, as it was given.
    ///
    /// RPCs: 0; 1 (Containers/Get) when it is refreshed.
    pub async fn spec(&self, read: Read) -> Result<Any, Error> {
        let record = self.record(read).await?;
        Ok(record.spec.clone().unwrap_or_default())
    }

    /// What clients have attached to it, by name.
    ///
    /// RPCs: 0; 1 (Containers/Get) when it is refreshed.
    pub async fn extensions(&self, read: Read) -> Result<BTreeMap<String, Any>, Error> {
        let record = self.record(read).await?;
        Ok(record.extensions.clone().into_iter().collect())
    }

    /// The name of the image that it was made from; empty: of none.
    ///
    /// RPCs: 0; 1 (Containers/Get) when it is refreshed.
    pub async fn image(&self, read: Read) -> Result<String, Error> {
        let record = self.record(read).await?;
        Ok(record.image.clone())
    }

    /// The name of its runtime, and the options for it that are kept.
    ///
    /// RPCs: 0; 1 (Containers/Get) when it is refreshed.
    pub async fn runtime(&self, read: Read) -> Result<(String, Option<Any>), Error> {
        let record = self.record(read).await?;
        let runtime = record.runtime.clone().unwrap_or_default();
        Ok((runtime.name, runtime.options))
    }

    /// By what its record is known, if it was made here.
    pub(crate) fn made_with(&self) -> Option<String> {
        self.kept.get().labels.get(NONCE).cloned()
    }

    pub(crate) fn runtime_options(&self) -> Option<Any> {
        self.kept.get().runtime.as_ref().and_then(|runtime| runtime.options.clone())
    }

    /// Sets labels; one that is set to an empty text is removed, and all others stay.
    ///
    /// RPCs: 1 (Containers/Update).
    pub async fn set_labels(&self, labels: BTreeMap<String, String>) -> Result<(), Error> {
        let paths = labels.keys().map(|key| format!("labels.{key}")).collect();
        let labels: HashMap<_, _> = labels.into_iter().collect();
        let update = self.update(Record { labels, ..Record::default() }, paths);
        operation("set-labels", &self.id, None, update).await
    }

    /// Attaches something to it, instead of what had the name before; all else stays.
    ///
    /// RPCs: 1 (Containers/Update).
    pub async fn set_extension(&self, name: &str, value: Any) -> Result<(), Error> {
        let extensions = HashMap::from([(name.to_owned(), value)]);
        let paths = vec![format!("extensions.{name}")];
        let update = self.update(Record { extensions, ..Record::default() }, paths);
        operation("set-extension", &self.id, None, update).await
    }

    async fn update(&self, mut record: Record, paths: Vec<String>) -> Result<(), Error> {
        let doing = Doing::begin("update container", &self.id);
        record.id.clone_from(&self.id);
        let update_mask = Some(FieldMask { paths });
        let message = UpdateContainerRequest { container: Some(record), update_mask };
        let wire = &self.shared.wire;
        let updated = wire.call(&doing, &wire::containers::UPDATE, message).await?;
        self.kept.set(updated.container);
        Ok(())
    }
}
