//! The retained driver: keeps laconic-client's handles by id.

mod handles;
mod images;
mod streams;

use std::path::PathBuf;
use std::sync::Mutex;

use driver_protocol::{
    Capability, Close, Connect, ContainerId, Driver, DriverFactory, DriverFault, ErrorKind, Exec,
    ExecId, Found, Hello, Lifecycle, Notice, Ok as Done, Operation, Outcome, Pending, Refusal,
    Request, Restored, StartTask, Started, Stats, TaskState, Version, Waited,
};
use laconic_client::{
    Builder, CheckpointOptions, Client, Container, Error, Kind, NewContainer, NewExec, Process,
    Scope, Status, Task,
};

use crate::closing::Closing;
use crate::{exit_status, exited, hello, kind};
use handles::{Handles, Name};
use streams::{Held, Of, Wanted};

/// Opens retained drivers.
#[derive(Clone, Copy, Debug)]
pub struct RetainedFactory;

impl DriverFactory for RetainedFactory {
    fn name(&self) -> &str {
        "retained"
    }

    fn open(&self, connect: Connect) -> Pending<'_, Result<Box<dyn Driver>, DriverFault>> {
        Box::pin(async move {
            let rootfs = connect.rootfs;
            let client = Client::builder(connect.namespace).connect(&connect.socket).await;
            opened(client, rootfs)
        })
    }
}

/// Opens retained drivers through something else than a socket, such as a mock in memory.
#[derive(Clone, Copy, Debug)]
pub struct RetainedThrough<D>(
    /// Connects a client that was begun, to what has this address.
    pub D,
);

impl<D> DriverFactory for RetainedThrough<D>
where
    D: Fn(PathBuf, Builder) -> Pending<'static, Result<Client, Error>> + Send + Sync,
{
    fn name(&self) -> &str {
        "retained"
    }

    fn open(&self, connect: Connect) -> Pending<'_, Result<Box<dyn Driver>, DriverFault>> {
        Box::pin(async move {
            let client = (self.0)(connect.socket, Client::builder(connect.namespace)).await;
            opened(client, connect.rootfs)
        })
    }
}

fn opened(
    client: Result<Client, Error>,
    rootfs: Option<PathBuf>,
) -> Result<Box<dyn Driver>, DriverFault> {
    let client = client.map_err(|error| DriverFault::Connect { cause: error.to_string() })?;
    let rootfs = rootfs.map(|path| path.display().to_string());
    Ok(Box::new(Retained {
        hello: hello("retained", &[Capability::TypedStateErrors]),
        rootfs: rootfs.unwrap_or_else(|| "/".to_owned()),
        closing: Closing::default(),
        client: Mutex::new(Some(client)),
        handles: Mutex::default(),
    }))
}

struct Retained {
    hello: Hello,
    rootfs: String,
    closing: Closing,
    // Locks are held to look something up, never over an await.
    client: Mutex<Option<Client>>,
    handles: Mutex<Handles>,
}

type Answer = Result<Done, Refusal>;

fn refusal(error: &Error) -> Refusal {
    Refusal { kind: worded(error.kind()), code: error.code().map(kind), message: error.to_string() }
}

/// The protocol has gRPC's kinds: what could not be reached is unavailable there.
fn worded(of: Kind) -> ErrorKind {
    of.code().map_or(ErrorKind::Unavailable, kind)
}

fn lifecycle(status: Status) -> Lifecycle {
    match status {
        Status::Unknown => Lifecycle::Unknown,
        Status::Created => Lifecycle::Created,
        Status::Running => Lifecycle::Running,
        Status::Paused => Lifecycle::Paused,
        Status::Stopped(_) => Lifecycle::Stopped,
    }
}

/// `None`: it was deleted meanwhile. That nobody knows its state is no reason to say that it is gone.
fn task_state(task: &Task) -> Result<Option<TaskState>, Refusal> {
    match task.status() {
        Ok(status) => Ok(Some(TaskState { status: lifecycle(status), pid: task.pid() })),
        Err(error) if error.kind() == Kind::NotFound => Ok(None),
        Err(error) => Err(refusal(&error)),
    }
}

impl Retained {
    fn handles(&self) -> std::sync::MutexGuard<'_, Handles> {
        self.handles.lock().expect("nothing panics while it holds the handles")
    }

    fn client(&self) -> Option<Client> {
        self.client.lock().expect("nothing panics while it holds the client").clone()
    }

    fn container(&self, id: &ContainerId) -> Result<Container, Refusal> {
        Ok(self.handles().container(id)?.1)
    }

    fn task(&self, id: &ContainerId) -> Result<Task, Refusal> {
        Ok(self.handles().task(id)?.1)
    }

    fn process(&self, id: &ContainerId, exec: &ExecId) -> Result<Process, Refusal> {
        Ok(self.handles().process(id, exec)?.1)
    }

    fn keep(&self, restored: laconic_client::Restored) -> Result<Restored, Refusal> {
        let id = ContainerId::new(restored.container.id());
        let task = restored.task.as_ref().map_or(Ok(None), task_state);
        let mut handles = self.handles();
        if let Some(task) = restored.task {
            handles.keep_task(id.clone(), task);
        }
        handles.keep_container(id.clone(), restored.container);
        Ok(Restored { container: id, task: task? })
    }

    async fn answer(&self, client: &Client, operation: Operation) -> Answer {
        let failed = |error: Error| refusal(&error);
        Ok(match operation {
            Operation::Version {} => {
                let told = client.version().await.map_err(failed)?;
                Done::Version(Version { version: told.version, revision: told.revision })
            }
            Operation::Create(new) => {
                let container = NewContainer::new(new.container.as_str(), new.args)
                    .rootfs(&self.rootfs)
                    .terminal(new.terminal);
                let created = client.create(container).await.map_err(failed)?;
                let mut handles = self.handles();
                if new.terminal {
                    handles.terminals.insert(new.container.clone());
                }
                handles.keep_container(new.container, created);
                Done::Create {}
            }
            Operation::Load(on) => {
                let loaded = client.load(on.container.as_str()).await.map_err(failed)?;
                Done::Load(Found { task: self.keep(loaded)?.task })
            }
            Operation::Restore(many) => {
                let found = client.restore().await.map_err(failed)?;
                let kept: Result<Vec<Restored>, Refusal> =
                    found.into_iter().map(|one| self.keep(one)).collect();
                let kept = kept?;
                let wanted = |id: &ContainerId| kept.iter().find(|one| one.container == *id);
                let containers = many.containers.iter().filter_map(wanted).cloned().collect();
                Done::Restore { containers }
            }
            Operation::StatsAll(many) => {
                let ids: Vec<&str> = many.containers.iter().map(ContainerId::as_str).collect();
                let told = client.stats_all(&ids).await.map_err(failed)?;
                let answered = |id: &&ContainerId| told.contains_key(id.as_str());
                Done::StatsAll { found: many.containers.iter().filter(answered).cloned().collect() }
            }
            Operation::Delete(on) => {
                let (turn, container) = self.handles().container(&on.container)?;
                container.delete().await.map_err(failed)?;
                self.handles().container_is_gone(&on.container, turn);
                Done::Delete {}
            }
            Operation::CreateTask(new) => Done::CreateTask(self.create_task(new).await?),
            Operation::Start(new) => Done::Start(self.start(new).await?),
            other => return self.answer_of_image(client, other).await,
        })
    }

    async fn answer_of_task(&self, operation: Operation) -> Answer {
        let failed = |error: Error| refusal(&error);
        Ok(match operation {
            Operation::StartTask(on) => {
                let task = self.task(&on.container)?;
                task.start().await.map_err(failed)?;
                let wanted = self.handles().wanted.remove(&on.container);
                if let Some(wanted) = wanted {
                    self.hold((on.container, None), &Of::Task(task.clone()), wanted).await;
                }
                Done::StartTask(Started { pid: task.pid() })
            }
            Operation::Wait(on) => {
                let task = Of::Task(self.task(&on.container)?);
                Done::Wait(self.wait((on.container, None), &task).await?)
            }
            Operation::Status(on) => {
                let task = self.task(&on.container)?;
                let status = lifecycle(task.status().map_err(failed)?);
                Done::Status(TaskState { status, pid: task.pid() })
            }
            Operation::Kill(kill) => {
                let task = self.task(&kill.container)?;
                task.kill(kill.signal).await.map_err(failed)?;
                Done::Kill {}
            }
            Operation::KillAll(kill) => {
                let task = self.task(&kill.container)?;
                task.kill_all(kill.signal).await.map_err(failed)?;
                Done::KillAll {}
            }
            Operation::Pause(on) => {
                self.task(&on.container)?.pause().await.map_err(failed)?;
                Done::Pause {}
            }
            Operation::Resume(on) => {
                self.task(&on.container)?.resume().await.map_err(failed)?;
                Done::Resume {}
            }
            Operation::Resize(to) => {
                let task = self.task(&to.container)?;
                task.resize(to.width, to.height).await.map_err(failed)?;
                Done::Resize {}
            }
            Operation::CloseStdin(on) => {
                self.task(&on.container)?.close_stdin().await.map_err(failed)?;
                self.input_is_closed(&(on.container, None));
                Done::CloseStdin {}
            }
            Operation::DeleteTask(on) => {
                let (turn, task) = self.handles().task(&on.container)?;
                let exit = task.delete().await.map_err(failed)?;
                self.handles().task_is_gone(&on.container, turn);
                Done::DeleteTask(exited(exit))
            }
            Operation::ForceDelete(on) => {
                let (turn, task) = self.handles().task(&on.container)?;
                let exit = task.force_delete().await.map_err(failed)?;
                self.handles().task_is_gone(&on.container, turn);
                Done::ForceDelete(exited(exit))
            }
            other => return self.answer_of_resources(other).await,
        })
    }

    async fn answer_of_resources(&self, operation: Operation) -> Answer {
        let failed = |error: Error| refusal(&error);
        Ok(match operation {
            Operation::Update(update) => {
                let task = self.task(&update.container)?;
                task.limit_memory(update.memory_limit_bytes).await.map_err(failed)?;
                Done::Update {}
            }
            Operation::Pids(on) => {
                let pids = self.task(&on.container)?.pids().await.map_err(failed)?;
                Done::Pids { pids }
            }
            Operation::Stats(on) => {
                let stats = self.task(&on.container)?.stats().await.map_err(failed)?;
                let bytes = stats.value.len() as u64;
                Done::Stats(Stats { payload: stats.type_url, bytes })
            }
            Operation::Checkpoint(to) => {
                let task = self.task(&to.container)?;
                let options = CheckpointOptions::default();
                task.checkpoint(to.folder, &options).await.map_err(failed)?;
                Done::Checkpoint {}
            }
            other => return self.answer_of_exec(other).await,
        })
    }

    async fn answer_of_exec(&self, operation: Operation) -> Answer {
        let failed = |error: Error| refusal(&error);
        Ok(match operation {
            Operation::Exec(new) => Done::Exec(self.exec(new).await?),
            Operation::ExecWait(on) => {
                let exec = Of::Exec(self.process(&on.container, &on.exec)?);
                Done::ExecWait(self.wait((on.container, Some(on.exec)), &exec).await?)
            }
            Operation::ExitStatus(of) => {
                let exit = match &of.exec {
                    Some(exec) => self.process(&of.container, exec)?.exit_status(),
                    None => self.task(&of.container)?.exit_status(),
                };
                Done::ExitStatus(exited(exit.map_err(failed)?))
            }
            Operation::ExecKill(kill) => {
                let process = self.process(&kill.container, &kill.exec)?;
                process.kill(kill.signal).await.map_err(failed)?;
                Done::ExecKill {}
            }
            Operation::ExecResize(to) => {
                let process = self.process(&to.container, &to.exec)?;
                process.resize(to.width, to.height).await.map_err(failed)?;
                Done::ExecResize {}
            }
            Operation::ExecCloseStdin(on) => {
                let process = self.process(&on.container, &on.exec)?;
                process.close_stdin().await.map_err(failed)?;
                self.input_is_closed(&(on.container, Some(on.exec)));
                Done::ExecCloseStdin {}
            }
            Operation::DeleteExec(on) => {
                let (turn, process) = self.handles().process(&on.container, &on.exec)?;
                let exit = process.delete().await.map_err(failed)?;
                self.handles().exec_is_gone(on.container, on.exec, turn);
                Done::DeleteExec(exited(exit))
            }
            other => unreachable!("{} is answered before execs are looked at", other.name()),
        })
    }

    async fn create_task(&self, new: StartTask) -> Result<Started, Refusal> {
        let container = self.container(&new.container)?;
        let terminal = self.handles().terminals.contains(&new.container);
        let wanted = Wanted::of_task(&new, terminal);
        let task = container.create_task(wanted.io()).await.map_err(|error| refusal(&error))?;
        let pid = task.pid();
        let mut handles = self.handles();
        handles.wanted.insert(new.container.clone(), wanted);
        handles.keep_task(new.container, task);
        Ok(Started { pid })
    }

    async fn start(&self, new: StartTask) -> Result<Started, Refusal> {
        let container = self.container(&new.container)?;
        let terminal = self.handles().terminals.contains(&new.container);
        let wanted = Wanted::of_task(&new, terminal);
        let task = container.start(wanted.io()).await.map_err(|error| refusal(&error))?;
        let pid = task.pid();
        self.handles().keep_task(new.container.clone(), task.clone());
        self.hold((new.container, None), &Of::Task(task), wanted).await;
        Ok(Started { pid })
    }

    async fn exec(&self, new: Exec) -> Result<Started, Refusal> {
        let wanted = Wanted::of_exec(&new);
        let exec = NewExec {
            id: new.exec.as_str().to_owned(),
            args: new.args,
            io: wanted.io(),
            terminal: new.terminal,
        };
        let process = self.task(&new.container)?.exec(exec).await;
        let process = process.map_err(|error| refusal(&error))?;
        let pid = process.pid();
        let (id, exec) = (new.container.clone(), new.exec.clone());
        self.handles().keep_process(id, exec, process.clone());
        self.hold((new.container, Some(new.exec)), &Of::Exec(process), wanted).await;
        Ok(Started { pid })
    }

    async fn hold(&self, name: Name, of: &Of, wanted: Wanted) {
        let held = Held::of(of, wanted).await;
        self.handles().held.insert(name, held);
    }

    fn input_is_closed(&self, name: &Name) {
        if let Some(held) = self.handles().held.get_mut(name) {
            held.input_is_closed();
        }
    }

    async fn wait(&self, name: Name, of: &Of) -> Result<Waited, Refusal> {
        let reading = self.handles().held.get_mut(&name).and_then(|held| held.reading.take());
        streams::wait(of, reading).await.map_err(|error| refusal(&error))
    }
}

impl Driver for Retained {
    fn hello(&self) -> &Hello {
        &self.hello
    }

    fn perform(&self, request: Request) -> Pending<'_, Result<Outcome, DriverFault>> {
        Box::pin(async move {
            let gone = || DriverFault::Gone { cause: "it was closed".to_owned() };
            let client = self.client().ok_or_else(gone)?;
            let scope = request.traceparent.and_then(|text| Scope::new().traceparent(&text).ok());
            // Futures that are moved into one another would be as large as all of them together.
            let answering = Box::pin(self.answer(&client, request.operation));
            let answering = scope.unwrap_or_default().run(answering);
            let answer = self.closing.unless(answering).await;
            Ok(match answer.ok_or_else(gone)? {
                Ok(done) => Outcome::Ok(done),
                Err(refusal) => Outcome::Error(refusal),
            })
        })
    }

    fn next_notice(&self) -> Pending<'_, Option<Notice>> {
        Box::pin(async move {
            let client = self.client()?;
            let news = self.closing.unless(client.next_exit()).await?;
            Some(Notice::Exit {
                container: ContainerId::new(news.container),
                exec: news.exec.map(ExecId::new),
                status: exit_status(news.exit),
                at_ns: news.exit.at_ns,
            })
        })
    }

    fn close(&self, _: Close) -> Pending<'_, Result<(), DriverFault>> {
        Box::pin(async move {
            // A client has nothing to say in farewell: both ways it lets go of everything.
            self.closing.close();
            *self.handles() = Handles::default();
            self.client.lock().expect("nothing panics while it holds the client").take();
            Ok(())
        })
    }
}
