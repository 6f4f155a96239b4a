//! What a transfer reads and writes: blobs of one namespace, under a lease until it is done.

use std::fs::File;
use std::io::{Read, Write};

use sha2::{Digest as _, Sha256};
use tonic::Code;

use crate::state::{BlobDescriptor, Digest, Failure, Labels};
use crate::world::World;

/// Blobs of one namespace. All of it blocks.
pub(super) struct Blobs {
    pub(super) world: World,
    pub(super) namespace: String,
    lease: String,
    /// The lease is ours, and goes with us.
    own: bool,
}

impl Blobs {
    /// Without a lease of the caller's, one is made.
    pub(super) fn new(
        world: &World,
        namespace: &str,
        lease: Option<String>,
    ) -> Result<Self, Failure> {
        let own = lease.is_none();
        let lease = world.change(|state| match lease {
            Some(lease) => state.check_lease(namespace, Some(&lease)).map(|()| lease),
            None => {
                let made = state.create_lease(namespace, String::new(), Labels::new());
                made.map(|lease| lease.id)
            }
        })?;
        Ok(Self { world: world.clone(), namespace: namespace.to_owned(), lease, own })
    }

    pub(super) fn lease(&self) -> Option<&str> {
        Some(&self.lease)
    }

    /// Works away from the runtime's own threads.
    pub(super) async fn apart<T: Send + 'static>(
        self,
        work: impl FnOnce(&Self) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let done = tokio::task::spawn_blocking(move || work(&self)).await;
        done.expect("a transfer does not panic, and is not aborted")
    }

    /// A blob that the namespace knows.
    pub(super) fn open(&self, digest: &str) -> Result<File, Failure> {
        let digest = digest.parse::<Digest>();
        let digest = digest.map_err(|error| Failure::invalid(error.to_string()))?;
        self.world.change(|state| state.blob(&self.namespace, &digest).map(drop))?;
        let file = self.world.store().open_blob(&digest);
        file.map_err(|error| Failure::disk("cannot open a blob", &error))
    }

    pub(super) fn read(&self, digest: &str) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let read = self.open(digest)?.read_to_end(&mut bytes);
        read.map_err(|error| Failure::disk("cannot read a blob", &error))?;
        Ok(bytes)
    }

    /// What a blob refers to.
    pub(super) fn children(&self, parent: &BlobDescriptor) -> Result<Vec<BlobDescriptor>, Failure> {
        if parent.kind() == crate::state::BlobKind::Leaf {
            return Ok(Vec::new());
        }
        let children = parent.children(&self.read(&parent.digest)?);
        children.map_err(|error| Failure::plain(Code::Unknown, error.to_string()))
    }

    pub(super) fn label(&self, digest: &str, labels: Labels) -> Result<(), Failure> {
        let mask = labels.keys().map(|label| format!("labels.{label}")).collect();
        let digest = digest.parse::<Digest>();
        let digest = digest.map_err(|error| Failure::invalid(error.to_string()))?;
        self.world
            .change(|state| state.update_blob(&self.namespace, &digest, &labels, &mask))
            .map(drop)
    }

    /// Writes what is read into a blob.
    pub(super) fn write(
        &self,
        from: &mut dyn Read,
        labels: Labels,
    ) -> Result<BlobDescriptor, Failure> {
        let number = self.world.change(|state| state.take_file());
        let spooled = self.world.store().spool(number, |file| copied(from, file));
        let spooled = spooled.map_err(|failed: NotCopied| failed.0)?;
        let (digest, size) = (spooled.digest.to_string(), spooled.size);
        self.world.enter_layer(&self.namespace, self.lease(), spooled, labels)?;
        Ok(BlobDescriptor { digest, size, ..BlobDescriptor::default() })
    }
}

/// Why something could not be copied.
struct NotCopied(Failure);

impl From<std::io::Error> for NotCopied {
    fn from(error: std::io::Error) -> Self {
        Self(Failure::disk("cannot write a blob", &error))
    }
}

/// Digest and size of what was read from one and written to the other.
fn copied(from: &mut dyn Read, to: &mut File) -> Result<(Digest, i64), NotCopied> {
    let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 64 * 1024]);
    loop {
        // What cannot be read is the archive's fault, and not the disk's.
        let length = from.read(&mut buffer).map_err(|error| {
            let what = format!("failed to read an archive: {error}");
            NotCopied(Failure::plain(Code::Unknown, what))
        })?;
        if length == 0 {
            return Ok((Digest::finished(hasher), size));
        }
        hasher.update(&buffer[..length]);
        to.write_all(&buffer[..length])?;
        size += i64::try_from(length).expect("a buffer fits into memory");
    }
}

impl Drop for Blobs {
    fn drop(&mut self) {
        if self.own {
            // What no image holds by now is garbage.
            let _ = self.world.change(|state| state.delete_lease(&self.namespace, &self.lease));
        }
    }
}
