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
    rule("container not paused", Kind::FailedPrecondition),
    rule("init process is not running", Kind::FailedPrecondition),
    rule("namespace is required", Kind::FailedPrecondition),
    // The task ended while runc was on its way into it.
    rule("unable to create new parent process: namespace path", Kind::FailedPrecondition),
    // The shim is gone, or did not answer.
    rule("ttrpc: closed", Kind::Unavailable),
    rule("context deadline exceeded", Kind::DeadlineExceeded),
    rule("context canceled", Kind::Cancelled),
    // Checkpoints: of these two the first wants something installed.
    rule("CRIU version check failed", Kind::Unimplemented),
    rule("criu failed", Kind::Internal),
    rule("checkpoint option", Kind::InvalidArgument),
    rule("unsupported checkpoint type", Kind::InvalidArgument),
    rule("runc did not terminate successfully: exit status 1: mkdir", Kind::InvalidArgument),
    rule("content digest ", Kind::NotFound),
    // Of a task that is to go on from one, before it is started.
    rule("container does not exist", Kind::FailedPrecondition),
    // What is to be run cannot be: as dockerd, which says 127 to it, InvalidArgument. Not NotFound:
    // the container is there.
    rule("unable to start container process", Kind::InvalidArgument),
    rule("executable file not found", Kind::InvalidArgument),
    rule("binary not installed", Kind::InvalidArgument),
    rule("invalid custom binary path", Kind::InvalidArgument),
    rule("invalid runtime name", Kind::InvalidArgument),
    rule("process property must not be empty", Kind::InvalidArgument),
    rule("cannot allocate tty if runc", Kind::InvalidArgument),
    rule("cannot use console socket if runc", Kind::InvalidArgument),
    rule("unable to signal init: invalid argument", Kind::InvalidArgument),
    // Its streams and its root.
    rule("unable to copy pipes", Kind::InvalidArgument),
    rule("unknown STDIO scheme", Kind::InvalidArgument),
    rule("failed to start binary process", Kind::InvalidArgument),
    rule("failed to mount rootfs component", Kind::InvalidArgument),
    // Payloads.
    rule("invalid character ", Kind::InvalidArgument),
    rule("type with url ", Kind::InvalidArgument),
    rule("filters: parse error", Kind::InvalidArgument),
    rule("cannot parse invalid wire-format", Kind::InvalidArgument),
    rule("no processor for media-type", Kind::Unimplemented),
    // Sandboxes, and the runtimes of their shims.
    rule("unable to find sandbox", Kind::NotFound),
    rule("can't find sandbox", Kind::NotFound),
    rule("failed to get exit channel", Kind::NotFound),
    rule("sandbox can not be nil", Kind::InvalidArgument),
    rule("no runtime name", Kind::InvalidArgument),
    rule("failed to unmarshal", Kind::InvalidArgument),
    // Registries: first what is no reference to an image in one.
    rule("hostname required", Kind::InvalidArgument),
    rule("object required", Kind::InvalidArgument),
    rule("unrecognized image format", Kind::InvalidArgument),
    rule("invalid port", Kind::InvalidArgument),
    rule("connection refused", Kind::Unavailable),
    // The metadata store, and files.
    rule("key required", Kind::InvalidArgument),
    rule("bucket name required", Kind::InvalidArgument),
    rule("incompatible value", Kind::InvalidArgument),
    rule("bucket not found", Kind::NotFound),
    rule("already exists", Kind::AlreadyExists),
    rule("file exists", Kind::AlreadyExists),
    rule("no such file or directory", Kind::Internal),
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
