//! Signals to a task: to its first process, to an exec, to all of it.

use super::Failure;
use super::process::{Exit, Phase};
use super::task::{Done, Happened, Task};
use crate::processes::Disposition;
use crate::processes::signal::{KILLED, SIGKILL, SIGNAL_MAX, is_harmless};

impl Task {
    pub(super) fn kill(&mut self, signal: u32, all: bool) -> Done<()> {
        if let Phase::Stopped(_) = self.init.phase {
            if all {
                return Ok(((), Vec::new()));
            }
            return Err(Failure::not_found("process already finished"));
        }
        if self.restore.is_some() {
            return Err(Failure::not_found("no such container"));
        }
        if all {
            return Ok(((), self.kill_all(signal)));
        }
        if signal > SIGNAL_MAX {
            return self.refuse(
                "unknown error after kill: runc did not terminate successfully: exit status 1: \
                 unable to signal init: invalid argument\n",
            );
        }
        Ok(((), self.kill_init(signal)))
    }

    /// runc freezes them, signals each, and thaws them, whether they were frozen before or not. That
    /// there is no such signal it only logs.
    fn kill_all(&mut self, signal: u32) -> Vec<Happened> {
        let mut happened = self.thaw();
        if signal > SIGNAL_MAX {
            return happened;
        }
        let execs: Vec<String> = self.execs.keys().cloned().collect();
        for exec in execs {
            // Those that do not run are not signalled.
            happened
                .extend(self.kill_exec(&exec, signal).map(|((), told)| told).unwrap_or_default());
        }
        happened.extend(self.kill_init(signal));
        happened
    }

    fn kill_init(&mut self, signal: u32) -> Vec<Happened> {
        let status = match (&self.init.phase, signal) {
            (_, 0) | (Phase::Stopped(_), _) => return Vec::new(),
            (_, SIGKILL) => KILLED,
            // runc's own init waits there still, and Go's runtime dies of a signal with 2.
            (Phase::Created, signal) if !is_harmless(signal) => 2,
            (Phase::Created, _) => return Vec::new(),
            (Phase::Running, signal) => {
                // Process 1 without a handler: the kernel drops the signal.
                if self.init.signals.disposition(signal) == Disposition::Handled {
                    self.init.signals.deliver(signal);
                }
                return Vec::new();
            }
        };
        self.end_init(Exit::now(self.clock, status))
    }

    pub(super) fn kill_exec(&mut self, exec: &str, signal: u32) -> Done<()> {
        let (frozen, clock) = (self.frozen(), self.clock);
        let process = self.exec_mut(exec)?;
        match process.phase {
            Phase::Created => return Err(Failure::precondition("process not created")),
            Phase::Stopped(_) => return Err(Failure::not_found("process already finished")),
            Phase::Running => {}
        }
        if signal > SIGNAL_MAX {
            return self.refuse("unknown error after kill: invalid argument");
        }
        if signal == 0 {
            return Ok(((), Vec::new()));
        }
        match process.signals.disposition(signal) {
            Disposition::Ignored => return Ok(((), Vec::new())),
            Disposition::Handled => {
                process.signals.deliver(signal);
                return Ok(((), Vec::new()));
            }
            Disposition::Default if is_harmless(signal) => return Ok(((), Vec::new())),
            Disposition::Default => {}
        }
        let status = 128 + signal;
        if frozen {
            process.queued = Some(status);
            return Ok(((), Vec::new()));
        }
        let exit = Exit::now(clock, status);
        process.stop(exit.clone());
        Ok(((), vec![Happened::Exited(Some(exec.to_owned()), process.pid, exit)]))
    }
}
