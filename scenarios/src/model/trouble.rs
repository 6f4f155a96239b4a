//! What is made to go wrong within a case, at the next occasion: written as in files of faults.

use serde::{Deserialize, Serialize};

use super::moves::container_id;

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Trouble {
    /// The next event of a topic comes twice, or late.
    Event {
        /// Its topic.
        event: String,
        /// What is done to it.
        #[serde(rename = "do")]
        done: String,
    },
    /// The next call of a method fails.
    Rpc {
        /// Its method.
        rpc: String,
        /// With which code.
        error: String,
        /// Whether it has been carried out.
        when: String,
    },
    /// After the next call of a method a connection or a stream ends.
    Cut {
        /// What.
        cut: String,
        /// After what.
        after: String,
    },
    /// After the next call of a method the daemon restarts.
    Daemon {
        /// What becomes of the tasks: `kept` or `lost`.
        restart: String,
        /// After what.
        after: String,
    },
    /// After the next call of a method a shim dies or hangs for a moment.
    Shim {
        /// `kill` or `hang`.
        shim: String,
        /// Whose.
        c: u8,
        /// After what.
        after: String,
    },
}

/// How long a shim hangs: shorter than anybody's patience with it.
const HANGS: &str = "back(300ms)";

impl Trouble {
    /// As a file of faults says it.
    pub fn file(&self) -> String {
        match self {
            Self::Event { event, done } => {
                format!("[[event]]\ntopic = {event:?}\nnth = 1\ndo = {done:?}\n")
            }
            Self::Rpc { rpc, error, when } => {
                let plan = format!("1*error({error})");
                format!("[[rpc]]\non = {rpc:?}\nplan = {plan:?}\nwhen = {when:?}\n")
            }
            Self::Cut { cut, after } => {
                format!("[[cut]]\nafter = \"{after}#1\"\nwhat = {cut:?}\n")
            }
            Self::Daemon { restart, after } => format!(
                "[[daemon]]\nafter = \"{after}#1\"\ndo = \"restart\"\ntasks = {restart:?}\n"
            ),
            Self::Shim { shim, c, after } => {
                let then =
                    if shim == "hang" { format!("then = {HANGS:?}\n") } else { String::new() };
                let id = container_id(*c);
                format!("[[daemon]]\nafter = \"{after}#1\"\ndo = \"{shim}-shim:{id}\"\n{then}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_wrong_is_written_as_files_of_faults_have_it() {
        let word = str::to_owned;
        let shim = |shim| Trouble::Shim { shim: word(shim), c: 1, after: word("Tasks/Start") };
        let all = [
            Trouble::Event { event: word("/tasks/exit"), done: word("duplicate") },
            Trouble::Rpc {
                rpc: word("Tasks/Kill"),
                error: word("unavailable"),
                when: word("after"),
            },
            Trouble::Cut { cut: word("stream"), after: word("Tasks/Start") },
            Trouble::Daemon { restart: word("lost"), after: word("Tasks/Start") },
            shim("kill"),
            shim("hang"),
        ];
        insta::assert_snapshot!(all.map(|one| one.file()).join("\n"));
    }
}
