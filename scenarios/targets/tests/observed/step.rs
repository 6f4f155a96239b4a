//! The vocabulary of steps.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::case::Expect;

/// A step, its names filled in.
pub(crate) struct Step {
    pub(crate) verb: Verb,
    pub(crate) expect: Expect,
    /// Topics of the events that are awaited before the next step.
    pub(crate) until: Vec<String>,
    /// Parts of the last message that later steps name, as JSON pointers.
    pub(crate) save: BTreeMap<String, String>,
}

pub(crate) enum Verb {
    Rpc(Rpc),
    Await(Await),
    Open(Open),
    Send(Send),
    Next(Next),
    HalfClose(String),
    Break(String),
    /// Reads no more from a stream, until `Release`.
    Hold(String),
    Release(String),
    Subscribe(Subscribe),
    Received(String),
    Do(String, Map<String, Value>),
    Repeat(Repeat),
    Path(crate::files::Verb),
    Deed(Deed),
    Alive(Alive),
    Asleep(Asleep),
}

/// Where a call comes from.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Headers {
    /// Absent: the case's own. `null`: none. A list: several values.
    #[serde(deserialize_with = "given")]
    pub(crate) namespace: Option<Value>,
    pub(crate) lease: Option<String>,
    /// As gRPC writes it: `1u`.
    pub(crate) timeout: Option<String>,
}

/// Tells `null` from absent.
fn given<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// A call to its end. `as`: in the background, to be awaited by that name.
#[derive(Deserialize)]
pub(crate) struct Rpc {
    /// By its short name, or a path that begins with a slash.
    pub(crate) rpc: String,
    #[serde(default)]
    pub(crate) with: Value,
    /// Several messages, one after the other.
    pub(crate) send: Option<Vec<Value>>,
    /// Bytes in place of a message, in hexadecimal.
    pub(crate) raw: Option<String>,
    #[serde(flatten)]
    pub(crate) headers: Headers,
    pub(crate) within_ms: Option<u64>,
    #[serde(rename = "as")]
    pub(crate) background: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Await {
    pub(crate) r#await: String,
    pub(crate) within_ms: Option<u64>,
}

/// A stream that stays open, under a name.
#[derive(Deserialize)]
pub(crate) struct Open {
    pub(crate) open: String,
    pub(crate) r#as: String,
    #[serde(flatten)]
    pub(crate) headers: Headers,
}

/// Sends on an open stream, and reads one message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Send {
    pub(crate) send: String,
    pub(crate) with: Value,
    pub(crate) within_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Next {
    pub(crate) next: String,
    pub(crate) within_ms: Option<u64>,
}

#[derive(Deserialize)]
pub(crate) struct Subscribe {
    pub(crate) subscribe: String,
    #[serde(default)]
    pub(crate) filters: Vec<String>,
    #[serde(flatten)]
    pub(crate) headers: Headers,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repeat {
    pub(crate) repeat: u32,
    pub(crate) steps: Vec<Value>,
}

/// What is done to the server's own processes.
#[derive(Debug, Deserialize)]
#[serde(tag = "deed", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Deed {
    /// Ends the server when asked (SIGTERM); the tasks live on.
    Stop,
    /// Starts it again on what it had.
    Start,
    /// Kills the process between the server and a container.
    KillShim { container: String },
    /// Kills the container's own process, past the server.
    KillProcess { container: String, pid: i32 },
}

/// Whether a process lives.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alive {
    pub(crate) alive: u32,
}

/// Waits until these processes, as `Tasks/ListPids` tells them, are asleep.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asleep {
    pub(crate) asleep: Vec<Listed>,
}

#[derive(Deserialize)]
pub(crate) struct Listed {
    pub(crate) pid: u32,
}

impl Step {
    pub(crate) fn parse(json: &Value) -> Result<Self, String> {
        let mut fields =
            json.as_object().cloned().ok_or_else(|| format!("{json} is not a step"))?;
        let step = Self {
            expect: taken(&mut fields, "expect")?.unwrap_or_default(),
            until: taken(&mut fields, "until")?.unwrap_or_default(),
            save: taken(&mut fields, "save")?.unwrap_or_default(),
            verb: verb(fields)?,
        };
        Ok(step)
    }
}

fn taken<T: DeserializeOwned>(
    fields: &mut Map<String, Value>,
    name: &str,
) -> Result<Option<T>, String> {
    let value = fields.remove(name);
    value.map(|value| read(name, value)).transpose()
}

fn read<T: DeserializeOwned>(name: &str, value: Value) -> Result<T, String> {
    serde_json::from_value(value.clone()).map_err(|error| format!("{name}: {error} in {value}"))
}

fn verb(mut fields: Map<String, Value>) -> Result<Verb, String> {
    if let Some(name) = taken(&mut fields, "do")? {
        return Ok(Verb::Do(name, fields));
    }
    let named = |fields: &Map<String, Value>, name: &str| {
        fields[name].as_str().map(str::to_owned).ok_or_else(|| format!("{name} wants a name"))
    };
    let has = |name| fields.contains_key(name);
    let value = Value::Object(fields.clone());
    Ok(match () {
        () if has("rpc") => Verb::Rpc(read("rpc", value)?),
        () if has("await") => Verb::Await(read("await", value)?),
        () if has("open") => Verb::Open(read("open", value)?),
        () if has("send") => Verb::Send(read("send", value)?),
        () if has("next") => Verb::Next(read("next", value)?),
        () if has("half_close") => Verb::HalfClose(named(&fields, "half_close")?),
        () if has("break") => Verb::Break(named(&fields, "break")?),
        () if has("hold") => Verb::Hold(named(&fields, "hold")?),
        () if has("release") => Verb::Release(named(&fields, "release")?),
        () if has("subscribe") => Verb::Subscribe(read("subscribe", value)?),
        () if has("received") => Verb::Received(named(&fields, "received")?),
        () if has("repeat") => Verb::Repeat(read("repeat", value)?),
        () if has("deed") => Verb::Deed(read("deed", value)?),
        () if has("alive") => Verb::Alive(read("alive", value)?),
        () if has("asleep") => Verb::Asleep(read("asleep", value)?),
        () => Verb::Path(read("a verb", value)?),
    })
}
