//! Fields of events that a filter can name. As in containerd they are strings, truth values and
//! maps of strings, also of messages inside; numbers and times never match.

use containerd_client::types::Envelope;
use prost_reflect::{DynamicMessage, MapKey, ReflectMessage, Value};
use prost_types::Any;

use crate::stubs::POOL;

/// Where the protos of events lie: only their messages can be looked into. (Those of images have
/// the package of their service.)
const EVENTS: &str = "github.com/containerd/containerd/api/events/";

/// A field by its path. What is empty is absent.
pub(crate) fn field(envelope: &Envelope, path: &[&str]) -> Option<String> {
    match path {
        ["namespace"] => Some(envelope.namespace.clone()),
        ["topic"] => Some(envelope.topic.clone()),
        ["event", path @ ..] => payload_field(envelope.event.as_ref()?, path),
        _ => None,
    }
    .filter(|value| !value.is_empty())
}

fn payload_field(event: &Any, path: &[&str]) -> Option<String> {
    let descriptor = POOL.get_message_by_name(&event.type_url)?;
    descriptor.parent_file().name().strip_prefix(EVENTS)?;
    message_field(&DynamicMessage::decode(descriptor, event.value.as_slice()).ok()?, path)
}

fn message_field(message: &DynamicMessage, path: &[&str]) -> Option<String> {
    let (first, rest) = path.split_first()?;
    let descriptor = message.descriptor().get_field_by_name(first)?;
    match &*message.get_field(&descriptor) {
        Value::String(value) => Some(value.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Map(values) => match values.get(&MapKey::String(rest.join(".")))? {
            Value::String(value) => Some(value.clone()),
            _ => None,
        },
        Value::Message(inner) if message.has_field(&descriptor) => message_field(inner, rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use containerd_client::events as told;
    use containerd_client::events::container_create::Runtime;
    use containerd_client::services::v1::ImageCreate;
    use prost::{Message, Name};

    fn asked<E: Message + Name>(event: &E, path: &str) -> Option<String> {
        let envelope = Envelope { event: Some(containerd_client::to_any(event)), ..none() };
        let path: Vec<&str> = ["event"].into_iter().chain(path.split('/')).collect();
        field(&envelope, &path)
    }

    fn none<T: Default>() -> T {
        T::default()
    }

    #[test]
    fn strings_truth_values_and_maps_are_found_at_any_depth() {
        let labels = HashMap::from([("a.b".to_owned(), "v".to_owned())]);
        let image = ImageCreate { name: "busybox".to_owned(), labels: labels.clone() };
        assert_eq!(asked(&image, "name").unwrap(), "busybox");
        assert_eq!(asked(&image, "labels/a.b").unwrap(), "v");
        assert_eq!(asked(&image, "labels/a/b").unwrap(), "v", "as containerd joins them");
        assert_eq!(asked(&image, "labels/c"), None);

        let runtime = Some(Runtime { name: "io.containerd.runc.v2".to_owned(), options: None });
        let created = told::ContainerCreate { runtime, ..none() };
        assert_eq!(asked(&created, "runtime/name").unwrap(), "io.containerd.runc.v2");
        assert_eq!(asked(&created, "runtime"), None);
        assert_eq!(asked(&told::ContainerCreate::default(), "runtime/name"), None);

        let io = Some(told::TaskIo { stdout: "/o".to_owned(), ..none() });
        let task = told::TaskCreate { io, ..none() };
        assert_eq!(asked(&task, "io/stdout").unwrap(), "/o");
        assert_eq!(asked(&task, "io/terminal").unwrap(), "false");

        let snapshot =
            told::SnapshotPrepare { key: "k".to_owned(), parent: "p".to_owned(), ..none() };
        assert_eq!(asked(&snapshot, "key").unwrap(), "k");
        assert_eq!(asked(&snapshot, "parent").unwrap(), "p");
        let namespace = told::NamespaceUpdate { name: "n".to_owned(), labels };
        assert_eq!(asked(&namespace, "labels/a.b").unwrap(), "v");
        let content = told::ContentDelete { digest: "sha256:1".to_owned() };
        assert_eq!(asked(&content, "digest").unwrap(), "sha256:1");
    }

    #[test]
    fn numbers_times_and_payloads_that_nobody_knows_never_match() {
        let exit = told::TaskExit { pid: 7, exit_status: 1, exited_at: Some(none()), ..none() };
        for path in ["pid", "exit_status", "exited_at", "exited_at/seconds", "id", "no_field"] {
            assert_eq!(asked(&exit, path), None, "{path}");
        }
        let unknown = Any { type_url: "some.Thing".to_owned(), value: vec![10, 1, 97] };
        let envelope = Envelope { event: Some(unknown), ..none() };
        assert_eq!(field(&envelope, &["event", "id"]), None);
        let junk = Any { type_url: "containerd.events.TaskExit".to_owned(), value: vec![255] };
        let envelope = Envelope { event: Some(junk), ..none() };
        assert_eq!(field(&envelope, &["event", "id"]), None);
    }
}
