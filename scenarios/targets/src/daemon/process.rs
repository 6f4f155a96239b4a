//! Processes by pid and birth: a pid that was given to somebody else is not ours to end.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// How often a process that cannot be awaited (it is no child of ours) is looked at.
const POLL_MS: u64 = 5;

/// A process of this machine, told apart from later bearers of its pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Process {
    pub(super) pid: i32,
    /// Clock ticks since boot.
    born: u64,
}

impl Process {
    /// The process that bears this pid now.
    pub(super) fn of(pid: i32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name before the last parenthesis may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        // A zombie is dead: only its parent still has to hear of it.
        if fields.first() == Some(&"Z") {
            return None;
        }
        Some(Self { pid, born: fields.get(19)?.parse().ok()? })
    }

    pub(super) fn own() -> Option<Self> {
        Self::of(i32::try_from(std::process::id()).ok()?)
    }

    pub(super) fn alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    pub(super) fn kill(self, signal: Signal) {
        if self.alive()
            && let Some(pid) = Pid::from_raw(self.pid)
        {
            // It may end between the look and the signal.
            let _ = kill_process(pid, signal);
        }
    }

    pub(super) fn command_line(self) -> Vec<String> {
        let bytes = std::fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        bytes
            .split(|byte| *byte == 0)
            .map(|arg| String::from_utf8_lossy(arg).into_owned())
            .collect()
    }

    /// All processes of the machine.
    pub(super) fn all() -> Vec<Self> {
        let Ok(entries) = std::fs::read_dir(Path::new("/proc")) else { return Vec::new() };
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(Self::of)
            .collect()
    }
}

/// Reaps a child, also one that we adopted.
pub(super) fn reap(process: Process) {
    if let Some(pid) = Pid::from_raw(process.pid) {
        let _ = waitpid(Some(pid), WaitOptions::NOHANG);
    }
}

/// Reaps children of ours that have ended and that we adopted: shims, and what they left. Our own
/// children are awaited by whoever started them, and are called otherwise.
pub(super) fn reap_adopted() {
    let own = std::process::id().to_string();
    let Ok(entries) = std::fs::read_dir(Path::new("/proc")) else { return };
    for entry in entries.filter_map(Result::ok) {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let Some((named, rest)) = stat.rsplit_once(") ") else { continue };
        let mut fields = rest.split(' ');
        let adopted = fields.next() == Some("Z") && fields.next() == Some(own.as_str());
        let shim = named.contains("(containerd-shim") || named.contains("(runc");
        if adopted
            && shim
            && let Some(pid) = Pid::from_raw(pid)
        {
            let _ = waitpid(Some(pid), WaitOptions::NOHANG);
        }
    }
}

/// Waits until none of them is alive; false at the limit.
pub(super) async fn gone(processes: &[Process], limit: Duration) -> bool {
    let limit = Instant::now() + limit;
    let mut poll = tokio::time::interval(Duration::from_millis(POLL_MS));
    loop {
        processes.iter().copied().for_each(reap);
        if !processes.iter().any(|process| process.alive()) {
            return true;
        }
        if Instant::now() > limit {
            return false;
        }
        poll.tick().await;
    }
}
