//! What the retained driver does with standard streams.

use driver_protocol::{Ending, Exec, Gathered, StartTask, Waited};
use laconic_client::{Error, Exit, Io, Output, OutputLimit, Process, Stdin, Streams, Task};
use tokio::io::AsyncWriteExt;

use crate::exited;
use crate::gathering::{GRACE, digest, gather};

/// More than any scenario writes.
const OUTPUT_BYTES_MAX: usize = 64 << 20;

/// What a request wants of streams.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    stdin: bool,
    input: Option<String>,
    output: bool,
    terminal: bool,
}

impl Wanted {
    pub(super) fn of_task(new: &StartTask, terminal: bool) -> Self {
        let StartTask { stdin, input, output, .. } = new.clone();
        Self { stdin, input, output, terminal }
    }

    pub(super) fn of_exec(new: &Exec) -> Self {
        let Exec { stdin, input, output, terminal, .. } = new.clone();
        Self { stdin, input, output, terminal }
    }

    pub(super) fn io(&self) -> Io {
        match self {
            Self { terminal: true, .. } => Io::Terminal,
            Self { stdin: false, output: false, .. } => Io::Null,
            Self { stdin, .. } => Io::Streams { stdin: *stdin },
        }
    }

    /// Whether the client is to gather: it would close the input first.
    fn leaves_reading(&self) -> bool {
        !self.stdin && !self.terminal
    }
}

/// A task, or an exec.
#[derive(Clone)]
pub(super) enum Of {
    Task(Task),
    Exec(Process),
}

impl Of {
    fn take_streams(&self) -> Streams {
        match self {
            Self::Task(task) => task.take_streams(),
            Self::Exec(exec) => exec.take_streams(),
        }
    }

    async fn wait(&self) -> Result<Exit, Error> {
        match self {
            Self::Task(task) => task.wait().await,
            Self::Exec(exec) => exec.wait().await,
        }
    }

    async fn wait_with_output(&self) -> Result<laconic_client::Gathered, Error> {
        let limit = OutputLimit { bytes: OUTPUT_BYTES_MAX, grace: GRACE };
        match self {
            Self::Task(task) => task.wait_with_output(limit).await,
            Self::Exec(exec) => exec.wait_with_output(limit).await,
        }
    }
}

/// Who reads what a process writes.
pub(super) enum Reading {
    /// The client, when it is waited for.
    Client,
    /// This driver, then.
    Driver { outputs: [Option<Output>; 2], told: bool },
}

/// What this driver holds of a process's streams. A process blocks until it is waited for when it
/// writes more than fits.
#[derive(Default)]
pub(super) struct Held {
    /// Open until it is closed on demand, or the process is deleted.
    stdin: Option<Stdin>,
    pub(super) reading: Option<Reading>,
}

impl Held {
    /// Of a process that has been started.
    pub(super) async fn of(of: &Of, wanted: Wanted) -> Self {
        if !wanted.output && wanted.input.is_none() {
            return Self::default();
        }
        if wanted.leaves_reading() {
            return Self { stdin: None, reading: Some(Reading::Client) };
        }
        let mut streams = of.take_streams();
        if let (Some(stdin), Some(input)) = (&mut streams.stdin, &wanted.input) {
            // One that has exited before it read all of it needs no more.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let outputs = [streams.stdout, streams.stderr];
        let reading = Reading::Driver { outputs, told: wanted.output };
        Self { stdin: streams.stdin, reading: Some(reading) }
    }

    /// It was closed on demand.
    pub(super) fn input_is_closed(&mut self) {
        self.stdin = None;
    }
}

/// Waits for the exit, and reads meanwhile what is to be read.
pub(super) async fn wait(of: &Of, reading: Option<Reading>) -> Result<Waited, Error> {
    let (exit, gathered) = match reading {
        None => (of.wait().await?, None),
        Some(Reading::Client) => {
            let all = of.wait_with_output().await?;
            let output = match all.ending {
                laconic_client::Ending::Complete => Ending::Complete,
                laconic_client::Ending::CutOff => Ending::CutOff,
            };
            (all.exit, Some(Gathered { stdout: digest(&all.stdout), output }))
        }
        Some(Reading::Driver { outputs, told }) => {
            let (exit, gathered) = gather(outputs, of.wait()).await;
            (exit?, Some(gathered).filter(|_| told))
        }
    };
    Ok(Waited { exited: exited(exit), gathered })
}
