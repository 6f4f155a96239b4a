//! Tasks begin.

use containerd_client::services::v1::{CreateTaskRequest, DeleteTaskRequest, GetRequest};

use super::checkpoint::Restoring;
use super::{CheckpointAt, Task};
use crate::finish::{Abandoned, Finishing};
use crate::handle::Handle;
use crate::io::{Made, Opened};
use crate::wire::{self, Doing, operation};
use crate::{Container, Error, Io, Kind};

impl Container {
    /// Creates its task. Dropped before it is done, it leaves no task.
    ///
    /// RPCs: 1 (Tasks/Create); 2 (Snapshots/Mounts, Tasks/Create) the first time for a container from
    /// an image that this client found and did not make.
    pub async fn create_task(&self, io: Io) -> Result<Task, Error> {
        self.create_from_or_anew(None, io).await
    }

    /// Creates its task so that it goes on where it was written down. Nothing runs before it is
    /// started: until then its pid is 0, and what CRIU cannot restore is told by [`Task::start`].
    ///
    /// RPCs: 1 (Tasks/Create).
    ///
    /// As of [`Container::create_task`], one more the first time of some.
    pub async fn create_task_from(&self, at: CheckpointAt, io: Io) -> Result<Task, Error> {
        self.create_from_or_anew(Some(at), io).await
    }

    async fn create_from_or_anew(&self, at: Option<CheckpointAt>, io: Io) -> Result<Task, Error> {
        let container = self.clone();
        operation("create-task", &self.id, None, async {
            let work = |_| async move {
                let doing = Doing::begin("create task", &container.id);
                container.create_for(&doing, at.as_ref(), io).await
            };
            Finishing::new(&self.shared.undoing, work, undo).await
        })
        .await
    }

    /// Creates its task and starts it. When the start fails, or it is dropped before it is done, it
    /// leaves no task.
    ///
    /// RPCs: 2 (Tasks/Create, Tasks/Start); 3 (Snapshots/Mounts, Tasks/Create, Tasks/Start) the first
    /// time for a container from an image that this client found and did not make;
    /// 4 (Tasks/Create, Tasks/Start, Tasks/Kill, Tasks/Delete) when the start fails.
    pub async fn start(&self, io: Io) -> Result<Task, Error> {
        self.start_from_or_anew(None, io).await
    }

    /// Creates its task and starts it where it was written down; else as [`Container::start`].
    ///
    /// RPCs: 2 (Tasks/Create, Tasks/Start); 4 (Tasks/Create, Tasks/Start, Tasks/Kill, Tasks/Delete)
    /// when the start fails.
    pub async fn start_from(&self, at: CheckpointAt, io: Io) -> Result<Task, Error> {
        self.start_from_or_anew(Some(at), io).await
    }

    async fn start_from_or_anew(&self, at: Option<CheckpointAt>, io: Io) -> Result<Task, Error> {
        let container = self.clone();
        operation("start", &self.id, None, async {
            let work = |abandoned| async move { container.start_unless(abandoned, at, io).await };
            Finishing::new(&self.shared.undoing, work, undo).await
        })
        .await
    }

    async fn start_unless(
        &self,
        abandoned: Abandoned,
        at: Option<CheckpointAt>,
        io: Io,
    ) -> Result<Task, Error> {
        let doing = Doing::begin("create task", &self.id);
        let task = self.create_for(&doing, at.as_ref(), io).await?;
        if abandoned.get() {
            return Ok(task);
        }
        let Err(error) = task.handle.start(&doing.part("start task")).await else {
            return Ok(task);
        };
        // The start's own error is the one to tell: whoever asked did not ask for this. It waits
        // for the undoing, unless the server has to come back first.
        if error.kind() == Kind::Unreachable {
            self.shared.undoing.undo(async move { task.clear_away().await });
        } else {
            task.clear_away().await;
        }
        Err(error)
    }

    async fn create_for(
        &self,
        doing: &Doing<'_>,
        at: Option<&CheckpointAt>,
        io: Io,
    ) -> Result<Task, Error> {
        let wire = &self.shared.wire;
        let restoring = at.map(|at| at.restoring(self, doing)).transpose()?;
        let Restoring { checkpoint, options } = restoring.unwrap_or_default();
        let rootfs = match &self.snapshot {
            Some(snapshot) => snapshot.mounts(wire, doing).await?,
            None => Vec::new(),
        };
        let opened = io.open(false, &self.shared.io_root, doing)?;
        let Opened { stdin, stdout, stderr, terminal, made } = opened;
        let message = CreateTaskRequest {
            container_id: self.id.clone(),
            rootfs,
            stdin,
            stdout,
            stderr,
            terminal,
            checkpoint,
            options,
            ..CreateTaskRequest::default()
        };
        let registry = &self.shared.registry;
        let (births, empty) = (registry.births(&self.id), registry.is_empty(&self.id));
        match wire.call(doing, &wire::tasks::CREATE, message).await {
            Ok(created) => {
                let born = registry.created(&self.id, births, created.pid);
                Ok(Task { handle: Handle::new(&self.shared, born, made) })
            }
            Err(error) => {
                // One that there was before is not ours to clear away.
                if error.leaves_in_doubt() && empty {
                    let container = self.clone();
                    self.shared.undoing.undo(async move { container.clear_stray(made).await });
                }
                Err(error)
            }
        }
    }

    /// A task may have been created, though no reply said so.
    async fn clear_stray(&self, made: Option<Made>) {
        // Kept until then: a shim that opens them late must not wait for a reader for ever.
        let _made = made;
        loop {
            let doing = Doing::begin("look for the task of", &self.id);
            let mark = self.shared.registry.mark();
            let message = GetRequest { container_id: self.id.clone(), exec_id: String::new() };
            match self.shared.wire.call(&doing, &wire::tasks::GET, message).await {
                Ok(found) => {
                    let shown = found.process.unwrap_or_default();
                    let stray = self.shared.registry.shown(&self.id, mark, &shown);
                    return Task { handle: Handle::new(&self.shared, stray, None) }
                        .clear_away()
                        .await;
                }
                Err(error) if error.leaves_in_doubt() => self.shared.live().await,
                // A daemon that was killed while it created one may have the shim and no task: only
                // a deletion ends that, and says that there is none all the same (seen on 1.6).
                Err(_) => {
                    let message = DeleteTaskRequest { container_id: self.id.clone() };
                    let _ = self.shared.wire.call(&doing, &wire::tasks::DELETE, message).await;
                    return;
                }
            }
        }
    }
}

async fn undo(made: Result<Task, Error>) {
    if let Ok(task) = made {
        task.clear_away().await;
    }
}
