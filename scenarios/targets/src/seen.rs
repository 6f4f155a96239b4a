//! Events as the observer has seen them, by namespace.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use containerd_client::events as told;
use containerd_client::types::Envelope;
use driver_protocol::{ContainerId, ExecId};
use laconic_scenarios::Event;
use prost::{Message, Name};
use prost_types::Any;
use tokio::sync::watch;

#[derive(Debug, Default)]
pub(crate) struct Seen {
    by_namespace: Mutex<BTreeMap<String, Vec<Event>>>,
    changed: watch::Sender<u64>,
}

impl Seen {
    pub(crate) fn add(&self, event: Event) {
        let mut all = self.by_namespace.lock().expect("nothing panics while it holds the events");
        all.entry(event.namespace.clone()).or_default().push(event);
        drop(all);
        self.changed.send_modify(|number| *number += 1);
    }

    pub(crate) fn of(&self, namespace: &str) -> Vec<Event> {
        let all = self.by_namespace.lock().expect("nothing panics while it holds the events");
        all.get(namespace).cloned().unwrap_or_default()
    }

    /// Done when there are more than `known`, or at the limit.
    pub(crate) async fn more_than(&self, namespace: &str, known: usize, limit: Duration) {
        let mut changed = self.changed.subscribe();
        let more = async {
            while self.of(namespace).len() <= known {
                if changed.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(limit, more).await;
    }
}

fn payload<E: Message + Name + Default>(event: &Any) -> Option<E> {
    (event.type_url == E::full_name()).then(|| E::decode(event.value.as_slice()).ok()).flatten()
}

/// An envelope of containerd's, if it is about a container.
pub(crate) fn decode(envelope: &Envelope) -> Option<Event> {
    let any = envelope.event.as_ref()?;
    let event = |container: String, exec: Option<String>, status: Option<u32>| Event {
        topic: envelope.topic.clone(),
        namespace: envelope.namespace.clone(),
        container: ContainerId::new(container),
        exec: exec.map(ExecId::new),
        status,
    };
    let own = |container: String| Some(event(container, None, None));
    match envelope.topic.as_str() {
        "/containers/create" => own(payload::<told::ContainerCreate>(any)?.id),
        "/containers/update" => own(payload::<told::ContainerUpdate>(any)?.id),
        "/containers/delete" => own(payload::<told::ContainerDelete>(any)?.id),
        "/tasks/create" => own(payload::<told::TaskCreate>(any)?.container_id),
        "/tasks/start" => own(payload::<told::TaskStart>(any)?.container_id),
        "/tasks/paused" => own(payload::<told::TaskPaused>(any)?.container_id),
        "/tasks/resumed" => own(payload::<told::TaskResumed>(any)?.container_id),
        "/tasks/delete" => own(payload::<told::TaskDelete>(any)?.container_id),
        "/tasks/oom" => own(payload::<told::TaskOom>(any)?.container_id),
        "/tasks/exec-added" => {
            let told: told::TaskExecAdded = payload(any)?;
            Some(event(told.container_id, Some(told.exec_id), None))
        }
        "/tasks/exec-started" => {
            let told: told::TaskExecStarted = payload(any)?;
            Some(event(told.container_id, Some(told.exec_id), None))
        }
        "/tasks/exit" => {
            let told: told::TaskExit = payload(any)?;
            let exec = (told.id != told.container_id).then_some(told.id);
            Some(event(told.container_id, exec, Some(told.exit_status)))
        }
        _ => None,
    }
}
