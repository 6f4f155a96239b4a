//! What came of a step.

use std::error::Error;

use serde_json::Value;
use tonic::{Code, Status};

/// The code and text of the end, and the messages before it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// As gRPC writes it, or `BLOCKS` when nothing came.
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) replies: Vec<Value>,
    /// Whether the error has details beside its text.
    pub(crate) details: bool,
}

impl Answer {
    pub(crate) fn ok(replies: Vec<Value>) -> Self {
        Self { code: "OK".to_owned(), replies, ..Self::default() }
    }

    pub(crate) fn blocks(replies: Vec<Value>) -> Self {
        Self { code: "BLOCKS".to_owned(), replies, ..Self::default() }
    }

    pub(crate) fn failed(status: &Status, replies: Vec<Value>) -> Self {
        // Whatever the transport makes of it: no answer of the server's came.
        if let Some(cause) = status.source() {
            let (code, message) = match own_deadline(cause) {
                true => ("DEADLINE_EXCEEDED", "context deadline exceeded"),
                false => ("UNAVAILABLE", "<transport broken>"),
            };
            let (code, message) = (code.to_owned(), message.to_owned());
            return Self { code, message, replies, details: false };
        }
        let (code, message) = (name(status.code()), status.message().to_owned());
        Self { code, message, replies, details: !status.details().is_empty() }
    }

    pub(crate) fn impossible(why: impl ToString) -> Self {
        let (code, message) = ("IMPOSSIBLE".to_owned(), why.to_string());
        Self { code, message, ..Self::default() }
    }

    pub(crate) fn last(&self) -> &Value {
        self.replies.last().unwrap_or(&Value::Null)
    }
}

/// Whether the call was given up here, because its time was over.
fn own_deadline(mut cause: &(dyn Error + 'static)) -> bool {
    while !cause.is::<tonic::TimeoutExpired>() {
        let Some(deeper) = cause.source() else { return false };
        cause = deeper;
    }
    true
}

/// `NOT_FOUND`, as the protocol writes it.
fn name(code: Code) -> String {
    if code == Code::Ok {
        return "OK".to_owned();
    }
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_uppercase());
    }
    name
}
