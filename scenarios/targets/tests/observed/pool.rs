//! What the protos say: methods by their short names, messages by their full ones.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, MessageDescriptor, MethodDescriptor};

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(mock_containerd::descriptors()).expect("the build script wrote it")
});

/// `Tasks/Get`, or where two services share a name, with as much of the package as tells them
/// apart: `sandbox.v1.Store/Create`.
pub(crate) fn method(name: &str) -> Result<MethodDescriptor, String> {
    let (service, method) = name.split_once('/').ok_or_else(|| format!("{name} has no slash"))?;
    POOL.services()
        .filter(|of| of.full_name() == service || of.full_name().ends_with(&format!(".{service}")))
        .flat_map(|of| of.methods().collect::<Vec<_>>())
        .find(|of| of.name() == method)
        .ok_or_else(|| format!("the protos have no {name}"))
}

pub(crate) fn message(name: &str) -> Result<MessageDescriptor, String> {
    POOL.get_message_by_name(name).ok_or_else(|| format!("the protos have no {name}"))
}

/// gRPC full method name.
pub(crate) fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let digits = (0..text.len()).step_by(2);
    let pairs =
        digits.map(|at| text.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok()));
    pairs.collect::<Option<_>>().ok_or_else(|| format!("{text:?} is not hexadecimal"))
}
