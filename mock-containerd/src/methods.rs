//! Which methods there are, and which of them are modelled.

use prost::Message;
use prost_types::FileDescriptorSet;

use crate::Profile;
use crate::stubs::DESCRIPTORS;

/// A method of one of containerd's services.
///
/// ```
/// let start = mock_containerd::Method {
///     path: "/containerd.services.tasks.v1.Tasks/Start".to_owned(),
///     modelled: true,
///     note: None,
/// };
/// assert!(mock_containerd::methods(mock_containerd::Profile::V1_6).contains(&start));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Method {
    /// gRPC full method name.
    pub path: String,
    /// Whether it does what containerd does. Otherwise it answers `Unimplemented`.
    pub modelled: bool,
    /// What of it is not as with containerd, or why it is not modelled.
    pub note: Option<&'static str>,
}

/// Services that 1.6 does not have.
pub(crate) const SINCE_1_7: [&str; 4] = [
    "containerd.services.sandbox.v1.Controller",
    "containerd.services.sandbox.v1.Store",
    "containerd.services.streaming.v1.Streaming",
    "containerd.services.transfer.v1.Transfer",
];
/// Methods of older services that came with 2.0.
const SINCE_2_0: [(&str, &str); 3] = [
    ("containerd.services.introspection.v1.Introspection", "PluginInfo"),
    ("containerd.services.sandbox.v1.Controller", "Metrics"),
    ("containerd.services.sandbox.v1.Controller", "Update"),
];

/// Served beside containerd's own services, by every version; the last since 2.1.
const HEALTH: [&str; 3] =
    ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch", "/grpc.health.v1.Health/List"];

/// Services that are modelled.
const MODELLED: [&str; 15] = [
    "containerd.services.containers.v1.Containers",
    "containerd.services.content.v1.Content",
    "containerd.services.diff.v1.Diff",
    "containerd.services.events.v1.Events",
    "containerd.services.images.v1.Images",
    "containerd.services.introspection.v1.Introspection",
    "containerd.services.leases.v1.Leases",
    "containerd.services.namespaces.v1.Namespaces",
    "containerd.services.sandbox.v1.Controller",
    "containerd.services.sandbox.v1.Store",
    "containerd.services.snapshots.v1.Snapshots",
    "containerd.services.streaming.v1.Streaming",
    "containerd.services.tasks.v1.Tasks",
    "containerd.services.transfer.v1.Transfer",
    "containerd.services.version.v1.Version",
];

/// What the mock does not do as containerd does, by short names.
const NOTES: [(&str, &str); 5] = [
    (
        "Controller/Start",
        "but for pods of CRI (sandboxer podsandbox): refused as where there is no network",
    ),
    ("Controller/Metrics", "no shim that was looked at has any: unimplemented, as there"),
    ("Introspection/PluginInfo", "features of a runtime are those of runc 1.1"),
    ("Tasks/Checkpoint", "what is written has no memory: a process that goes on is played anew"),
    ("Transfer/Transfer", "but for registries: refused as where there is no network"),
];
/// No containerd has it, though it stands in the protos.
const PLATFORM: (&str, &str) = ("Controller/Platform", "containerd answers the same");

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
    let mut methods: Vec<Method> = HEALTH
        .iter()
        .take(if profile == Profile::V2_1 { 3 } else { 2 })
        .map(|path| Method { path: (*path).to_owned(), modelled: true, note: None })
        .collect();
    for file in &set.file {
        for service in &file.service {
            let service_name = format!("{}.{}", file.package(), service.name());
            if profile == Profile::V1_6 && SINCE_1_7.contains(&service_name.as_str()) {
                continue;
            }
            let later = |name: &str| {
                profile < Profile::V2_1 && SINCE_2_0.contains(&(service_name.as_str(), name))
            };
            let has = service.method.iter().filter(|method| !later(method.name()));
            methods.extend(has.map(|method| {
                let path = format!("/{service_name}/{}", method.name());
                let short = rpc_ledger::Rpc::from_path(&path).short().to_owned();
                if short == PLATFORM.0 {
                    return Method { path, modelled: false, note: Some(PLATFORM.1) };
                }
                let modelled = MODELLED.contains(&service_name.as_str());
                let note = NOTES.iter().find(|(name, _)| *name == short).map(|(_, note)| *note);
                Method { path, modelled, note }
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
