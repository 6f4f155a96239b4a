//! What containerd's untyped errors mean. Its shims raise plain errors, which reach a client as
//! `Unknown`; this table gives them the kind that their text names.
//!
//! A text is looked for anywhere in the message, and the first rule that fits decides. It is held
//! against every such message that was observed on containerd 1.6, 1.7 and 2.1.

use tonic::Code;

use super::Kind;

/// A text, and the kind of the errors that have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What stands in the message.
    pub text: &'static str,
    /// What such an error means.
    pub kind: Kind,
}

const fn rule(text: &'static str, kind: Kind) -> Rule {
    Rule { text, kind }
}

/// All rules, in the order in which they are tried.
pub const TABLE: &[Rule] = &[
    // The state machine of tasks and execs.
    rule("cannot start a ", Kind::FailedPrecondition),
    rule("cannot pause ", Kind::FailedPrecondition),
    rule("cannot resume ", Kind::FailedPrecondition),
    rule("cannot exec in a ", Kind::FailedPrecondition),
    rule("cannot delete a ", Kind::FailedPrecondition),
    rule("cannot update a ", Kind::FailedPrecondition),
    rule("cannot resize a ", Kind::FailedPrecondition),
    rule("cannot checkpoint a", Kind::FailedPrecondition),
    rule("process not created", Kind::FailedPrecondition),
    rule("init process is not running", Kind::FailedPrecondition),
];

/// The kind of an error with this code and text: the code's own, unless that is `Unknown`.
///
/// ```
/// use laconic_client::{Code, Kind, state_errors};
///
/// let paused = "cannot exec in a paused state: unknown";
/// assert_eq!(state_errors::kind(Code::Unknown, paused), Kind::FailedPrecondition);
/// assert_eq!(state_errors::kind(Code::NotFound, paused), Kind::NotFound);
/// ```
pub fn kind(code: Code, message: &str) -> Kind {
    if code != Code::Unknown {
        return code.into();
    }
    let found = TABLE.iter().find(|rule| message.contains(rule.text));
    found.map_or(Kind::Unknown, |rule| rule.kind)
}
