//! A small shell: what people write behind `sh -c` to keep a container busy, to end it with a
//! status, or to catch a signal. What it does not have it says, and ends with 2, as a shell does
//! over a line that it cannot read.

mod builtins;
mod expand;
mod lexer;
mod parser;
mod play;
mod syntax;
mod variables;

use super::actor::Actor;
use play::Shell;

/// `sh -c LINE`, or lines from standard input.
pub(super) async fn run(actor: &Actor, words: &[&str]) -> u32 {
    match words {
        ["-c", line, rest @ ..] | ["-ec" | "-ce", line, rest @ ..] => {
            let mut shell = Shell::new(actor.clone(), rest.first().copied().unwrap_or("sh"));
            shell.stops_on_error = words[0] != "-c";
            shell.whole(line).await
        }
        [] | ["-" | "-i" | "-l"] => Shell::new(actor.clone(), "sh").by_line().await,
        _ => {
            actor.complain("sh: the mock only has sh -c and lines from standard input\n").await;
            2
        }
    }
}
