//! Which command gets which script: those that everybody has, and those that were registered.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::{ProcessScript, commands};

/// Created by the mock for scenarios: can be created, and fails to start.
const FAILS_AT_START: &str = "laconic-fail-at-start";

/// Scripts by command.
///
/// Known to every mock, also by a path such as `/bin/true` and behind `busybox`: `true`, `false`,
/// `sleep`, `echo`, `printf`, `cat` of standard input, `env`, `printenv`, `pwd`, `hostname`, `id`,
/// `whoami`, `seq`, `yes`, `test`, `stty size`, `tail -f /dev/null`, and `sh -c` with a small
/// shell: `;` `&&` `||` `|` `&` `!`, `if`, `while`, `until`, `for`, groups and subshells,
/// variables, `trap`, `wait`, `kill`, `exit`, `exec`, `set -e`, and redirections to 1, 2 and
/// `/dev/null`. What that shell does not have it says on standard error, and ends with 2. There
/// are no files.
#[derive(Clone, Debug, Default)]
pub struct Scripts {
    registered: BTreeMap<String, ProcessScript>,
}

/// Why a file of scripts cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct ScriptError {
    file: String,
    line: usize,
    what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    #[serde(default)]
    process: BTreeMap<String, Entry>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Entry {
    exit: Option<u32>,
    after_ms: u64,
    output: String,
    on_term: Option<u32>,
    fails_to_start: Option<String>,
}

impl Scripts {
    /// Gives a command a script of its own: by its first word, or by the last part of its path.
    pub fn register(&mut self, command: impl Into<String>, script: ProcessScript) {
        self.registered.insert(command.into(), script);
    }

    /// Reads scripts that somebody wrote: `[process.NAME]` with `exit`, `after_ms`, `output`,
    /// `on_term`, `fails_to_start`. Without `exit` a process runs until it is killed.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScriptError> {
        let failed = |line, what: String| ScriptError { file: name.to_owned(), line, what };
        let file: File = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            failed(1 + text[..offset].matches('\n').count(), error.message().to_owned())
        })?;
        if file.schema != 1 {
            return Err(failed(1, "this version reads schema = 1".to_owned()));
        }
        let mut scripts = Self::default();
        for (command, entry) in file.process {
            scripts.register(command, entry.script());
        }
        Ok(scripts)
    }

    /// The script of a command; `None`: there is no such binary.
    pub(crate) fn find(&self, argv: &[String]) -> Option<ProcessScript> {
        let first = argv.first()?;
        let name = first.rsplit('/').next().unwrap_or(first);
        let registered = self.registered.get(first).or_else(|| self.registered.get(name));
        if let Some(script) = registered {
            return Some(script.clone());
        }
        if name == FAILS_AT_START {
            let cause = "the script says that it cannot start";
            return Some(ProcessScript::fails_to_start(cause));
        }
        commands::known(argv).map(ProcessScript::command)
    }
}

impl Entry {
    fn script(self) -> ProcessScript {
        let script = match (self.fails_to_start, self.exit) {
            (Some(cause), _) => ProcessScript::fails_to_start(cause),
            (None, Some(status)) => {
                ProcessScript::exits(status).after(Duration::from_millis(self.after_ms))
            }
            (None, None) => ProcessScript::runs_until_killed(),
        };
        let script = script.prints(self.output);
        match self.on_term {
            Some(status) => script.ends_on_term(status),
            None => script,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn argv(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn everyday_commands_are_known_and_others_are_missing() {
        let scripts = Scripts::default();
        for (line, plays) in [
            ("true", "true"),
            ("/bin/false", "false"),
            ("sleep inf", "sleep inf"),
            ("/bin/busybox sleep 1", "sleep 1"),
            ("/bin/bash -c true", "sh -c true"),
        ] {
            let wanted = ProcessScript::command(argv(plays));
            assert_eq!(scripts.find(&argv(line)), Some(wanted), "{line}");
        }
        for line in ["", "/no/such/binary", "/opt/true", "busybox", "busybox nosuch"] {
            assert_eq!(scripts.find(&argv(line)), None, "{line}");
        }
    }

    #[test]
    fn a_registered_script_wins_and_a_file_is_read() {
        let text = "schema = 1\n[process.worker]\nexit = 3\nafter_ms = 5\noutput = \"hi\"\n";
        let scripts = Scripts::parse("p.toml", text).unwrap();
        let wanted = ProcessScript::exits(3).after(Duration::from_millis(5)).prints("hi");
        assert_eq!(scripts.find(&["worker".to_owned()]), Some(wanted.clone()));
        assert_eq!(scripts.find(&["/opt/worker".to_owned()]), Some(wanted));
    }

    #[test]
    fn an_unknown_key_is_told_with_file_and_line() {
        let error = Scripts::parse("p.toml", "schema = 1\n[process.w]\nexits = 3\n").unwrap_err();
        assert!(error.to_string().starts_with("p.toml:3: unknown field"), "{error}");
    }

    proptest! {
        #[test]
        fn no_command_makes_it_panic(argv in proptest::collection::vec("[ -~]{0,12}", 0..4)) {
            let _ = Scripts::default().find(&argv);
        }
    }
}
