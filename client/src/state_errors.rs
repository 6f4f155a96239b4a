//! What containerd's untyped errors mean. Its shim raises plain errors, which reach the client as
//! `Unknown`; this table gives them the kind that their text names. Seen on 1.6, 1.7 and 2.1.

use tonic::Code;

/// Texts of wrong-state errors.
const WRONG_STATE: [&str; 10] = [
    "cannot start a ",
    "cannot pause ",
    "cannot resume ",
    "cannot exec in a ",
    "cannot delete a ",
    "cannot update a ",
    "cannot resize a ",
    "cannot checkpoint ",
    "process not created",
    "init process is not running",
];

/// The kind of an error with this code and text.
pub(crate) fn kind(code: Code, message: &str) -> Code {
    if code != Code::Unknown {
        return code;
    }
    if WRONG_STATE.iter().any(|text| message.contains(text)) {
        Code::FailedPrecondition
    } else {
        Code::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_states_are_told_from_other_unknown_errors() {
        let paused = "cannot exec in a paused state: unknown";
        assert_eq!(kind(Code::Unknown, paused), Code::FailedPrecondition);
        assert_eq!(kind(Code::Unknown, "ttrpc: closed: unknown"), Code::Unknown);
        assert_eq!(kind(Code::NotFound, "cannot start a running process"), Code::NotFound);
    }
}
