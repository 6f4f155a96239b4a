//! Which command gets which script: those that everybody has, and those that were registered.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::ProcessScript;

/// Created by the mock for scenarios: can be created, and fails to start.
const FAILS_AT_START: &str = "laconic-fail-at-start";

/// Scripts by command.
///
/// Known to every mock: `true`, `false`, `sleep N`, `sleep inf`, `echo …`, `cat` and
/// `sh -c 'exit N'`, also by a path such as `/bin/true`.
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
    /// Gives a command, by its first word, a script of its own.
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
        if let Some(script) = self.registered.get(first) {
            return Some(script.clone());
        }
        let words: Vec<&str> = argv.iter().skip(1).map(String::as_str).collect();
        let name = ["/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"]
            .iter()
            .find_map(|folder| first.strip_prefix(folder))
            .unwrap_or(first);
        match (name, words.as_slice()) {
            ("true", _) => Some(ProcessScript::exits(0)),
            ("false", _) => Some(ProcessScript::exits(1)),
            ("cat", []) => Some(ProcessScript::copies_stdin()),
            ("echo", words) => {
                Some(ProcessScript::exits(0).prints(format!("{}\n", words.join(" "))))
            }
            ("sleep", [duration]) => Some(sleep(duration)),
            ("sleep", _) => Some(ProcessScript::exits(1)),
            ("sh", ["-c", line]) => shell(line),
            (FAILS_AT_START, _) => {
                Some(ProcessScript::fails_to_start("the script says that it cannot start"))
            }
            _ => None,
        }
    }
}

fn sleep(duration: &str) -> ProcessScript {
    match duration {
        "inf" | "infinity" => ProcessScript::runs_until_killed(),
        seconds => match seconds.parse::<f64>().map(Duration::try_from_secs_f64) {
            Ok(Ok(duration)) => ProcessScript::exits(0).after(duration),
            _ => ProcessScript::exits(1),
        },
    }
}

/// A shell is not played: only `exit N` is understood, everything else is said to be missing.
fn shell(line: &str) -> Option<ProcessScript> {
    let status = line.trim().strip_prefix("exit")?.trim();
    let status: u32 = if status.is_empty() { 0 } else { status.parse().ok()? };
    Some(ProcessScript::exits(status & 0xff))
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

    fn found(line: &str) -> Option<ProcessScript> {
        let argv: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Scripts::default().find(&argv)
    }

    #[test]
    fn everyday_commands_are_known_and_others_are_missing() {
        assert_eq!(found("true"), Some(ProcessScript::exits(0)));
        assert_eq!(found("/bin/false"), Some(ProcessScript::exits(1)));
        assert_eq!(found("sleep inf"), Some(ProcessScript::runs_until_killed()));
        assert_eq!(found("echo a b"), Some(ProcessScript::exits(0).prints("a b\n")));
        assert_eq!(found("/no/such/binary"), None);
        let shell = ["sh", "-c", "exit 7"].map(str::to_owned);
        assert_eq!(Scripts::default().find(&shell), Some(ProcessScript::exits(7)));
    }

    #[test]
    fn a_registered_script_wins_and_a_file_is_read() {
        let text = "schema = 1\n[process.worker]\nexit = 3\nafter_ms = 5\noutput = \"hi\"\n";
        let scripts = Scripts::parse("p.toml", text).unwrap();
        let wanted = ProcessScript::exits(3).after(Duration::from_millis(5)).prints("hi");
        assert_eq!(scripts.find(&["worker".to_owned()]), Some(wanted));
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
