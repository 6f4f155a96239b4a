//! Tasks are written down, and go on from there.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use containerd_client::services::v1::CheckpointTaskRequest;
use containerd_client::types::Descriptor as WireDescriptor;
use prost_types::Any;

use super::Task;
use crate::image::Lease;
use crate::runtime::{self, CheckpointMessage};
use crate::wire::{self, Doing, operation};
use crate::{Container, Descriptor, Error, Kind};

/// All of a task's memory is written, and once more where it is kept as content.
const LIMIT: Duration = Duration::from_secs(20 * 60);
const IMAGE: &str = "application/vnd.containerd.container.criu.checkpoint.criu.tar";

/// What CRIU is told for a checkpoint. By default the task runs on, and whatever CRIU cannot bring
/// back by itself is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckpointOptions {
    /// The task ends with it: its exit is told as that of a kill, 137.
    pub exit: bool,
    /// With open TCP connections.
    pub open_tcp: bool,
    /// With Unix sockets whose other end is outside.
    pub external_unix_sockets: bool,
    /// With terminals.
    pub terminal: bool,
    /// With file locks.
    pub file_locks: bool,
    /// Namespaces that are restored empty, for example `network`.
    pub empty_namespaces: Vec<String>,
    /// `soft`, `full` or `strict`; empty: as runc does it.
    pub cgroups_mode: String,
    /// Where CRIU writes its log; the task's bundle unless said otherwise.
    pub work_path: Option<PathBuf>,
}

/// Where a checkpoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckpointAt {
    /// A folder of the host's, as [`Task::checkpoint`] filled it.
    Folder(PathBuf),
    /// Content of the server's, as [`Checkpoint::image`] names it.
    Content(Descriptor),
}

/// A checkpoint in the content store. Nothing names it there: a lease keeps it as long as this or a
/// clone of it lives, and for a day at most. Making an image of it is the caller's: an index that
/// names both blobs, with their `containerd.io/gc.ref.content.` labels, as `ctr` does.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    image: Descriptor,
    spec: Descriptor,
    lease: Arc<Lease>,
}

impl CheckpointOptions {
    fn message(&self, image_path: String) -> CheckpointMessage {
        let work_path = self.work_path.as_ref().map(|path| path.display().to_string());
        CheckpointMessage {
            exit: self.exit,
            open_tcp: self.open_tcp,
            external_unix_sockets: self.external_unix_sockets,
            terminal: self.terminal,
            file_locks: self.file_locks,
            empty_namespaces: self.empty_namespaces.clone(),
            cgroups_mode: self.cgroups_mode.clone(),
            image_path,
            work_path: work_path.unwrap_or_default(),
        }
    }
}

impl Task {
    /// Writes it down into a folder of the daemon's host, which is made if it is not there.
    ///
    /// RPCs: 1 (Tasks/Checkpoint).
    ///
    /// It may take 20 minutes, unless a [`crate::Scope`] says otherwise.
    /// CRIU stops it meanwhile. Whoever wants its files to be of the same moment pauses it before,
    /// copies them, and resumes it. `Unimplemented` where there is no CRIU, `Internal` where CRIU
    /// cannot, `FailedPrecondition` when it is not running or paused.
    pub async fn checkpoint(
        &self,
        folder: impl AsRef<Path>,
        options: &CheckpointOptions,
    ) -> Result<(), Error> {
        let folder = folder.as_ref().display().to_string();
        self.handle.whole("checkpoint", self.checkpoint_folder(folder, options)).await
    }

    async fn checkpoint_folder(
        &self,
        folder: String,
        options: &CheckpointOptions,
    ) -> Result<(), Error> {
        let doing = self.handle.here("checkpoint")?;
        if folder.is_empty() {
            return Err(Error::refusal(&doing, Kind::InvalidArgument, "a folder has a name"));
        }
        self.write_down(&doing, &options.message(folder)).await.map(drop)
    }

    /// Writes it down into the server's content store, as [`Task::checkpoint`] into a folder.
    ///
    /// RPCs: 2 (Leases/Create, Tasks/Checkpoint).
    pub async fn checkpoint_content(
        &self,
        options: &CheckpointOptions,
    ) -> Result<Checkpoint, Error> {
        self.handle.whole("checkpoint", self.checkpoint_whole(options)).await
    }

    async fn checkpoint_whole(&self, options: &CheckpointOptions) -> Result<Checkpoint, Error> {
        let doing = self.handle.here("checkpoint")?;
        let lease = Lease::begin(&self.handle.shared, &doing).await?;
        let under = doing.clone().under(lease.header());
        let written = self.write_down(&under, &options.message(String::new())).await?;
        let (images, others): (Vec<_>, Vec<_>) =
            written.into_iter().map(Descriptor::of_wire).partition(|one| one.media_type == IMAGE);
        let (Some(image), Some(spec)) = (images.into_iter().next(), others.into_iter().next())
        else {
            let what = "the server did not say what it has written";
            return Err(Error::refusal(&doing, Kind::Internal, what));
        };
        Ok(Checkpoint { image, spec, lease: Arc::new(lease) })
    }

    async fn write_down(
        &self,
        doing: &Doing<'_>,
        options: &CheckpointMessage,
    ) -> Result<Vec<WireDescriptor>, Error> {
        let message = CheckpointTaskRequest {
            container_id: self.id().to_owned(),
            options: Some(options.any()),
            ..CheckpointTaskRequest::default()
        };
        let long = doing.clone().within(LIMIT);
        let wire = &self.handle.shared.wire;
        Ok(wire.call(&long, &wire::tasks::CHECKPOINT, message).await?.descriptors)
    }
}

impl Checkpoint {
    /// What a task is restored from: CRIU's images, in a tar.
    pub fn image(&self) -> &Descriptor {
        &self.image
    }

    /// The spec of the container, as its record has it.
    pub fn spec(&self) -> &Descriptor {
        &self.spec
    }

    /// For [`Container::start_from`].
    pub fn at(&self) -> CheckpointAt {
        CheckpointAt::Content(self.image.clone())
    }

    /// Gives it up. Dropping it does the same in the background.
    ///
    /// RPCs: 1 (Leases/Delete); 0 while it has other clones.
    pub async fn release(self) -> Result<(), Error> {
        let Self { image, lease, .. } = self;
        operation("release-checkpoint", &image.digest, None, async {
            let doing = Doing::begin("release checkpoint", &image.digest);
            match Arc::into_inner(lease) {
                Some(lease) => lease.end(&doing, Ok(())).await,
                None => Ok(()),
            }
        })
        .await
    }
}

/// What a request to create a task says of where it goes on.
#[derive(Debug, Default)]
pub(super) struct Restoring {
    pub(super) checkpoint: Option<WireDescriptor>,
    pub(super) options: Option<Any>,
}

impl CheckpointAt {
    pub(super) fn restoring(
        &self,
        container: &Container,
        doing: &Doing<'_>,
    ) -> Result<Restoring, Error> {
        match self {
            Self::Content(image) => {
                Ok(Restoring { checkpoint: Some(image.wire()), ..Restoring::default() })
            }
            Self::Folder(folder) => {
                let options = runtime::restored_from(container.runtime_options(), folder);
                let options = options.ok_or_else(|| {
                    let what =
                        "its runtime's options are not runc's, which alone can say from where";
                    Error::refusal(doing, Kind::InvalidArgument, what)
                })?;
                Ok(Restoring { options: Some(options), ..Restoring::default() })
            }
        }
    }
}
