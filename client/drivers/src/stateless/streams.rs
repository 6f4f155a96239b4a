//! Standard streams by the names of their processes, copied from their start on as Moby did.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use driver_protocol::{ErrorKind, Exited, Gathered, Refusal};
use tokio::task::JoinHandle;

use super::exits::{Exits, Name};
use super::fifos::{Fifos, Kind};
use crate::gathering::gather;

type Gathering = JoinHandle<(Option<Exited>, Gathered)>;

/// What a request wants of streams.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) stdin: bool,
    pub(super) input: Option<String>,
    pub(super) output: bool,
    pub(super) terminal: bool,
}

/// As a request says where they are.
#[derive(Debug, Default)]
pub(super) struct Paths {
    pub(super) stdin: String,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

struct Open {
    fifos: Fifos,
    wanted: Wanted,
    gathering: Option<Gathering>,
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(gathering) = &self.gathering {
            gathering.abort();
        }
    }
}

/// Streams that are open.
pub(super) struct Streams {
    exits: Arc<Exits>,
    open: Mutex<BTreeMap<Name, Open>>,
}

fn broken(error: &std::io::Error) -> Refusal {
    let message = format!("cannot make FIFOs: {error}");
    Refusal { kind: ErrorKind::Internal, code: None, message }
}

impl Streams {
    pub(super) fn new(exits: Arc<Exits>) -> Self {
        Self { exits, open: Mutex::default() }
    }

    // Never held over an await.
    fn open(&self) -> MutexGuard<'_, BTreeMap<Name, Open>> {
        self.open.lock().expect("nothing panics while it holds the streams")
    }

    /// Opens streams for a process that is to be created.
    pub(super) fn make(&self, name: Name, wanted: Wanted) -> Result<Paths, Refusal> {
        if !wanted.stdin && !wanted.output && !wanted.terminal {
            return Ok(Paths::default());
        }
        let kind = Kind { stdin: wanted.stdin, terminal: wanted.terminal };
        let fifos = Fifos::new(kind).map_err(|error| broken(&error))?;
        let [stdin, stdout, stderr] = ["stdin", "stdout", "stderr"].map(|name| fifos.path(name));
        self.open().insert(name, Open { fifos, wanted, gathering: None });
        Ok(Paths { stdin, stdout, stderr })
    }

    /// The process runs: what it writes is read, and its input written.
    pub(super) async fn started(&self, name: &Name) -> Result<(), Refusal> {
        let input = {
            let mut all = self.open();
            let Some(open) = all.get_mut(name) else { return Ok(()) };
            if open.wanted.output {
                let outputs = open.fifos.outputs().map_err(|error| broken(&error))?;
                let (exits, name) = (self.exits.clone(), name.clone());
                let gathering =
                    tokio::spawn(async move { gather(outputs, exits.wait(&name)).await });
                open.gathering = Some(gathering);
            } else {
                open.fifos.drain();
            }
            open.wanted.input.take().zip(open.fifos.take_stdin())
        };
        if let Some((input, mut stdin)) = input {
            Fifos::write(&mut stdin, &input).await;
            if let Some(open) = self.open().get_mut(name) {
                open.fifos.put_stdin(stdin);
            }
        }
        Ok(())
    }

    /// Closes our end of the input. The server keeps one, too, until CloseIO.
    pub(super) fn close_stdin(&self, name: &Name) {
        if let Some(open) = self.open().get_mut(name) {
            open.fifos.take_stdin();
        }
    }

    /// Waits for the exit, and for the output if it is gathered; `None`: the event stream ended.
    pub(super) async fn wait(&self, name: &Name) -> (Option<Exited>, Option<Gathered>) {
        let gathering = self.open().get_mut(name).and_then(|open| open.gathering.take());
        match gathering {
            None => (self.exits.wait(name).await, None),
            Some(gathering) => match gathering.await {
                Ok((exited, gathered)) => (exited, Some(gathered)),
                Err(_) => (None, None),
            },
        }
    }

    /// Those of a task and of its execs go.
    pub(super) fn task_is_gone(&self, id: &str) {
        self.open().retain(|(have, _), _| have != id);
    }

    pub(super) fn exec_is_gone(&self, id: &str, exec: &str) {
        self.open().remove(&(id.to_owned(), Some(exec.to_owned())));
    }
}
