//! Events as they came, kept apart by case.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prost_reflect::DynamicMessage;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;

use crate::call::Call;
use crate::pool;
use crate::wire::shown;

/// Topics of ours: what a case is not asked for.
pub(crate) const OURS: &str = "/laconic/";
const FENCE: &str = "/laconic/fence";

/// Events of one case.
pub(crate) struct Log {
    namespace: String,
    more: Vec<String>,
    events: watch::Sender<Vec<Value>>,
    fences: watch::Sender<u32>,
}

impl Log {
    fn concerns(&self, namespace: &str) -> bool {
        owns(&self.namespace, namespace) || self.more.iter().any(|more| more == namespace)
    }

    pub(crate) fn len(&self) -> usize {
        self.events.borrow().len()
    }

    pub(crate) fn since(&self, start: usize) -> Vec<Value> {
        self.events.borrow()[start..].to_vec()
    }

    /// Done when there are as many; false at the limit.
    pub(crate) async fn reaches(&self, count: usize, limit: Duration) -> bool {
        let mut events = self.events.subscribe();
        let reached = events.wait_for(|events| events.len() >= count);
        matches!(tokio::time::timeout(limit, reached).await, Ok(Ok(_)))
    }
}

/// Whether a namespace is a case's: its own, or one that is named after it.
pub(crate) fn owns(case: &str, namespace: &str) -> bool {
    namespace.strip_prefix(case).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// One subscription for all cases.
pub(crate) struct Watcher {
    logs: Arc<Mutex<Vec<Arc<Log>>>>,
    listening: JoinHandle<()>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Watcher {
    /// Subscribes, and proves the subscription live: servers say nothing before the first event,
    /// and may lose what is published meanwhile.
    pub(crate) async fn start(channel: &Channel) -> Self {
        let logs: Arc<Mutex<Vec<Arc<Log>>>> = Arc::default();
        let path = "/containerd.services.events.v1.Events/Subscribe";
        let mut call = Call::open(channel.clone(), path, MetadataMap::new());
        call.send(bytes::Bytes::new());
        call.half_close();
        let listening = tokio::spawn(listen(call, logs.clone()));
        let watcher = Self { logs, listening };
        let log = watcher.log("laconic-probe", &[]);
        let mut patience = Duration::from_millis(20);
        while !watcher.fence(channel, &log, patience).await {
            assert!(patience < Duration::from_secs(10), "no probe came back from the server");
            patience *= 2;
        }
        watcher
    }

    /// Begins to keep what concerns a case.
    pub(crate) fn log(&self, namespace: &str, more: &[String]) -> Arc<Log> {
        let log = Arc::new(Log {
            namespace: namespace.to_owned(),
            more: more.to_vec(),
            events: watch::Sender::default(),
            fences: watch::Sender::default(),
        });
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).push(log.clone());
        log
    }

    /// Keeps on with a log that was another watcher's.
    pub(crate) fn adopt(&self, log: &Arc<Log>) {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).push(log.clone());
    }

    pub(crate) fn forget(&self, log: &Arc<Log>) {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        logs.retain(|one| !Arc::ptr_eq(one, log));
    }

    /// Done when everything that was published until now has come; false when nothing came.
    pub(crate) async fn fence(&self, channel: &Channel, log: &Log, limit: Duration) -> bool {
        let mut fences = log.fences.subscribe();
        let before = *fences.borrow_and_update();
        if !publish(channel, &log.namespace, FENCE).await {
            return false;
        }
        let come = fences.wait_for(|fences| *fences > before);
        matches!(tokio::time::timeout(limit, come).await, Ok(Ok(_)))
    }
}

/// Publishes an event of ours.
pub(crate) async fn publish(channel: &Channel, namespace: &str, topic: &str) -> bool {
    let path = "/containerd.services.events.v1.Events/Publish";
    let of = pool::message("containerd.services.events.v1.PublishRequest");
    let json = json!({ "topic": topic, "event": { "type_url": "laconic.Fence" } });
    let message = crate::wire::message(&of.expect("containerd has it"), &json);
    let mut headers = MetadataMap::new();
    headers.insert("containerd-namespace", namespace.parse().expect("a case's name is a header"));
    let mut call = Call::open(channel.clone(), path, headers);
    call.send(prost::Message::encode_to_vec(&message.expect("it is one")).into());
    call.half_close();
    matches!(call.next().await, Some(Ok(_)))
}

async fn listen(mut call: Call, logs: Arc<Mutex<Vec<Arc<Log>>>>) {
    while let Some(Ok(bytes)) = call.next().await {
        let event = told(&bytes);
        let namespace = event["namespace"].as_str().unwrap_or_default();
        let logs = logs.lock().unwrap_or_else(PoisonError::into_inner);
        for log in logs.iter().filter(|log| log.concerns(namespace)) {
            match event["topic"].as_str() {
                Some(FENCE) => log.fences.send_modify(|fences| *fences += 1),
                Some(topic) if topic.starts_with(OURS) => {}
                _ => log.events.send_modify(|events| events.push(event.clone())),
            }
        }
    }
}

/// An envelope with the event's own fields beside its topic.
pub(crate) fn told(envelope: &bytes::Bytes) -> Value {
    let of = pool::message("containerd.types.Envelope").expect("containerd has it");
    let Ok(envelope) = DynamicMessage::decode(of, envelope.clone()) else {
        return json!({ "undecodable": pool::hex(envelope) });
    };
    let Value::Object(mut fields) = shown(&envelope) else { return Value::Null };
    let event = fields.remove("event").unwrap_or_default();
    fields.insert("type_url".to_owned(), event["type_url"].clone());
    match &event["message"] {
        Value::Object(inner) => {
            let inner: Map<_, _> = inner.clone();
            fields.extend(inner.into_iter().map(|(key, value)| {
                let key = if key == "namespace" { "event_namespace".to_owned() } else { key };
                (key, value)
            }));
        }
        _ => {
            fields.insert("value".to_owned(), event["value"].clone());
        }
    }
    Value::Object(fields)
}
