//! One life after the other, by the client alone.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laconic_client::{
    Client, Connection, Container, Error, Exit, ExitStatus, Io, Kind, NewExec, OutputLimit,
    Process, Task,
};

use crate::ends::{Cue, Said, name};
use crate::outages::Outages;
use crate::plan::{Ends, Plan, Role};

/// Whatever is waited for in a life.
const LIMIT: Duration = Duration::from_secs(90);
const SIGKILL: u32 = 9;

/// What is written down of a process that was started.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) container: String,
    pub(crate) exec: Option<String>,
    pub(crate) ends: Ends,
    pub(crate) waited: ExitStatus,
    /// When somebody ended it, of those that do not say so.
    pub(crate) ended_ns: Option<i64>,
}

/// What is written down of all lives.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) entries: Vec<Entry>,
    /// What was to be started when the daemon was not there: containers and execs, by name.
    pub(crate) not_started: Vec<String>,
    pub(crate) faults: Vec<String>,
    /// What was said to and by the client, in order: by process.
    pub(crate) journal: Vec<(String, String)>,
}

pub(crate) struct LivesShared {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    pub(crate) rootfs: PathBuf,
    pub(crate) said: Said,
    pub(crate) seed: u64,
    pub(crate) outages: Outages,
    pub(crate) books: Mutex<Books>,
}

pub(crate) type Lives = Arc<LivesShared>;

type Fault = String;

fn worded<T>(done: &Result<T, Error>) -> String {
    match done {
        Ok(_) => "ok".to_owned(),
        Err(error) => format!("{error} ({}, {:?})", error.kind(), error.code()),
    }
}

/// A process that was started.
enum Started {
    Init(Task),
    Exec(Process),
}

impl Started {
    async fn kill(&self) -> Result<(), Error> {
        match self {
            Self::Init(task) => task.kill(SIGKILL).await,
            Self::Exec(process) => process.kill(SIGKILL).await,
        }
    }

    async fn wait(&self) -> Result<Exit, Error> {
        match self {
            Self::Init(task) => task.wait().await,
            Self::Exec(process) => process.wait().await,
        }
    }

    async fn delete(&self) -> Result<Exit, Error> {
        match self {
            Self::Init(task) => task.delete().await,
            Self::Exec(process) => process.delete().await,
        }
    }

    async fn output(&self) -> Result<(Exit, Vec<u8>), Error> {
        let gathered = match self {
            Self::Init(task) => task.wait_with_output(OutputLimit::default()).await,
            Self::Exec(process) => process.wait_with_output(OutputLimit::default()).await,
        };
        gathered.map(|gathered| (gathered.exit, gathered.stdout))
    }
}

/// One process on its way to its end.
struct Player<'p> {
    container: &'p str,
    role: &'p Role,
    process: Started,
    cue: Option<Cue>,
    ended_ns: Option<i64>,
}

impl Player<'_> {
    fn name(&self) -> String {
        name(self.container, self.role.exec.as_deref())
    }
}

fn io(role: &Role) -> Io {
    if role.streams { Io::Streams { stdin: false } } else { Io::Null }
}

impl LivesShared {
    fn write_down<T>(&self, name: &str, what: &str, done: &Result<T, Error>) {
        let line = format!("{} {what}: {}", self.said.now_ns(), worded(done));
        self.books.lock().unwrap().journal.push((name.to_owned(), line));
    }

    pub(crate) async fn live(&self, number: u64) {
        let plan = Plan::draw(self.seed, number);
        let lived = match tokio::time::timeout(LIMIT * 2, self.live_by(&plan)).await {
            Ok(lived) => lived,
            Err(_) => Err(format!("its life did not end within {:?}", LIMIT * 2)),
        };
        if let Err(fault) = lived {
            self.books.lock().unwrap().faults.push(format!("{}: {fault} ({plan:?})", plan.id));
        }
    }

    async fn live_by(&self, plan: &Plan) -> Result<(), Fault> {
        let new = self.said.container(plan, &self.rootfs, &self.namespace);
        let created = self.client.create(new).await;
        self.write_down(&plan.id, "create", &created);
        let container = match created {
            Ok(container) => container,
            Err(error) => {
                self.not_started(&plan.id, &error)?;
                self.client.undone().await;
                return self.no_record(&plan.id).await;
            }
        };
        let cue = self.said.cue(&plan.id, &plan.init);
        let started = container.start(io(&plan.init)).await;
        self.write_down(&plan.id, "start", &started);
        match started {
            Ok(task) => self.live_in(plan, task, cue).await?,
            Err(error) => {
                self.not_started(&plan.id, &error)?;
                self.client.undone().await;
            }
        }
        self.delete_record(&container).await
    }

    async fn live_in(&self, plan: &Plan, task: Task, cue: Option<Cue>) -> Result<(), Fault> {
        let mut execs = Vec::new();
        for role in &plan.execs {
            execs.extend(self.exec(&plan.id, role, &task).await?);
        }
        let (left, ended): (Vec<Player<'_>>, Vec<_>) =
            execs.into_iter().partition(|exec| exec.role.ends == Ends::WithItsTask);
        for exec in ended {
            let (exec, _) = self.end(exec).await?;
            self.perhaps_delete(&exec).await?;
        }
        let process = Started::Init(task);
        let init = Player { container: &plan.id, role: &plan.init, process, cue, ended_ns: None };
        let (init, ended_ns) = self.end(init).await?;
        for exec in left {
            let exec = Player { ended_ns: Some(ended_ns), ..exec };
            self.note(&exec).await?;
            self.perhaps_delete(&exec).await?;
        }
        self.perhaps_delete(&init).await
    }

    async fn exec<'p>(
        &self,
        container: &'p str,
        role: &'p Role,
        task: &Task,
    ) -> Result<Option<Player<'p>>, Fault> {
        let cue = self.said.cue(container, role);
        let id = role.exec.clone().unwrap_or_default();
        let args = role.command(container).into();
        let new = NewExec { id, args, io: io(role), terminal: false };
        let started = task.exec(new).await;
        self.write_down(&name(container, role.exec.as_deref()), "exec", &started);
        match started {
            Ok(process) => {
                let process = Started::Exec(process);
                Ok(Some(Player { container, role, process, cue, ended_ns: None }))
            }
            Err(error) => {
                self.not_started(&name(container, role.exec.as_deref()), &error)?;
                self.client.undone().await;
                Ok(None)
            }
        }
    }

    /// Ends one, and waits for it. With it, when it ended, or was ended.
    async fn end<'p>(&self, mut player: Player<'p>) -> Result<(Player<'p>, i64), Fault> {
        let name = player.name();
        match player.role.ends {
            Ends::Told { code } => player.cue.as_mut().expect("it has a cue").give(code),
            Ends::Killed => player.ended_ns = Some(self.kill(&name, &player.process).await?),
            Ends::ByItself { .. } | Ends::WithItsTask => {}
        }
        self.note(&player).await?;
        let said = self.said.told(&name).map(|(_, at)| at);
        let ended_ns = said.or(player.ended_ns);
        let ended_ns = ended_ns.ok_or_else(|| format!("{name} has not said how it ended"))?;
        Ok((player, ended_ns))
    }

    async fn perhaps_delete(&self, player: &Player<'_>) -> Result<(), Fault> {
        match player.role.deleted {
            true => self.delete(&player.name(), &player.process).await,
            false => Ok(()),
        }
    }

    /// Waits for its exit, and writes down what the client says of it.
    async fn note(&self, player: &Player<'_>) -> Result<(), Fault> {
        let name = player.name();
        let failed = |error: Error| format!("{name}: {error}");
        let waiting = async {
            if !player.role.streams {
                return Ok::<_, Fault>((player.process.wait().await.map_err(failed)?, None));
            }
            let (exit, output) = player.process.output().await.map_err(failed)?;
            Ok((exit, Some(output)))
        };
        let (exit, output) = tokio::time::timeout(LIMIT, waiting)
            .await
            .map_err(|_| format!("{name}: the client told no exit within {LIMIT:?}"))??;
        self.write_down(&name, &format!("exit {}", exit.status), &Ok(()));
        // Who was killed may not have come to say anything.
        let speaks = matches!(player.role.ends, Ends::ByItself { .. } | Ends::Told { .. });
        if let Some(output) = output.filter(|_| speaks)
            && output != format!("{name}\n").as_bytes()
        {
            return Err(format!("{name} wrote {:?}", String::from_utf8_lossy(&output)));
        }
        self.books.lock().unwrap().entries.push(Entry {
            container: player.container.to_owned(),
            exec: player.role.exec.clone(),
            ends: player.role.ends,
            waited: exit.status,
            ended_ns: player.ended_ns,
        });
        Ok(())
    }

    /// When the kill was sent that arrived.
    async fn kill(&self, name: &str, process: &Started) -> Result<i64, Fault> {
        let mut lost = None;
        loop {
            let at_ns = self.said.now_ns();
            let killed = process.kill().await;
            self.write_down(name, "kill", &killed);
            match killed {
                Ok(()) => return Ok(at_ns),
                Err(error) => match lost {
                    // It was killed by a call that had no answer, and not by this one.
                    Some(lost_ns) if is_over(&error) => return Ok(lost_ns),
                    _ => self.unanswered(name, &error).await?,
                },
            }
            lost.get_or_insert(at_ns);
        }
    }

    async fn delete(&self, name: &str, process: &Started) -> Result<(), Fault> {
        let mut lost = false;
        loop {
            let deleted = process.delete().await;
            self.write_down(name, "delete", &deleted);
            match deleted {
                Ok(exit) => {
                    let waited = process.wait().await.map_err(|error| error.to_string())?;
                    // What was said first is said.
                    return match exit == waited {
                        true => Ok(()),
                        false => Err(format!("{name}: {waited:?}, and then {exit:?}")),
                    };
                }
                Err(error) if error.kind() == Kind::NotFound => {
                    // The daemon has forgotten it, or did as it was told by the call without answer.
                    let waited = process.wait().await.map_err(|error| error.to_string())?;
                    return match lost || waited.status == ExitStatus::Unknown {
                        true => Ok(()),
                        false => Err(format!("{name}: {error}, after {waited:?}")),
                    };
                }
                Err(error) => self.unanswered(name, &error).await?,
            }
            lost = true;
        }
    }

    async fn delete_record(&self, container: &Container) -> Result<(), Fault> {
        let mut lost = false;
        loop {
            let deleted = container.delete().await;
            self.write_down(container.id(), "delete container", &deleted);
            match deleted {
                Ok(()) => return Ok(()),
                Err(error) if lost && error.kind() == Kind::NotFound => return Ok(()),
                Err(error) => self.unanswered(container.id(), &error).await?,
            }
            lost = true;
        }
    }

    /// A creation had no answer, and the client has taken back what may have come of it.
    async fn no_record(&self, id: &str) -> Result<(), Fault> {
        loop {
            let loaded = self.client.load(id).await;
            self.write_down(id, "load", &loaded);
            match loaded {
                Ok(_) => return Err(format!("{id}: its record was not taken back")),
                Err(error) if error.kind() == Kind::NotFound => return Ok(()),
                Err(error) => self.unanswered(id, &error).await?,
            }
        }
    }

    fn not_started(&self, name: &str, error: &Error) -> Result<(), Fault> {
        self.lost(name, error)?;
        self.books.lock().unwrap().not_started.push(name.to_owned());
        Ok(())
    }

    /// The only error there may be is that nobody answers.
    fn lost(&self, name: &str, error: &Error) -> Result<(), Fault> {
        if error.kind() != Kind::Unreachable {
            return Err(format!("{name}: {error} ({})", error.kind()));
        }
        self.outages.unanswered(self.said.now_ns(), format!("{name}: {error}"));
        Ok(())
    }

    /// The same, and waits until the client is whole again.
    async fn unanswered(&self, name: &str, error: &Error) -> Result<(), Fault> {
        self.lost(name, error)?;
        let mut connection = self.client.connection();
        let lost = |now: &Connection| matches!(now, Connection::Lost { .. });
        let live = |now: &Connection| matches!(now, Connection::Live { .. });
        // That a call failed may be known before the stream is known to have ended.
        let _ = tokio::time::timeout(Duration::from_millis(50), connection.wait_for(lost)).await;
        let back = tokio::time::timeout(LIMIT, connection.wait_for(live)).await;
        back.map(drop).map_err(|_| format!("{name}: the client is not whole after {LIMIT:?}"))
    }
}

/// Whether a signal found nobody.
fn is_over(error: &Error) -> bool {
    matches!(error.kind(), Kind::NotFound | Kind::FailedPrecondition)
}
