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

/// A shell in a shell in a shell, and so on: nobody needs more, and what plays itself ends.
const DEPTH_MAX: u32 = 10;

const TOO_DEEP: &str = "sh: the mock's shell is nested too deep\n";

/// `sh -c LINE`, or lines from standard input.
pub(super) async fn run(actor: &Actor, words: &[&str]) -> u32 {
    let mut actor = actor.clone();
    actor.depth += 1;
    if actor.depth > DEPTH_MAX {
        actor.complain(TOO_DEEP).await;
        return 2;
    }
    match words {
        ["-c", line, rest @ ..] | ["-ec" | "-ce", line, rest @ ..] => {
            let mut shell = Shell::new(actor, rest.first().copied().unwrap_or("sh"));
            shell.stops_on_error = words[0] != "-c";
            shell.whole(line).await
        }
        [] | ["-" | "-i" | "-l"] => Shell::new(actor, "sh").by_line().await,
        _ => {
            actor.complain("sh: the mock only has sh -c and lines from standard input\n").await;
            2
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use tokio::sync::watch;

    use super::super::controls::Controls;
    use super::super::{Setting, Signals};
    use super::*;

    /// Plays a line for a virtual second, with nobody who listens.
    fn play(line: &str) -> Option<u32> {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        let (_held, controls) = watch::channel(Controls::default());
        let actor = Actor {
            stdin: Default::default(),
            stdout: Default::default(),
            stderr: Default::default(),
            controls,
            signals: Signals::default(),
            setting: Setting { is_init: true, ..Setting::default() }.into(),
            depth: 0,
        };
        runtime.block_on(async {
            let words = ["-c", line];
            let run = run(&actor, &words);
            tokio::time::timeout(Duration::from_secs(1), run).await.ok()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn whatever_is_played_ends_with_a_status_or_goes_on(
            words in proptest::collection::vec(
                proptest::sample::select(vec![
                    "if", "then", "else", "fi", "while", "until", "do", "done", "for i in a b",
                    "{", "}", "(", ")", ";", ";", ";", "&", "&&", "||", "|", "\n", "!", "true",
                    "false", "break 2", "continue", "exit 300", "exit", "wait", "trap 'exit 4' EXIT",
                    "trap 'kill -TERM $$' TERM", "kill -TERM $$", "kill -9 $!", "set -e", "sleep 0.1",
                    "sleep inf", "echo $i $? $!", "read x", "cat", "exec echo", "A=$A$A.", "yes",
                    "eval 'exit 3'", "eval", "seq 3", ">&2", "2>/dev/null", "[ $i = a ]",
                ]),
                0..14,
            ),
        ) {
            if let Some(status) = play(&words.join(" ")) {
                prop_assert!(status < 256, "{status}");
            }
        }
    }

    #[test]
    fn a_line_that_plays_itself_is_stopped() {
        for line in [
            "A='eval \"$A\"'; eval \"$A\"",
            "export A='sh -c \"$A\"'; sh -c \"$A\"",
            "export A='env B=1 sh -c \"$A\"'; sh -c \"$A\"",
            "A='exec eval \"$A\"'; eval \"$A\"",
        ] {
            assert_eq!(play(line), Some(2), "{line}");
        }
        let nested = format!("{}eval \"$A\"{}", "( ".repeat(19), " )".repeat(19));
        assert_eq!(play(&format!("A='{nested}'; eval \"$A\"")), Some(2));
        // This one goes on for ever, as it does in a real shell, and lets time go on.
        assert_eq!(play("trap 'kill -TERM $$' TERM; kill -TERM $$"), None);
    }
}
