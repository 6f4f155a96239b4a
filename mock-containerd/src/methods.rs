//! Which methods there are, and which of them are modelled.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::FileDescriptorSet;

use crate::Profile;
use crate::stubs::DESCRIPTORS;

/// A method of one of containerd's services.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Method {
    /// gRPC full method name.
    pub path: String,
    /// Whether it does what containerd does. Otherwise it answers `Unimplemented`.
    pub modelled: bool,
}

/// Services that 1.6 does not have.
pub(crate) const SINCE_1_7: [&str; 4] = [
    "containerd.services.sandbox.v1.Controller",
    "containerd.services.sandbox.v1.Store",
    "containerd.services.streaming.v1.Streaming",
    "containerd.services.transfer.v1.Transfer",
];
/// Of Introspection, came with 2.0.
const PLUGIN_INFO: &str = "PluginInfo";

/// Services that are modelled, but for the methods named.
const MODELLED: [(&str, &[&str]); 15] = [
    ("containerd.services.containers.v1.Containers", &[]),
    ("containerd.services.content.v1.Content", &[]),
    ("containerd.services.diff.v1.Diff", &[]),
    ("containerd.services.events.v1.Events", &[]),
    ("containerd.services.images.v1.Images", &[]),
    ("containerd.services.introspection.v1.Introspection", &[]),
    ("containerd.services.leases.v1.Leases", &[]),
    ("containerd.services.namespaces.v1.Namespaces", &[]),
    // Nothing runs a sandbox, and the real one has no Platform either.
    ("containerd.services.sandbox.v1.Controller", &["Create", "Metrics", "Platform", "Update"]),
    ("containerd.services.sandbox.v1.Store", &[]),
    ("containerd.services.snapshots.v1.Snapshots", &[]),
    ("containerd.services.streaming.v1.Streaming", &[]),
    ("containerd.services.tasks.v1.Tasks", &[]),
    // But for registries: a mock reaches for no network.
    ("containerd.services.transfer.v1.Transfer", &[]),
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

/// All methods of all services that this version has, from the descriptors of the protos.
///
/// ```
/// use mock_containerd::{Profile, methods};
///
/// let transfer = "/containerd.services.transfer.v1.Transfer/Transfer";
/// let has = |profile| methods(profile).iter().any(|method| method.path == transfer);
/// assert!(!has(Profile::V1_6) && has(Profile::V2_1));
/// ```
pub fn methods(profile: Profile) -> Vec<Method> {
    let set = FileDescriptorSet::decode(DESCRIPTORS)
        .expect("the build script wrote the descriptors that are embedded here");
    let modelled: BTreeMap<&str, &[&str]> = MODELLED.into_iter().collect();
    let mut methods = Vec::new();
    for file in &set.file {
        for service in &file.service {
            let service_name = format!("{}.{}", file.package(), service.name());
            if profile == Profile::V1_6 && SINCE_1_7.contains(&service_name.as_str()) {
                continue;
            }
            let but = modelled.get(service_name.as_str());
            let since_2_0 = |name: &str| name == PLUGIN_INFO && profile < Profile::V2_1;
            let has = service.method.iter().filter(|method| !since_2_0(method.name()));
            methods.extend(has.map(|method| Method {
                path: format!("/{service_name}/{}", method.name()),
                modelled: but.is_some_and(|but| !but.contains(&method.name())),
            }));
        }
    }
    methods.sort();
    methods
}

/// A method's short name, if there is such a method: a fault on, or an expectation of, a name that
/// nobody calls would be nothing, and nobody would notice.
pub(crate) fn known_method(name: &str) -> Result<String, String> {
    // The newest version has all methods.
    let exists = methods(Profile::V2_1)
        .iter()
        .any(|method| rpc_ledger::Rpc::from_path(&method.path).short() == name);
    exists.then(|| name.to_owned()).ok_or_else(|| format!("there is no method {name:?}"))
}
