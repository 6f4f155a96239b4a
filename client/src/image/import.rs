//! An archive becomes content and names.

use std::collections::BTreeMap;

use tokio::io::{AsyncBufRead, AsyncReadExt};
use tokio_stream::StreamExt;
use tokio_tar::Entry;

use super::archive::{Archive, Part, unreadable};
use super::chain::is_digest_of;
use super::content::{self, Blob, DOCUMENT_BYTES_MAX, Written};
use super::documents::Documents;
use super::handle::Image;
use super::layout;
use super::lease::Lease;
use super::manifest::reference_labels;
use super::store;
use crate::wire::{Doing, operation};
use crate::{Client, Error, Kind};

/// All documents of an archive together, for they are kept until its index has come.
const DOCUMENTS_BYTES_MAX: u64 = 64 << 20;

type Tar = Box<dyn AsyncBufRead + Send + Unpin>;

/// What was seen of an archive.
#[derive(Default)]
struct Seen {
    index: Option<Vec<u8>>,
    /// By digest: manifests, indexes, configurations.
    documents: BTreeMap<String, Vec<u8>>,
    document_bytes: u64,
    /// Digests of all blobs.
    blobs: Vec<String>,
}

impl Client {
    /// Imports an archive: writes its blobs, and gives its images their names. The archive is read
    /// once, as it comes; images are returned by name.
    ///
    /// What is there already is not sent again, but asked for by its Content/Write; a manifest or
    /// index that is there is labelled, and a name that is there gets its new target.
    ///
    /// All is under a lease, which is given back whatever happens: nothing is left of an import that
    /// failed or was dropped, once the server has collected. `InvalidArgument` for an archive that
    /// cannot be understood, `NotFound` when it lacks a part or has nothing for this platform.
    ///
    /// RPCs: 2 + b + i (Leases/Create, b × Content/Write, i × Images/Create, Leases/Delete) for
    /// b blobs and i images; 2 + b + m + 2i (Leases/Create, b × Content/Write, m × Content/Update,
    /// i × Images/Create, i × Images/Update, Leases/Delete) when all of it is there, with m manifests
    /// and indexes.
    pub async fn import(&self, archive: Archive) -> Result<Vec<Image>, Error> {
        let shown = archive.shown();
        operation("import", &shown, None, async {
            let doing = Doing::begin("import", &shown);
            let lease = Lease::begin(&self.shared, &doing).await?;
            let imported = self.import_under(&lease, &doing, archive).await;
            lease.end(&doing, imported).await
        })
        .await
    }

    async fn import_under(
        &self,
        lease: &Lease,
        doing: &Doing<'_>,
        archive: Archive,
    ) -> Result<Vec<Image>, Error> {
        let given = archive.name.clone();
        let refuse = |kind, what: String| Error::refusal(doing, kind, what);
        let seen = receive(lease, doing, archive.open(doing).await?).await?;
        let index = seen.index.as_deref().ok_or_else(|| {
            let what = "it is no image layout: it has no index.json".to_owned();
            refuse(Kind::InvalidArgument, what)
        })?;
        let named = layout::images(index, given.as_deref());
        let mut images = Vec::new();
        for (name, target) in named.map_err(|what| refuse(Kind::InvalidArgument, what))? {
            let known = Documents::Kept(&seen.documents).resolve(doing, &name, target).await?;
            let lacks = |digest: &String| !seen.blobs.contains(digest);
            let mut layers = known.manifest.layers.iter().map(|layer| &layer.digest);
            if let Some(layer) = layers.find(|digest| lacks(digest)) {
                return Err(refuse(Kind::NotFound, format!("it lacks {layer} of {name}")));
            }
            images.push(Image::new(self.shared.clone(), known));
        }
        // Named last, and after all of it was understood.
        for image in &images {
            store::put(&self.shared.wire, doing, image.name(), image.target()).await?;
        }
        Ok(images)
    }
}

async fn receive(lease: &Lease, doing: &Doing<'_>, tar: Tar) -> Result<Seen, Error> {
    let broken = |error| unreadable(doing, error);
    let mut tar = tokio_tar::Archive::new(tar);
    let mut entries = tar.entries().map_err(broken)?;
    let mut seen = Seen::default();
    while let Some(entry) = entries.next().await {
        let entry = entry.map_err(broken)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let part = Part::of(&entry.path().map_err(broken)?);
        match part {
            Part::Index => seen.index = Some(document(entry).await.map_err(broken)?),
            Part::Blob(digest) => seen.blob(lease, doing, digest, entry).await?,
            Part::Other => {}
        }
    }
    Ok(seen)
}

async fn document(entry: Entry<tokio_tar::Archive<Tar>>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    entry.take(DOCUMENT_BYTES_MAX).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

impl Seen {
    async fn blob(
        &mut self,
        lease: &Lease,
        doing: &Doing<'_>,
        digest: String,
        entry: Entry<tokio_tar::Archive<Tar>>,
    ) -> Result<(), Error> {
        let refuse = |what: String| Error::refusal(doing, Kind::InvalidArgument, what);
        let size = entry.effective_size();
        let mut labels = BTreeMap::new();
        let written = if size > DOCUMENT_BYTES_MAX {
            let blob = Blob { digest: &digest, size, labels: &labels };
            blob.write(lease, doing, entry).await?
        } else {
            let bytes = document(entry).await.map_err(|error| unreadable(doing, error))?;
            let keep = bytes.first() == Some(&b'{');
            if keep {
                // What is there already is not sent, so that the server does not look at it.
                if !is_digest_of(&digest, &bytes) {
                    return Err(refuse(format!("{digest} in it is not what its name says")));
                }
                labels = reference_labels(&bytes);
                self.document_bytes += size;
                if self.document_bytes > DOCUMENTS_BYTES_MAX {
                    return Err(refuse("its documents are larger than they may be".to_owned()));
                }
            }
            let blob = Blob { digest: &digest, size, labels: &labels };
            let written = blob.write(lease, doing, &bytes[..]).await?;
            if keep {
                self.documents.insert(digest.clone(), bytes);
            }
            written
        };
        if written == Written::Before && !labels.is_empty() {
            // Whoever wrote it may have held its children otherwise.
            content::label(lease.wire(), doing, &digest, labels).await?;
        }
        self.blobs.push(digest);
        Ok(())
    }
}
