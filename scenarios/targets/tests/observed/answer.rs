//! What came of a step.

use serde_json::Value;
use tonic::{Code, Status};

/// The code and text of the end, and the messages before it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// As gRPC writes it, or `BLOCKS` when nothing came.
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) replies: Vec<Value>,
}

impl Answer {
    pub(crate) fn ok(replies: Vec<Value>) -> Self {
        Self { code: "OK".to_owned(), message: String::new(), replies }
    }

    pub(crate) fn blocks(replies: Vec<Value>) -> Self {
        Self { code: "BLOCKS".to_owned(), message: String::new(), replies }
    }

    pub(crate) fn failed(status: &Status, replies: Vec<Value>) -> Self {
        // Whatever the transport makes of it: no answer of the server's came.
        if let Some(cause) = std::error::Error::source(status) {
            let broken = !cause.is::<tonic::TimeoutExpired>();
            if broken {
                let (code, message) = ("UNAVAILABLE".to_owned(), "<transport broken>".to_owned());
                return Self { code, message, replies };
            }
        }
        Self { code: name(status.code()), message: status.message().to_owned(), replies }
    }

    pub(crate) fn impossible(why: impl ToString) -> Self {
        let (code, message) = ("IMPOSSIBLE".to_owned(), why.to_string());
        Self { code, message, replies: Vec::new() }
    }

    pub(crate) fn last(&self) -> &Value {
        self.replies.last().unwrap_or(&Value::Null)
    }
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
