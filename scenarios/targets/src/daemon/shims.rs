//! The shims of a private daemon: found by what only this run's command lines say, and by their task.

use std::time::Duration;

use rustix::process::Signal;

use super::manifest::RunId;
use super::process::{Process, gone};
use super::sweep::{daemon_and_shims, end_processes};

/// How long what was killed may take to end.
const END_LIMIT: Duration = Duration::from_secs(10);

/// Whether a command line is that of the shim that serves a task, and not of one that begins or clears
/// away.
fn serves(line: &[String], namespace: &str, id: &str) -> bool {
    let says = |flag: &str, value: &str| line.windows(2).any(|two| two == [flag, value]);
    let acts = line.iter().rev().find(|word| !word.is_empty());
    let acts = acts.is_some_and(|word| word == "start" || word == "delete");
    !acts && says("-namespace", namespace) && says("-id", id)
}

fn shim(run: &RunId, namespace: &str, id: &str) -> Option<Process> {
    let mut all = daemon_and_shims(run).into_iter();
    all.find(|process| serves(&process.command_line(), namespace, id))
}

/// Kills the shim of a task. `false`: there is none.
pub(crate) async fn kill_shim(run: &RunId, namespace: &str, id: &str) -> bool {
    let Some(shim) = shim(run, namespace, id) else { return false };
    shim.kill(Signal::KILL);
    gone(&[shim], END_LIMIT).await
}

/// Stops the shim of a task, or lets it go on. `false`: there is none.
pub(crate) fn signal_shim(run: &RunId, namespace: &str, id: &str, signal: Signal) -> bool {
    shim(run, namespace, id).map(|shim| shim.kill(signal)).is_some()
}

/// Ends all shims and what they run, while the daemon is down: as when the machine went down.
pub(crate) async fn lose_tasks(run: &RunId) {
    end_processes(run, END_LIMIT).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).chain([String::new()]).collect()
    }

    #[test]
    fn a_shim_is_known_by_namespace_and_id_and_is_not_who_begins_or_clears_away() {
        let own =
            "/usr/bin/containerd-shim-runc-v2 -namespace n -id c0 -address /f/containerd.sock";
        assert!(serves(&line(own), "n", "c0"));
        assert!(!serves(&line(own), "n", "c"));
        assert!(!serves(&line(own), "m", "c0"));
        for acts in ["start", "-bundle /f/b delete"] {
            assert!(!serves(&line(&format!("{own} {acts}")), "n", "c0"));
        }
    }
}
