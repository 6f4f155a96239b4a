//! Scripts that people write into a TOML file, schema 1.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use toml::Spanned;

use super::{ProcessScript, Reaction, Scripts, signal};
use crate::written::{Written, WrittenError};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: Spanned<u32>,
    #[serde(default)]
    process: BTreeMap<String, Spanned<Entry>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Entry {
    exit: Option<u8>,
    after_ms: Option<u64>,
    output: String,
    error_output: String,
    runs: Option<String>,
    fails_to_start: Option<String>,
    oom_after_ms: Option<u64>,
    forks: u32,
    on: BTreeMap<Caught, Answer>,
}

/// A signal that can be handled, by its name or number.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Caught(String);

impl<'de> Deserialize<'de> for Caught {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        match signal::number(&name) {
            None => Err(D::Error::custom(format!("there is no signal {name:?}"))),
            Some(number) if !signal::can_be_handled(number) => {
                Err(D::Error::custom(format!("nobody can handle {name}")))
            }
            Some(_) => Ok(Self(name)),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    exit: Option<u8>,
    #[serde(default)]
    after_ms: u64,
    #[serde(default)]
    output: String,
}

impl Scripts {
    /// Reads scripts that somebody wrote. Without `exit` a process runs until it is killed.
    ///
    /// ```
    /// let scripts = mock_containerd::Scripts::parse("processes.toml", r#"
    /// schema = 1
    /// [process.worker]
    /// output       = "ready\n"       # at once, on standard output
    /// error_output = "careful\n"     # at once, on standard error
    /// exit         = 3               # by itself, with this status
    /// after_ms     = 50              # after so long
    ///
    /// [process.server]
    /// forks = 2                      # so many more pids in Tasks/ListPids
    /// [process.server.on]            # what it does about signals
    /// TERM = { exit = 0, after_ms = 100, output = "closing\n" }
    /// HUP  = { output = "reloaded\n" }
    ///
    /// [process.greedy]
    /// oom_after_ms = 10              # /tasks/oom, then an exit with 137
    ///
    /// [process.broken]
    /// fails_to_start = "no such device"
    ///
    /// [process.entrypoint]
    /// runs = "trap 'exit 4' TERM; while true; do sleep 1; done"
    /// "#)?;
    /// # Ok::<(), mock_containerd::WrittenError>(())
    /// ```
    pub fn parse(name: &str, text: &str) -> Result<Self, WrittenError> {
        let written = Written::new(name, text);
        let file: File = written.read()?;
        if *file.schema.get_ref() != 1 {
            return Err(written.wrong(file.schema.span().start, "this version reads schema = 1"));
        }
        let mut scripts = Self::default();
        for (command, entry) in file.process {
            let at = entry.span().start;
            let script = entry.into_inner().script();
            scripts.register(
                &command,
                script.map_err(|what| written.wrong(at, format!("process {command}: {what}")))?,
            );
        }
        Ok(scripts)
    }
}

impl Entry {
    fn script(self) -> Result<ProcessScript, String> {
        let told = [
            ("runs", self.runs.is_some()),
            ("fails_to_start", self.fails_to_start.is_some()),
            ("exit", self.exit.is_some()),
        ];
        let told: Vec<&str> = told.iter().filter(|(_, told)| *told).map(|(key, _)| *key).collect();
        if let [one, other, ..] = told.as_slice() {
            return Err(format!("{one} and {other} cannot both be"));
        }
        if self.after_ms.is_some() && self.exit.is_none() {
            return Err("after_ms says when it exits, and nothing says with what".to_owned());
        }
        let says = !self.output.is_empty() || !self.error_output.is_empty() || !self.on.is_empty();
        let script = match (self.runs, self.fails_to_start, self.exit) {
            (Some(_), _, _) if says => {
                return Err("what runs prints for itself, and sets its own traps".to_owned());
            }
            (Some(line), _, _) => ProcessScript::runs(line),
            (_, Some(cause), _) => ProcessScript::fails_to_start(cause),
            (_, _, Some(status)) => {
                let after = Duration::from_millis(self.after_ms.unwrap_or_default());
                ProcessScript::exits(status.into()).after(after)
            }
            _ => ProcessScript::runs_until_killed(),
        };
        let mut script =
            script.prints(self.output).prints_error(self.error_output).forks(self.forks);
        if let Some(after_ms) = self.oom_after_ms {
            script = script.runs_out_of_memory(Duration::from_millis(after_ms));
        }
        for (Caught(name), answer) in self.on {
            let reaction = answer
                .exit
                .map_or_else(Reaction::continues, |status| Reaction::exits(status.into()));
            let after = Duration::from_millis(answer.after_ms);
            script = script.on(&name, reaction.after(after).prints(answer.output));
        }
        Ok(script)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> ProcessScript {
        let scripts = Scripts::parse("p.toml", &format!("schema = 1\n{text}")).unwrap();
        scripts.find(&["p".to_owned()], Some("/bin")).expect("the file has it")
    }

    fn refused(text: &str) -> String {
        Scripts::parse("p.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn each_key_makes_what_the_library_makes() {
        let ms = Duration::from_millis;
        assert_eq!(
            read("[process.p]\nexit = 3\nafter_ms = 5\noutput = \"o\"\nerror_output = \"e\""),
            ProcessScript::exits(3).after(ms(5)).prints("o").prints_error("e")
        );
        assert_eq!(
            read("[process.p]\nforks = 2\n[process.p.on]\nTERM = {exit = 0, after_ms = 9}\n1 = {}"),
            ProcessScript::runs_until_killed()
                .forks(2)
                .on("TERM", Reaction::exits(0).after(ms(9)))
                .on("HUP", Reaction::continues())
        );
        let greedy = ProcessScript::runs_until_killed().runs_out_of_memory(ms(7));
        assert_eq!(read("[process.p]\noom_after_ms = 7"), greedy);
        assert_eq!(read("[process.p]\nruns = \"exit 2\""), ProcessScript::runs("exit 2"));
    }

    #[test]
    fn what_is_wrong_is_told_with_file_and_line() {
        for (text, wanted) in [
            ("schema = 2", "p.toml:1: this version reads schema = 1"),
            ("schema = 1\n[process.w]\nexits = 3", "p.toml:3: unknown field"),
            ("schema = 1\n[process.w]\nexit = 256", "p.toml:3: invalid value"),
            ("schema = 1\n[process.w.on]\nNOSUCH = {}", "p.toml:3: there is no signal"),
            ("schema = 1\n[process.w.on]\nKILL = {}", "p.toml:3: nobody can handle KILL"),
            ("schema = 1\n\n[process.w]\nafter_ms = 1", "p.toml:3: process w: after_ms says"),
            (
                "schema = 1\n[process.w]\nexit = 1\nruns = \"\"",
                "p.toml:2: process w: runs and exit",
            ),
            ("schema = 1\n[process.w]\nexit = 1\nexit = 2", "p.toml:4: duplicate key"),
        ] {
            assert!(refused(text).starts_with(wanted), "{text:?}: {}", refused(text));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(
            lines in proptest::collection::vec(
                proptest::sample::select(vec![
                    "schema = 1", "[process.p]", "[process.p.on]", "exit = 1", "on.TERM = {}",
                    "after_ms = -1", "é = 1", "\"", "TERM = {exit = 1}", "forks = 2", "=", "",
                ]),
                0..8,
            ),
        ) {
            let _ = Scripts::parse("p.toml", &lines.join("\n"));
        }
    }
}
