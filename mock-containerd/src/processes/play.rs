//! Plays one started process to its end.

use std::sync::Arc;

use super::actor::{self, Actor};
use super::commands;
use super::script::{End, Plot, ProcessScript};
use super::signal::KILLED;
use super::streams::OpenStreams;
use super::terminal::{self, Keyboard};
use crate::state::{Launch, Waited};

/// How a process ended that nobody killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With a status.
    Exited(u32),
    /// By the kernel, for want of memory.
    OutOfMemory,
}

impl Ending {
    /// As a status.
    pub(crate) fn status(self) -> u32 {
        match self {
            Self::Exited(status) => status,
            Self::OutOfMemory => KILLED,
        }
    }
}

/// Plays it. Returns how it ends by itself; `None` when something else ended it first. Its streams
/// close with it.
pub(crate) async fn play(launch: Launch) -> Option<Ending> {
    let Launch { script, setting, signals, controls, mut ended, streams, .. } = launch;
    let OpenStreams { stdin, stdout, stderr } = streams;
    let (keyboard, stdin) = match setting.terminal {
        true => {
            let (keyboard, lines) = terminal::attach(stdin, controls.clone());
            (Some(keyboard), lines)
        }
        false => (None, stdin),
    };
    let setting = Arc::new(setting);
    let processes = actor::processes();
    let actor = Actor { stdin, stdout, stderr, controls, signals, setting, depth: 0, processes };
    let acting = async {
        let ending = tokio::select! {
            // Biased: both at one moment is the one that takes part in it.
            biased;
            () = memory_runs_out(&script, &actor) => Ending::OutOfMemory,
            signal = typing(keyboard, &actor) => Ending::Exited(128 + signal),
            status = reacting(&script, &actor) => Ending::Exited(status),
        };
        actor.thawed().await;
        ending
    };
    tokio::select! {
        ending = acting => Some(ending),
        _ = ended.wait_for(|waited| *waited != Waited::Pending) => None,
    }
}

async fn typing(keyboard: Option<Keyboard>, actor: &Actor) -> u32 {
    match keyboard {
        Some(keyboard) => keyboard.type_to(actor).await,
        None => std::future::pending().await,
    }
}

async fn memory_runs_out(script: &ProcessScript, actor: &Actor) {
    match script.out_of_memory {
        Some(after) => actor.sleep(after).await,
        None => std::future::pending().await,
    }
}

/// The plot, interrupted by its reactions to signals.
async fn reacting(script: &ProcessScript, actor: &Actor) -> u32 {
    let mut acting = std::pin::pin!(acting(script, actor));
    if script.reactions.is_empty() {
        return acting.await;
    }
    loop {
        let signal = tokio::select! {
            biased;
            signal = actor.signals.next() => signal,
            status = &mut acting => return status,
        };
        actor.thawed().await;
        let Some(reaction) = script.reactions.get(&signal) else { continue };
        actor.print(&reaction.output).await;
        actor.sleep(reaction.delay).await;
        if let Some(status) = reaction.exit {
            return status;
        }
    }
}

async fn acting(script: &ProcessScript, actor: &Actor) -> u32 {
    let (output, error_output, end) = match &script.plot {
        Plot::Command(argv) => return commands::run(actor, argv).await,
        Plot::Scene { output, error_output, end } => (output, error_output, end),
    };
    // A reader that went away is not the process's concern here.
    if !output.is_empty() {
        actor.print(output).await;
    }
    if !error_output.is_empty() {
        actor.complain(error_output).await;
    }
    match end {
        End::After(delay, status) => {
            actor.sleep(*delay).await;
            *status
        }
        End::WithStdin => {
            actor.copy().await;
            0
        }
        End::Never => std::future::pending().await,
    }
}
