//! The execs of a task.

use std::sync::Arc;

use containerd_client::services::v1::{ExecProcessRequest, GetRequest, ListPidsRequest};
use containerd_client::types::v1::{Process as Shown, Status as Wire};
use prost::Message;

use super::Task;
use crate::finish::{Abandoned, Finishing};
use crate::handle::Handle;
use crate::io::Opened;
use crate::registry::Incarnation;
use crate::wire::{self, Doing, operation};
use crate::{Error, NewExec, Process};

/// `containerd.runc.v1.ProcessDetails`: which exec a pid is.
#[derive(Clone, PartialEq, Message)]
struct ProcessDetails {
    #[prost(string, tag = "1")]
    exec_id: String,
}

const DETAILS: &str = "containerd.runc.v1.ProcessDetails";

impl Task {
    fn process(&self, of: Arc<Incarnation>) -> Process {
        Process { handle: Handle::new(&self.handle.shared, of, None) }
    }

    /// Registers an exec and starts it. When the start fails it is deleted again, and never started
    /// twice: that crashes the shim. Dropped before it is done, it leaves no exec.
    ///
    /// RPCs: 2 (Tasks/Exec, Tasks/Start); 3 (Tasks/Exec, Tasks/Start, Tasks/DeleteProcess) when the
    /// start fails.
    pub async fn exec(&self, new: NewExec) -> Result<Process, Error> {
        let (task, id) = (self.clone(), new.id.clone());
        operation("exec", self.id(), Some(&id), async {
            let work = |abandoned| async move { task.exec_unless(abandoned, new).await };
            Finishing::new(&self.handle.shared.undoing, work, undo).await
        })
        .await
    }

    /// Registers an exec, to be started by [`Process::start`]. Dropped before it is done, it leaves
    /// no exec.
    ///
    /// RPCs: 1 (Tasks/Exec).
    pub async fn create_exec(&self, new: NewExec) -> Result<Process, Error> {
        let (task, id) = (self.clone(), new.id.clone());
        operation("create-exec", self.id(), Some(&id), async {
            let work = |_| async move {
                let doing = task.handle.here("exec in")?;
                task.register(&doing.part("register").exec(Some(&new.id)), &new).await
            };
            Finishing::new(&self.handle.shared.undoing, work, undo).await
        })
        .await
    }

    async fn exec_unless(&self, abandoned: Abandoned, new: NewExec) -> Result<Process, Error> {
        let doing = self.handle.here("exec in")?.exec(Some(&new.id));
        let process = self.register(&doing.part("register"), &new).await?;
        if abandoned.get() {
            return Ok(process);
        }
        match process.start_for(&doing.part("start")).await {
            Ok(()) => Ok(process),
            // The start's own error is the one to tell.
            Err(error) => {
                process.clear_away_after(&error).await;
                Err(error)
            }
        }
    }

    async fn register(&self, doing: &Doing<'_>, new: &NewExec) -> Result<Process, Error> {
        let shared = &self.handle.shared;
        let opened = new.io.open(new.terminal, &shared.io_root, doing)?;
        let Opened { stdin, stdout, stderr, terminal, made } = opened;
        let message = ExecProcessRequest {
            container_id: self.id().to_owned(),
            exec_id: new.id.clone(),
            stdin,
            stdout,
            stderr,
            terminal,
            spec: Some(crate::spec::process_payload(&new.args, terminal)),
        };
        let taken = shared.registry.has_exec(&self.handle.of, &new.id);
        let births = shared.registry.exec_births(&self.handle.of, &new.id);
        let registered = shared.wire.call(doing, &wire::tasks::EXEC, message).await;
        // Whoever has its id keeps it until they are deleted: then it cannot have been registered.
        let in_doubt = !taken && registered.as_ref().is_err_and(Error::leaves_in_doubt);
        if registered.is_ok() || in_doubt {
            let added = shared.registry.exec_added(&self.handle.of, &new.id, births);
            let process = Process { handle: Handle::new(shared, added, made) };
            let Err(error) = registered else { return Ok(process) };
            process.clear_away_after(&error).await;
            return Err(error);
        }
        registered.map(|()| unreachable!("what was registered has been returned"))
    }

    /// Its execs, running and finished, by id: those that this client started, found or heard of.
    /// The latest of each id, also when it has been deleted; of those that have finished the 128
    /// latest. No RPC.
    pub fn execs(&self) -> Vec<Process> {
        let known = self.handle.shared.registry.execs(&self.handle.of);
        known.into_iter().map(|of| self.process(of)).collect()
    }

    /// The execs that run in it, whoever started them.
    ///
    /// Those that have exited, or have not been started, are not listed by containerd: they are
    /// found by their ids alone ([`Task::attach_exec`]), and whoever has lost an id cannot know of
    /// its exec, though the id stays taken until it is deleted.
    ///
    /// RPCs: 1 (Tasks/ListPids).
    pub async fn find_execs(&self) -> Result<Vec<Process>, Error> {
        self.handle
            .whole("find-execs", async {
                let doing = self.handle.here("list execs of")?;
                let shared = &self.handle.shared;
                let mark = shared.registry.mark();
                let message = ListPidsRequest { container_id: self.id().to_owned() };
                let listed = shared.wire.call(&doing, &wire::tasks::LIST_PIDS, message).await?;
                let found = listed.processes.into_iter().filter_map(|one| {
                    let info = one.info.filter(|info| info.type_url == DETAILS)?;
                    let details = ProcessDetails::decode(info.value.as_slice()).ok()?;
                    let shown =
                        Shown { pid: one.pid, status: Wire::Running.into(), ..Shown::default() };
                    let of =
                        shared.registry.exec_shown(&self.handle.of, &details.exec_id, mark, &shown);
                    Some(self.process(of))
                });
                Ok(found.collect())
            })
            .await
    }

    /// A handle for an exec by its id, whoever started it. `NotFound` if there is none.
    ///
    /// RPCs: 1 (Tasks/Get).
    pub async fn attach_exec(&self, id: &str) -> Result<Process, Error> {
        operation("attach-exec", self.id(), Some(id), self.attach_whole(id)).await
    }

    async fn attach_whole(&self, id: &str) -> Result<Process, Error> {
        let doing = self.handle.here("attach to")?.exec(Some(id));
        let shared = &self.handle.shared;
        let mark = shared.registry.mark();
        let message = GetRequest { container_id: self.id().to_owned(), exec_id: id.to_owned() };
        let found = shared.wire.call(&doing, &wire::tasks::GET, message).await?;
        let shown = found.process.unwrap_or_default();
        let of = shared.registry.exec_shown(&self.handle.of, id, mark, &shown);
        of.hold.tell(&shown);
        Ok(self.process(of))
    }
}

async fn undo(made: Result<Process, Error>) {
    if let Ok(process) = made {
        process.clear_away().await;
    }
}
