//! One process: the init of a task, or an exec.

use containerd_client::types::v1::{Process as Shown, Status};
use prost_types::Timestamp;
use tokio::sync::watch;

use crate::clock::{Clock, GO_ZERO};
use crate::processes::{
    Controls, Copying, Disposition, Held, OpenStreams, ProcessScript, Setting, Signals,
};

/// How a process ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exit {
    pub(crate) status: u32,
    pub(crate) at: Timestamp,
}

impl Exit {
    pub(crate) fn now(clock: Clock, status: u32) -> Self {
        Self { status, at: clock.now() }
    }

    /// What is told of a process that never ran.
    pub(crate) fn never(status: u32) -> Self {
        Self { status, at: GO_ZERO }
    }
}

/// What those who wait for a process hear.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Waited {
    /// It lives.
    Pending,
    /// It ended.
    Exited(Exit),
    /// Its shim is gone.
    Closed,
}

/// Where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Phase {
    Created,
    Running,
    Stopped(Exit),
}

/// The paths of its standard streams, and whether it has a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Streams {
    pub(crate) stdin: String,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) terminal: bool,
}

/// What was opened and taken for a process that is to be.
#[derive(Debug, Default)]
pub(crate) struct Props {
    pub(crate) streams: OpenStreams,
    pub(crate) copying: Copying,
    pub(crate) pids: Held,
}

#[derive(Debug)]
pub(crate) struct Process {
    /// 0 before it has one.
    pub(super) pid: u32,
    pub(super) pids: Held,
    pub(super) phase: Phase,
    pub(super) streams: Streams,
    pub(super) script: ProcessScript,
    pub(super) setting: Setting,
    /// An exit that happens once the task is thawed.
    pub(super) queued: Option<u32>,
    pub(super) start_failed: bool,
    /// Opened, and not yet given to a player.
    pub(super) open: Option<OpenStreams>,
    /// With it ends what was still to be read.
    pub(super) copying: Copying,
    pub(super) signals: Signals,
    pub(super) controls: watch::Sender<Controls>,
    pub(super) waited: watch::Sender<Waited>,
}

impl Process {
    pub(super) fn new(streams: Streams, script: ProcessScript, setting: Setting) -> Self {
        let signals = Signals::default();
        for signal in script.reactions.keys() {
            signals.dispose(*signal, Disposition::Handled);
        }
        let controls = Controls { size: setting.size, ..Controls::default() };
        Self {
            pid: 0,
            pids: Held::default(),
            phase: Phase::Created,
            streams,
            script,
            setting,
            queued: None,
            start_failed: false,
            open: None,
            copying: Copying::default(),
            signals,
            controls: watch::Sender::new(controls),
            waited: watch::Sender::new(Waited::Pending),
        }
    }

    /// All that it needs to be played is there.
    pub(super) fn has(&mut self, props: Props) {
        self.pid = props.pids.own();
        self.pids = props.pids;
        (self.open, self.copying) = (Some(props.streams), props.copying);
    }

    pub(super) fn stop(&mut self, exit: Exit) {
        self.phase = Phase::Stopped(exit.clone());
        self.queued = None;
        // Nobody will play it any more: whoever reads from it must see the end.
        self.open = None;
        self.pids.end();
        self.waited.send_replace(Waited::Exited(exit));
    }

    /// Its shim is gone: who still waits is told.
    pub(super) fn close(&self) {
        self.waited.send_if_modified(|waited| {
            let pending = *waited == Waited::Pending;
            if pending {
                *waited = Waited::Closed;
            }
            pending
        });
    }

    pub(super) fn running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// As the API shows it. While the task is paused, everything in it is.
    pub(super) fn shown(&self, id: &str, paused: bool) -> Shown {
        let (status, exit) = match &self.phase {
            Phase::Created => (Status::Created, None),
            Phase::Running => (Status::Running, None),
            Phase::Stopped(exit) => (Status::Stopped, Some(exit.clone())),
        };
        let status = if paused { Status::Paused } else { status };
        let exit = exit.unwrap_or(Exit::never(0));
        Shown {
            id: id.to_owned(),
            pid: self.pid,
            status: status.into(),
            stdin: self.streams.stdin.clone(),
            stdout: self.streams.stdout.clone(),
            stderr: self.streams.stderr.clone(),
            terminal: self.streams.terminal,
            exit_status: exit.status,
            exited_at: Some(exit.at),
            ..Default::default()
        }
    }
}
