//! Which methods there are, and which of them are modelled.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::FileDescriptorSet;

use crate::stubs::DESCRIPTORS;

/// A method of one of containerd's services.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Method {
    /// gRPC full method name.
    pub path: String,
    /// Whether it does what containerd does. Otherwise it answers `Unimplemented`.
    pub modelled: bool,
}

/// Services that are modelled, but for the methods named.
const MODELLED: [(&str, &[&str]); 11] = [
    ("containerd.services.containers.v1.Containers", &[]),
    ("containerd.services.content.v1.Content", &[]),
    ("containerd.services.diff.v1.Diff", &[]),
    ("containerd.services.events.v1.Events", &[]),
    ("containerd.services.images.v1.Images", &[]),
    ("containerd.services.introspection.v1.Introspection", &["PluginInfo"]),
    ("containerd.services.leases.v1.Leases", &[]),
    ("containerd.services.namespaces.v1.Namespaces", &[]),
    ("containerd.services.snapshots.v1.Snapshots", &[]),
    ("containerd.services.tasks.v1.Tasks", &[]),
    ("containerd.services.version.v1.Version", &[]),
];

/// The descriptors of containerd's services, types and events: an encoded `FileDescriptorSet`.
///
/// ```
/// use prost::Message;
///
/// let set = prost_types::FileDescriptorSet::decode(mock_containerd::descriptors()).unwrap();
/// assert!(set.file.iter().any(|file| file.package() == "containerd.events"));
/// ```
pub fn descriptors() -> &'static [u8] {
    DESCRIPTORS
}

/// All methods of all services, from the descriptors of the protos.
pub fn methods() -> Vec<Method> {
    let set = FileDescriptorSet::decode(DESCRIPTORS)
        .expect("the build script wrote the descriptors that are embedded here");
    let modelled: BTreeMap<&str, &[&str]> = MODELLED.into_iter().collect();
    let mut methods = Vec::new();
    for file in &set.file {
        for service in &file.service {
            let service_name = format!("{}.{}", file.package(), service.name());
            let but = modelled.get(service_name.as_str());
            methods.extend(service.method.iter().map(|method| Method {
                path: format!("/{service_name}/{}", method.name()),
                modelled: but.is_some_and(|but| !but.contains(&method.name())),
            }));
        }
    }
    methods.sort();
    methods
}
