//! The rules of one task: what each operation does in each state, as runc's shim has them.

use std::collections::BTreeMap;

use containerd_client::types::Mount;

use super::checkpoint::Restore;
use super::process::{Exit, Phase, Process, Props, Streams};
use super::{Failure, check_identifier, go_json};
use crate::Profile;
use crate::clock::Clock;
use crate::processes::signal::{KILLED, SIGWINCH};
use crate::processes::{Disposition, ProcessScript, Setting, Size};

/// What a task is made of.
#[derive(Debug)]
pub(crate) struct NewTask {
    pub(crate) id: String,
    pub(crate) streams: Streams,
    pub(crate) script: ProcessScript,
    pub(crate) setting: Setting,
    pub(crate) rootfs: Vec<Mount>,
    pub(crate) props: Props,
    /// It is to go on from a checkpoint: then it has no pid, and no streams, before it is started.
    pub(crate) restore: Option<Restore>,
}

/// What an exec is made of.
#[derive(Debug)]
pub(crate) struct NewExec {
    pub(crate) container: String,
    pub(crate) exec: String,
    pub(crate) streams: Streams,
    pub(crate) script: ProcessScript,
    pub(crate) setting: Setting,
}

/// What changed in a task, to be told as events.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Happened {
    Started,
    ExecAdded(String),
    ExecStarted(String, u32),
    /// `None`: the init.
    Exited(Option<String>, u32, Exit),
    OutOfMemory,
    Paused,
    Resumed,
}

/// What a start of an exec comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Possible,
    /// The task goes with it.
    CrashesShim,
}

pub(super) type Done<T> = Result<(T, Vec<Happened>), Failure>;

#[derive(Debug)]
pub(crate) struct Task {
    pub(super) init: Process,
    pub(super) execs: BTreeMap<String, Process>,
    pub(super) paused: bool,
    /// It is said to be paused, and runs.
    pub(super) thawed: bool,
    /// What its root file system was mounted from.
    pub(super) rootfs: Vec<Mount>,
    /// Until it is started.
    pub(super) restore: Option<Restore>,
    pub(super) profile: Profile,
    pub(super) clock: Clock,
}

impl Task {
    pub(super) fn new(profile: Profile, clock: Clock, init: Process, rootfs: Vec<Mount>) -> Self {
        let (execs, restore) = Default::default();
        Self { init, execs, paused: false, thawed: false, rootfs, restore, profile, clock }
    }

    pub(super) fn refuse<T>(&self, what: &str) -> Result<T, Failure> {
        Err(Failure::shim(self.profile, what))
    }

    /// `exec` empty: the init.
    pub(super) fn process(&self, exec: &str) -> Result<&Process, Failure> {
        if exec.is_empty() {
            return Ok(&self.init);
        }
        self.execs.get(exec).ok_or_else(|| Failure::no_process(exec))
    }

    pub(super) fn exec_mut(&mut self, exec: &str) -> Result<&mut Process, Failure> {
        self.execs.get_mut(exec).ok_or_else(|| Failure::no_process(exec))
    }

    pub(super) fn state_word(&self) -> &'static str {
        match (&self.init.phase, self.paused) {
            (_, true) => "paused",
            (Phase::Created, _) => "created",
            (Phase::Running, _) => "running",
            (Phase::Stopped(_), _) => "stopped",
        }
    }

    pub(super) fn start(&mut self) -> Done<()> {
        match self.state_word() {
            "created" => {}
            state => return self.refuse(&format!("cannot start a {state} process")),
        }
        if let Some(cause) = self.init.script.start_failure() {
            // As a real task does, it stays created until it is killed.
            return self.refuse(&format!("OCI runtime start failed: {cause}"));
        }
        self.init.phase = Phase::Running;
        Ok(((), vec![Happened::Started]))
    }

    /// All that is refused before an exec's streams are opened.
    pub(super) fn may_start_exec(&mut self, exec: &str, id: &str) -> Result<Start, Failure> {
        let (profile, frozen, init) = (self.profile, self.frozen(), self.init.phase.clone());
        let process = self.exec_mut(exec)?;
        let refuse = |what: &str| Err(Failure::shim(profile, what));
        if let Phase::Stopped(_) = init {
            if profile != Profile::V1_6 {
                let what = format!("container {id} init process is not running");
                return Err(Failure::precondition(what));
            }
            if let Phase::Stopped(_) = process.phase {
                return refuse("cannot start a stopped process");
            }
            return refuse(
                "OCI runtime exec failed: exec failed: cannot exec in a stopped container",
            );
        }
        match process.phase {
            Phase::Created if process.start_failed => return Ok(Start::CrashesShim),
            Phase::Created if frozen => {
                return refuse(
                    "OCI runtime exec failed: exec failed: cannot exec in a paused container \
                     (use --ignore-paused to override)",
                );
            }
            Phase::Created => {}
            Phase::Running => return refuse("cannot start a running process"),
            Phase::Stopped(_) => return refuse("cannot start a stopped process"),
        }
        if let Some(cause) = process.script.start_failure() {
            let what = format!("OCI runtime exec failed: exec failed: {cause}");
            process.start_failed = true;
            process.waited.send_replace(super::Waited::Exited(Exit::never(0)));
            return refuse(&what);
        }
        Ok(Start::Possible)
    }

    /// Starts an exec that may.
    pub(super) fn start_exec(&mut self, exec: &str, props: Props) -> Done<()> {
        let process = self.exec_mut(exec)?;
        process.phase = Phase::Running;
        process.has(props);
        Ok(((), vec![Happened::ExecStarted(exec.to_owned(), process.pid)]))
    }

    pub(super) fn exec(&mut self, new: NewExec) -> Done<()> {
        check_identifier(&new.exec)
            .map_err(|error| Failure::invalid(format!("invalid exec id {}: {error}", new.exec)))?;
        if self.execs.contains_key(&new.exec) {
            return Err(Failure::already_exists(format!("id {}", new.exec)));
        }
        match self.state_word() {
            state @ ("paused" | "stopped") => {
                return self.refuse(&format!("cannot exec in a {state} state"));
            }
            // runc has no such container yet.
            "created" if self.restore.is_some() => {
                return self.refuse("cannot exec in a created state");
            }
            _ => {}
        }
        self.execs.insert(new.exec.clone(), Process::new(new.streams, new.script, new.setting));
        Ok(((), vec![Happened::ExecAdded(new.exec)]))
    }

    /// A process came to its end by itself.
    pub(super) fn exits(&mut self, exec: &str, pid: u32, status: u32) -> Vec<Happened> {
        let frozen = self.frozen();
        let process = match exec {
            "" => &mut self.init,
            exec => match self.execs.get_mut(exec) {
                Some(process) => process,
                None => return Vec::new(),
            },
        };
        if !process.running() || process.pid != pid {
            return Vec::new();
        }
        if frozen {
            process.queued = Some(status);
            return Vec::new();
        }
        if exec.is_empty() {
            return self.end_init(Exit::now(self.clock, status));
        }
        let exit = Exit::now(self.clock, status);
        process.stop(exit.clone());
        vec![Happened::Exited(Some(exec.to_owned()), pid, exit)]
    }

    /// The kernel killed it: told before its exit.
    pub(super) fn runs_out_of_memory(&mut self, exec: &str, pid: u32) -> Vec<Happened> {
        let alive = self.process(exec).is_ok_and(|process| process.running() && process.pid == pid);
        let mut happened = if alive { vec![Happened::OutOfMemory] } else { Vec::new() };
        happened.extend(self.exits(exec, pid, KILLED));
        happened
    }

    /// Somebody ended its placeholder, by its pid.
    pub(super) fn struck(&mut self, exec: &str, pid: u32, status: u32) -> Vec<Happened> {
        let exit = Exit::now(self.clock, status);
        let process = if exec.is_empty() { Some(&mut self.init) } else { self.execs.get_mut(exec) };
        match process {
            Some(process) if process.pid != pid => Vec::new(),
            Some(Process { phase: Phase::Stopped(_), .. }) | None => Vec::new(),
            Some(_) if exec.is_empty() => self.end_init(exit),
            Some(process) => {
                process.stop(exit.clone());
                vec![Happened::Exited(Some(exec.to_owned()), pid, exit)]
            }
        }
    }

    /// The pid namespace goes with its init: running execs die first, the init's exit comes last.
    pub(super) fn end_init(&mut self, exit: Exit) -> Vec<Happened> {
        self.freeze(false);
        let mut happened = self.end_execs();
        self.init.stop(exit.clone());
        happened.push(Happened::Exited(None, self.init.pid, exit));
        happened
    }

    fn end_execs(&mut self) -> Vec<Happened> {
        let mut happened = Vec::new();
        for (exec, process) in self.execs.iter_mut().filter(|(_, process)| process.running()) {
            let killed = Exit::now(self.clock, KILLED);
            process.stop(killed.clone());
            happened.push(Happened::Exited(Some(exec.clone()), process.pid, killed));
        }
        happened
    }

    fn freeze(&mut self, frozen: bool) {
        (self.paused, self.thawed) = (frozen, false);
        self.hold(frozen);
    }

    /// Players of frozen processes wait.
    fn hold(&self, frozen: bool) {
        for process in self.all() {
            process.controls.send_modify(|controls| controls.frozen = frozen);
        }
    }

    /// Its execs, and its init last.
    fn all(&self) -> impl Iterator<Item = &Process> {
        self.execs.values().chain([&self.init])
    }

    /// Its shim is gone: who still waits is told.
    pub(super) fn close(&self) {
        for process in self.all() {
            process.close();
        }
    }

    /// Whether its processes do nothing.
    pub(super) fn frozen(&self) -> bool {
        self.paused && !self.thawed
    }

    /// runc thaws it, and the shim does not know: it is said to be paused, and cannot be resumed.
    pub(super) fn thaw(&mut self) -> Vec<Happened> {
        if !self.frozen() {
            return Vec::new();
        }
        self.thawed = true;
        self.hold(false);
        self.unqueue()
    }

    pub(super) fn pause(&mut self) -> Done<()> {
        match self.state_word() {
            "running" => self.freeze(true),
            "created" => return self.refuse("cannot pause task in created state"),
            state => return self.refuse(&format!("cannot pause a {state} container")),
        }
        Ok(((), vec![Happened::Paused]))
    }

    pub(super) fn resume(&mut self) -> Done<()> {
        match self.state_word() {
            "paused" if self.thawed => {
                return self.refuse("OCI runtime resume failed: container not paused");
            }
            "paused" => self.freeze(false),
            "created" => return self.refuse("cannot resume task in created state"),
            "running" => return self.refuse("cannot resume a running process"),
            state => return self.refuse(&format!("cannot resume a {state} container")),
        }
        let mut happened = vec![Happened::Resumed];
        happened.extend(self.unqueue());
        Ok(((), happened))
    }

    /// What was to end while it was frozen ends now.
    fn unqueue(&mut self) -> Vec<Happened> {
        let mut happened = Vec::new();
        let queued: Vec<(String, u32, u32)> = self
            .execs
            .iter()
            .filter_map(|(exec, process)| Some((exec.clone(), process.pid, process.queued?)))
            .collect();
        for (exec, pid, status) in queued {
            happened.extend(self.exits(&exec, pid, status));
        }
        if let Some(status) = self.init.queued {
            happened.extend(self.exits("", self.init.pid, status));
        }
        happened
    }

    /// Without a terminal nothing happens.
    pub(super) fn resize(&self, exec: &str, size: Size) -> Result<(), Failure> {
        let process = self.process(exec)?;
        if matches!(process.phase, Phase::Stopped(_)) && !exec.is_empty() {
            return self.refuse("cannot resize a stopped container");
        }
        if process.setting.terminal {
            process.controls.send_modify(|controls| controls.size = size);
            if process.signals.disposition(SIGWINCH) == Disposition::Handled {
                process.signals.deliver(SIGWINCH);
            }
        }
        Ok(())
    }

    pub(super) fn update(&self, resources: &[u8]) -> Result<(), Failure> {
        if let Phase::Stopped(_) = self.init.phase {
            return self.refuse("cannot update a stopped container");
        }
        match serde_json::from_slice::<serde_json::Value>(resources) {
            Ok(_) => Ok(()),
            Err(_) => self.refuse(&go_json::error_in(resources)),
        }
    }

    /// Whether the whole may be deleted, and the exits that are told with it.
    pub(super) fn delete(&mut self) -> Done<Exit> {
        match (&self.init.phase, self.paused) {
            (Phase::Stopped(exit), _) => Ok((exit.clone(), Vec::new())),
            (Phase::Created, _) if self.restore.is_some() => Ok((Exit::never(0), Vec::new())),
            // Its runc init dies with it; that exit is told and has no time. Those of its execs do.
            (Phase::Created, _) => {
                let mut happened = self.end_execs();
                let killed = Exit::never(KILLED);
                happened.push(Happened::Exited(None, self.init.pid, killed));
                Ok((Exit::never(0), happened))
            }
            _ => self.refuse(&format!("cannot delete a {} process", self.state_word())),
        }
    }

    pub(super) fn delete_exec(&mut self, exec: &str) -> Result<(u32, Exit), Failure> {
        let process = self.exec_mut(exec)?;
        let gone = match &process.phase {
            Phase::Created => (process.pid, Exit::never(0)),
            Phase::Stopped(exit) => (process.pid, exit.clone()),
            Phase::Running => return self.refuse("cannot delete a running process"),
        };
        self.execs.remove(exec);
        Ok(gone)
    }

    /// What lives, init first, each with its children.
    pub(super) fn pids(&self) -> Vec<(u32, Option<&str>)> {
        let live = |process: &Process| !matches!(process.phase, Phase::Stopped(_));
        let init = Some((&self.init, None)).filter(|(init, _)| live(init));
        let execs = self.execs.iter().filter(|(_, process)| process.running());
        let all = init.into_iter().chain(execs.map(|(exec, process)| (process, Some(&**exec))));
        let mut pids = Vec::new();
        for (process, exec) in all {
            pids.push((process.pid, exec));
            // They are forked by what runs, and so not before.
            if process.running() {
                pids.extend(process.pids.children().map(|child| (child, None)));
            }
        }
        pids
    }
}
