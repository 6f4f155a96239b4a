//! Messages of one call: what is sent, read back as JSON.

use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::call::Call;
use crate::pool;
use crate::step::Rpc;
use crate::wire;

/// A call that stays open, and what its messages are.
pub(crate) struct Open {
    pub(crate) call: Call,
    pub(crate) input: MessageDescriptor,
    pub(crate) output: MessageDescriptor,
    /// What was subscribed to passes this besides.
    pub(crate) probe: String,
}

/// What a step sends, as bytes.
pub(crate) fn messages(rpc: &Rpc, input: Option<&MessageDescriptor>) -> Result<Vec<Bytes>, String> {
    if let Some(raw) = &rpc.raw {
        return Ok(vec![pool::unhex(raw)?.into()]);
    }
    let Some(input) = input else { return Ok(vec![Bytes::new()]) };
    let one = [if rpc.with.is_null() { json!({}) } else { rpc.with.clone() }];
    let all = rpc.send.as_deref().unwrap_or(&one);
    all.iter().map(|json| Ok(wire::message(input, json)?.encode_to_vec().into())).collect()
}

/// All messages, until the call ends.
pub(crate) async fn to_the_end(
    mut call: Call,
    output: Option<MessageDescriptor>,
    limit: Duration,
) -> Answer {
    let mut replies = Vec::new();
    let reading = async {
        while let Some(reply) = call.next().await {
            match reply {
                Ok(bytes) => replies.push(shown(output.as_ref(), bytes)),
                Err(status) => return Some(status),
            }
        }
        None
    };
    match tokio::time::timeout(limit, reading).await {
        Err(_) => Answer::blocks(replies),
        Ok(None) => Answer::ok(replies),
        Ok(Some(status)) => Answer::failed(&status, replies),
    }
}

fn shown(output: Option<&MessageDescriptor>, bytes: Bytes) -> Value {
    let raw = json!({ "raw": pool::hex(&bytes) });
    let Some(output) = output else { return raw };
    DynamicMessage::decode(output.clone(), bytes).map_or(raw, |message| wire::shown(&message))
}

pub(crate) async fn next_bytes(
    open: &mut Open,
    limit: Duration,
) -> Result<Option<Bytes>, Box<Answer>> {
    match tokio::time::timeout(limit, open.call.next()).await {
        Err(_) => Err(Box::new(Answer::blocks(Vec::new()))),
        Ok(None) => Ok(None),
        Ok(Some(Ok(bytes))) => Ok(Some(bytes)),
        Ok(Some(Err(status))) => Err(Box::new(Answer::failed(&status, Vec::new()))),
    }
}

/// The next message of an open stream; no message at its good end.
pub(crate) async fn next(open: &mut Open, limit: Duration) -> Answer {
    match next_bytes(open, limit).await {
        Err(answer) => *answer,
        Ok(None) => Answer::ok(Vec::new()),
        Ok(Some(bytes)) => Answer::ok(vec![shown(Some(&open.output), bytes)]),
    }
}
