//! A small shell: what people write behind `sh -c` to keep a container busy, to end it with a
//! status, or to catch a signal. What it does not have it says, and ends with 2, as a shell does
//! over a line that it cannot read.

mod arithmetic;
mod builtins;
mod compound;
mod expand;
mod jobs;
mod lexer;
mod not_played;
#[cfg(test)]
mod observed;
mod options;
mod parser;
mod pattern;
mod play;
mod reading;
mod simple;
mod source;
mod split;
mod syntax;
mod traps;
mod variables;
mod words;

use super::actor::Actor;
use play::Shell;

/// `sh -c LINE [NAME [WORD…]]`, or lines from standard input.
pub(super) async fn run(actor: &Actor, words: &[&str]) -> u32 {
    let mut shell = Shell::new(actor.clone(), "sh");
    let (mut words, mut is_line) = (words, false);
    while let [word, rest @ ..] = words
        && word.len() > 1
        && word.starts_with(['-', '+'])
    {
        words = rest;
        if *word == "--" {
            break;
        }
        let is_set = |letter: &char| !"cils".contains(*letter);
        is_line |= word.contains('c') && word.starts_with('-');
        let letters: String = word[1..].chars().filter(is_set).collect();
        let option = format!("{}{letters}", &word[..1]);
        match shell.options.take(&[&[option.as_str()], words].concat()) {
            Ok(taken) => words = &words[taken.saturating_sub(1)..],
            Err(option) => {
                shell.complains(&format!("the mock's sh does not have {option}")).await;
                return 2;
            }
        }
    }
    match words {
        [line, rest @ ..] if is_line => {
            if let [name, params @ ..] = rest {
                shell.name = (*name).to_owned();
                shell.params = params.iter().map(|word| (*word).to_owned()).collect();
            }
            shell.whole(line).await
        }
        [] if is_line => {
            shell.complains("-c requires an argument").await;
            2
        }
        [] | ["-"] => shell.by_line().await,
        [file, ..] => {
            shell.complains(&format!("can't open '{file}': No such file or directory")).await;
            2
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use tokio::sync::watch;

    use super::super::actor;
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
            processes: actor::processes(),
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
                    "eval 'exit 3'", "eval", "f() {", "f", "f a b", "return 3", "local x=1", "case $i in", "a)",
                    ";;", "*)", "esac", "$(", "$((1+", "))", "`", "shift", "set -- a b", "set -u", "$1",
                    "${x:=y}", "${x%a}", "for i", "wait $!", "<<E", "\nE\n", "read -r a b", "seq 3", ">&2", "2>/dev/null", "[ $i = a ]",
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
            "f() { f; }; f",
            "f() { echo $(f); }; f; exit 2",
            "f() { ( f ) || exit 2; }; f",
            "f() { f | f || exit 2; }; f",
        ] {
            assert_eq!(play(line), Some(2), "{line}");
        }
        let nested = format!("{}eval \"$A\"{}", "( ".repeat(19), " )".repeat(19));
        assert_eq!(play(&format!("A='{nested}'; eval \"$A\"")), Some(2));
        // This one goes on for ever, as it does in a real shell, and lets time go on.
        assert_eq!(play("trap 'kill -TERM $$' TERM; kill -TERM $$"), None);
    }
}
