//! Which methods there are, and which of them are modelled.

use rpc_ledger::Rpc;

use crate::Profile;
use crate::services::health;
use crate::stubs::{DESCRIPTORS, POOL};

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
    let mut methods: Vec<Method> = health::methods(profile)
        .iter()
        .map(|path| Method { path: (*path).to_owned(), modelled: true, note: None })
        .collect();
    for service in POOL.services() {
        let name = service.full_name();
        if profile == Profile::V1_6 && SINCE_1_7.contains(&name) {
            continue;
        }
        let later = |method: &str| profile < Profile::V2_1 && SINCE_2_0.contains(&(name, method));
        let has = service.methods().filter(|method| !later(method.name()));
        methods.extend(has.map(|method| {
            let path = format!("/{name}/{}", method.name());
            let short = Rpc::from_path(&path).short();
            if short == PLATFORM.0 {
                return Method { path, modelled: false, note: Some(PLATFORM.1) };
            }
            let note = NOTES.iter().find(|(name, _)| *name == short).map(|(_, note)| *note);
            Method { path, modelled: MODELLED.contains(&name), note }
        }));
    }
    methods.sort();
    methods
}

/// The short names of all methods: the newest version has them all.
pub(crate) fn short_names() -> impl Iterator<Item = String> {
    methods(Profile::V2_1).into_iter().map(|method| Rpc::from_path(&method.path).short())
}

/// A method's short name, if there is such a method: a fault on, or an expectation of, a name that
/// nobody calls would be nothing, and nobody would notice.
pub(crate) fn known_method(name: &str) -> Result<String, String> {
    let exists = short_names().any(|known| known == name);
    exists.then(|| name.to_owned()).ok_or_else(|| format!("there is no method {name:?}"))
}
