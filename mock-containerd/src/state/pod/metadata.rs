//! What CRI knows of a pod, as it travels in a sandbox's extension, and as a verbose status shows it.

use std::collections::BTreeMap;

use prost_types::Any;
use serde_json::value::RawValue;

use crate::anys::known;
use crate::state::go_json;

/// The type of the extension.
const TYPE_URL: &str = "github.com/containerd/cri/pkg/store/sandbox/Metadata";
const VERSION: &str = "v1";
/// The fields, in Go's order, and what Go reads them into. Which network a pod has is kept, and never
/// looked at: a real daemon removes what it finds there.
const FIELDS: [(&str, &str); 9] = [
    ("ID", "string"),
    ("Name", "string"),
    (CONFIG, "v1.PodSandboxConfig"),
    ("NetNSPath", "string"),
    ("IP", "string"),
    ("AdditionalIPs", "[]string"),
    ("RuntimeHandler", "string"),
    (CNI, "cni.Result"),
    ("ProcessLabel", "string"),
];
const CONFIG: &str = "Config";
const CNI: &str = "CNIResult";

type Fields = BTreeMap<String, Box<RawValue>>;

/// The metadata of a pod: its fields, as JSON.
#[derive(Debug)]
pub(crate) struct Metadata(BTreeMap<&'static str, String>);

impl Metadata {
    /// Reads an extension; `Err` says in Go's words why it is none. What is inside of the
    /// configuration is kept as it came.
    pub(super) fn read(extension: &Any) -> Result<Self, String> {
        let url = extension.type_url.as_str();
        if url != TYPE_URL {
            known(url).map_err(|failure| failure.message)?;
            return Err(format!("can't unmarshal type {url:?} to output {TYPE_URL:?}"));
        }
        let whole: &RawValue = serde_json::from_slice(&extension.value)
            .map_err(|_| go_json::error_in(&extension.value))?;
        let versioned = object(whole.get(), "value", "sandbox.versionedMetadata")?;
        let version = text(&versioned, "Version", "versionedMetadata")?;
        let inner = match field(&versioned, "Metadata") {
            None => Fields::new(),
            Some(json) => {
                object(json, "struct field versionedMetadata.Metadata", "sandbox.metadataInternal")?
            }
        };
        let mut fields = BTreeMap::new();
        for (name, of) in FIELDS {
            let at = "versionedMetadata.Metadata";
            fields.insert(name, shown(&inner, name, of, at)?);
        }
        match version.trim_matches('"') {
            VERSION => Ok(Self(fields)),
            other => Err(format!("unsupported version: {other:?}")),
        }
    }

    /// What a verbose status shows of a pod that nothing was made of, as JSON.
    pub(super) fn info(&self) -> String {
        let fields = FIELDS.map(|(name, _)| format!("\"{name}\":{}", self.0[name]));
        format!(
            "{{\"pid\":0,\"processStatus\":\"deleted\",\"netNamespaceClosed\":true,\
             \"image\":\"\",\"snapshotKey\":\"\",\"snapshotter\":\"\",\"runtimeType\":\"\",\
             \"runtimeOptions\":null,\"config\":{},\"runtimeSpec\":null,\"cniResult\":{},\
             \"sandboxMetadata\":{{\"Version\":\"{VERSION}\",\"Metadata\":{{{}}}}}}}",
            self.0[CONFIG],
            self.0[CNI],
            fields.join(",")
        )
    }
}

/// A field by its name, in whatever case where none is written so.
fn field<'f>(fields: &'f Fields, name: &str) -> Option<&'f str> {
    let any_case = || fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    let found = fields.get(name).or_else(|| any_case().map(|(_, json)| json));
    found.map(|json| json.get())
}

fn text(fields: &Fields, name: &str, at: &str) -> Result<String, String> {
    shown(fields, name, "string", at)
}

/// A field that Go would read into this type, as it would write it again.
fn shown(fields: &Fields, name: &str, of: &str, at: &str) -> Result<String, String> {
    let wanted = match of {
        "string" => "string",
        "[]string" => "array",
        _ => "object",
    };
    match field(fields, name).map(|json| (json, kind(json))) {
        None | Some((_, "null")) if wanted == "string" => Ok("\"\"".to_owned()),
        None | Some((_, "null")) => Ok("null".to_owned()),
        Some((json, kind)) if kind == wanted => Ok(json.to_owned()),
        Some((_, kind)) => Err(unfit(kind, &format!("struct field {at}.{name}"), of)),
    }
}

fn object(json: &str, at: &str, of: &str) -> Result<Fields, String> {
    match kind(json) {
        "null" => Ok(Fields::new()),
        "object" => serde_json::from_str(json).map_err(|error| error.to_string()),
        kind => Err(unfit(kind, at, of)),
    }
}

fn unfit(kind: &str, at: &str, of: &str) -> String {
    format!("json: cannot unmarshal {kind} into Go {at} of type {of}")
}

/// Go's name for the kind of a value: its first byte tells.
fn kind(json: &str) -> &'static str {
    match json.bytes().next() {
        Some(b'n') => "null",
        Some(b't' | b'f') => "bool",
        Some(b'"') => "string",
        Some(b'[') => "array",
        Some(b'{') => "object",
        _ => "number",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(value: &[u8]) -> Result<Metadata, String> {
        Metadata::read(&Any { type_url: TYPE_URL.to_owned(), value: value.to_vec() })
    }

    #[test]
    fn names_are_taken_in_any_case_and_what_is_absent_is_shown_empty() {
        let info = read(br#"{"version":"v1","METADATA":{"id":"x","nope":1}}"#).unwrap().info();
        assert!(info.contains(r#""Metadata":{"ID":"x","Name":"","Config":null,"#), "{info}");
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd_to_be_read(bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..20),
            "[{}\"v1:, Versionmtda\\\\]{0,40}".prop_map(String::into_bytes),
        ]) {
            if let Err(told) = read(&bytes) {
                prop_assert!(!told.is_empty());
            }
        }
    }
}
