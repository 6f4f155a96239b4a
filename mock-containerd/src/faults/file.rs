//! Faults that somebody wrote: the TOML file, and the same by hand.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use toml::Spanned;

use super::Plan;
use super::fault::{Cut, DaemonFault, EventFault, Fault, NthCall, TasksAfter, When};
use crate::methods::known_method;
use crate::written::{Written, WrittenError};

/// What is to go wrong, and when.
///
/// ```
/// use mock_containerd::MockContainerd;
/// use mock_containerd::faults::Faults;
///
/// let text = r#"
/// seed = 7
/// [[rpc]]
/// on = "Tasks/Start"
/// plan = '1*off->2*error(unavailable:"x")->off'
/// when = "after"
/// "#;
/// let faults = Faults::parse("faults.toml", text)?;
/// let mock = MockContainerd::builder().faults(faults);
/// # Ok::<(), mock_containerd::WrittenError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Faults {
    pub(super) seed: u64,
    pub(super) rules: Vec<Rule>,
}

/// One fault, and who wrote it where.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) fault: Fault,
    pub(super) origin: Arc<str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    rpc: Vec<Spanned<RpcEntry>>,
    #[serde(default)]
    event: Vec<Spanned<EventEntry>>,
    #[serde(default)]
    cut: Vec<Spanned<CutEntry>>,
    #[serde(default)]
    daemon: Vec<Spanned<DaemonEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RpcEntry {
    #[serde(deserialize_with = "method_name")]
    on: String,
    #[serde(deserialize_with = "text")]
    plan: Plan,
    #[serde(default)]
    when: When,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventEntry {
    topic: String,
    nth: std::num::NonZeroU64,
    #[serde(rename = "do", deserialize_with = "text")]
    fault: EventFault,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CutEntry {
    #[serde(deserialize_with = "text")]
    after: NthCall,
    #[serde(deserialize_with = "text")]
    what: Cut,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DaemonEntry {
    #[serde(deserialize_with = "text")]
    after: NthCall,
    #[serde(rename = "do", deserialize_with = "text")]
    fault: DaemonFault,
    tasks: Option<TasksAfter>,
    then: Option<String>,
}

fn text<'de, D: Deserializer<'de>, T: TryFrom<String, Error = String>>(
    deserializer: D,
) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
}

fn method_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    known_method(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

impl DaemonEntry {
    fn fault(self) -> Result<Fault, String> {
        let fault = match (self.fault, self.tasks, self.then) {
            (DaemonFault::Restart(_), tasks, None) => {
                DaemonFault::Restart(tasks.unwrap_or_default())
            }
            (DaemonFault::HangShim(id, _), None, then) => {
                let back = then.as_deref().map(DaemonFault::back).transpose()?;
                DaemonFault::HangShim(id, back)
            }
            (fault @ DaemonFault::KillShim(_), None, None) => fault,
            (_, Some(_), _) => return Err("tasks goes with restart alone".to_owned()),
            (_, _, Some(_)) => return Err("then goes with hang-shim alone".to_owned()),
        };
        Ok(Fault::Daemon { after: self.after, fault })
    }
}

impl Faults {
    /// Reads what somebody wrote. `name` is the file's, for errors and for the list of what fired.
    pub fn parse(name: &str, text: &str) -> Result<Self, WrittenError> {
        let written = Written::new(name, text);
        let file: File = written.read()?;
        let mut faults = Self::default().seed(file.seed);
        let mut keep = |span: std::ops::Range<usize>, fault| {
            let line = written.line(span.start);
            faults.rules.push(Rule { fault, origin: format!("{name}:{line}").into() });
        };
        for entry in file.rpc {
            let (span, entry) = (entry.span(), entry.into_inner());
            keep(span, Fault::Rpc { on: entry.on, plan: entry.plan, when: entry.when });
        }
        for entry in file.event {
            let (span, EventEntry { topic, nth, fault }) = (entry.span(), entry.into_inner());
            keep(span, Fault::Event { topic, nth: nth.get(), fault });
        }
        for entry in file.cut {
            let (span, CutEntry { after, what }) = (entry.span(), entry.into_inner());
            keep(span, Fault::Cut { after, what });
        }
        for entry in file.daemon {
            let (span, entry) = (entry.span(), entry.into_inner());
            let fault = entry.fault().map_err(|what| written.wrong(span.start, what))?;
            keep(span, fault);
        }
        Ok(faults)
    }

    /// Where something is drawn, it is drawn by this.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// A plan for the calls of a method. An error names what is not understood.
    pub fn rpc(mut self, on: &str, when: When, plan: &str) -> Result<Self, String> {
        self.push(Fault::Rpc { on: known_method(on)?, plan: plan.parse()?, when });
        Ok(self)
    }

    /// Does something to the n-th event of a topic.
    #[must_use]
    pub fn event(mut self, topic: &str, nth: u64, fault: EventFault) -> Self {
        self.push(Fault::Event { topic: topic.to_owned(), nth, fault });
        self
    }

    /// Cuts something once a call has been answered.
    #[must_use]
    pub fn cut(mut self, after: NthCall, what: Cut) -> Self {
        self.push(Fault::Cut { after, what });
        self
    }

    /// Does something to the daemon or a shim once a call has been answered.
    #[must_use]
    pub fn daemon(mut self, after: NthCall, fault: DaemonFault) -> Self {
        self.push(Fault::Daemon { after, fault });
        self
    }

    /// Whether any of it is done to a daemon or its shims, and not to calls, connections and events alone.
    pub fn want_a_daemon(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule.fault, Fault::Daemon { .. }))
    }

    fn push(&mut self, fault: Fault) {
        self.rules.push(Rule { fault, origin: "by hand".into() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the file format.
    const EVERYTHING: &str = r#"seed = 7
[[rpc]]
on = "Tasks/Start"
plan = '1*off->2*error(unavailable:"x")->delay(50ms)->off'
when = "before"
[[event]]
topic = "/tasks/exit"
nth = 2
do = "lose"
[[cut]]
after = "Tasks/Create#1"
what = "connection"
[[daemon]]
after = "Tasks/Start#3"
do = "restart"
tasks = "kept"
[[daemon]]
after = "Tasks/Start#4"
do = "hang-shim:c0"
then = "back(5s)"
"#;

    #[test]
    fn every_kind_of_fault_is_read_and_knows_its_line() {
        let faults = Faults::parse("f.toml", EVERYTHING).unwrap();
        assert_eq!(faults.seed, 7);
        let read: Vec<String> =
            faults.rules.iter().map(|rule| format!("{} {}", rule.origin, rule.fault)).collect();
        assert_eq!(
            read,
            [
                "f.toml:2 1*off->2*error(unavailable:\"x\")->delay(50ms)->off before Tasks/Start",
                "f.toml:6 lose /tasks/exit#2",
                "f.toml:10 cut connection after Tasks/Create#1",
                "f.toml:13 restart, tasks kept after Tasks/Start#3",
                "f.toml:17 hang-shim:c0, then back(5s) after Tasks/Start#4",
            ]
        );
    }

    #[test]
    fn what_is_not_understood_is_told_with_file_and_line() {
        for (from, to, error) in [
            ("seed", "sede", "f.toml:1: unknown field `sede`"),
            ("topic =", "topics =", "f.toml:7: unknown field `topics`"),
            ("on = \"Tasks/Start\"", "on = \"Tasks/Strat\"", "f.toml:3: there is no method"),
            ("2*error", "2*eror", "f.toml:4: off, delay(…) or error(…) is expected where"),
            ("\"before\"", "\"during\"", "f.toml:5: unknown variant `during`"),
            ("nth = 2", "nth = 0", "f.toml:8: invalid value"),
            ("\"lose\"", "\"loose\"", "f.toml:9: \"loose\" is not lose, duplicate"),
            ("Create#1", "Create", "f.toml:11: \"Tasks/Create\" names no call"),
            ("\"connection\"", "\"conn\"", "f.toml:12: \"conn\" is not connection or"),
            ("do = \"restart\"", "do = \"kill-shim:c0\"", "f.toml:13: tasks goes with restart"),
            ("back(5s)", "forth", "f.toml:17: \"forth\" is not back or back(…)"),
        ] {
            let text = EVERYTHING.replacen(from, to, 1);
            let told = Faults::parse("f.toml", &text).unwrap_err().to_string();
            assert!(told.starts_with(error), "{from} → {to}: {told}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_file_makes_it_panic(text in "\\PC{0,80}") {
            let _ = Faults::parse("f.toml", &text);
        }
    }
}
