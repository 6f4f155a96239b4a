//! What becomes of processes of this host, which nobody tells: it is looked for in `/proc`.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, interval};

use crate::answer::Answer;

const INTERVAL: Duration = Duration::from_millis(10);

/// Whether a process lives, once it had the time to die.
pub(crate) async fn alive(pid: u32) -> Value {
    let dead = |stat: &Stat| stat.state == 'Z';
    json!({ "alive": !comes_to(pid, dead, Duration::from_secs(2)).await })
}

/// Done when these, which are `sleep`, do so. A process in `nanosleep` is frozen where it is. One
/// that is on its way there must first be given the processor, and where that is busy, runc gives up
/// freezing (`unable to freeze`). `sleep inf` would never do: it is in `pause`, which the kernel
/// cannot freeze without waking it.
pub(crate) async fn asleep(pids: impl Iterator<Item = u32>, limit: Duration) -> Answer {
    let sleeps = |stat: &Stat| stat.command == "sleep" && stat.state == 'S';
    let until = Instant::now() + limit;
    for pid in pids {
        if !comes_to(pid, sleeps, until - Instant::now()).await {
            return Answer::impossible(format!("process {pid} does not sleep"));
        }
    }
    Answer::ok(Vec::new())
}

struct Stat {
    command: String,
    state: char,
}

impl Stat {
    /// Of a process that is there.
    fn of(pid: u32) -> Option<Self> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // A command may have parentheses in its name.
        let (before, after) = text.rsplit_once(") ")?;
        let (_, command) = before.split_once('(')?;
        Some(Self { command: command.to_owned(), state: after.chars().next()? })
    }
}

/// Whether a process is seen so, or not at all, before the time is over. A mock's pids are numbers
/// that no process has.
async fn comes_to(pid: u32, wanted: impl Fn(&Stat) -> bool, limit: Duration) -> bool {
    let look = async {
        let mut poll = interval(INTERVAL);
        loop {
            poll.tick().await;
            if Stat::of(pid).is_none_or(|stat| wanted(&stat)) {
                return;
            }
        }
    };
    tokio::time::timeout(limit, look).await.is_ok()
}
