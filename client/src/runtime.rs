//! What runc's shim is told beside the spec: options of a runtime, of a restore, of a checkpoint.

use std::path::Path;

use prost::Message;
use prost_types::Any;

const OPTIONS: &str = "containerd.runc.v1.Options";
const CHECKPOINT: &str = "containerd.runc.v1.CheckpointOptions";

/// `containerd.runc.v1.Options`.
#[derive(Clone, PartialEq, Message)]
struct Options {
    #[prost(bool, tag = "1")]
    no_pivot_root: bool,
    #[prost(bool, tag = "2")]
    no_new_keyring: bool,
    #[prost(string, tag = "3")]
    shim_cgroup: String,
    #[prost(uint32, tag = "4")]
    io_uid: u32,
    #[prost(uint32, tag = "5")]
    io_gid: u32,
    #[prost(string, tag = "6")]
    binary_name: String,
    #[prost(string, tag = "7")]
    root: String,
    #[prost(bool, tag = "9")]
    systemd_cgroup: bool,
    #[prost(string, tag = "10")]
    criu_image_path: String,
}

/// What runc's shim is told, for [`crate::NewContainer::runtime_options`].
///
/// ```
/// use laconic_client::{NewContainer, RuncOptions};
///
/// let options = RuncOptions { binary_name: "crun".to_owned(), ..RuncOptions::default() };
/// let new = NewContainer::new("c1", ["true"]).runtime_options(options);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuncOptions {
    /// The runtime's binary, by its path or as PATH has it; `runc` where it is empty.
    pub binary_name: String,
    /// Where the runtime keeps what it knows; its own default where it is empty.
    pub root: String,
    /// Cgroups are systemd's.
    pub systemd_cgroup: bool,
    /// The shim's own cgroup; the daemon's where it is empty.
    pub shim_cgroup: String,
    /// Whose the pipes of standard streams are, as user and group.
    pub io_owner: (u32, u32),
    /// The root is changed without `pivot_root`, as in a ramdisk.
    pub no_pivot_root: bool,
    /// It has the session keyring of whoever started it.
    pub no_new_keyring: bool,
}

impl From<RuncOptions> for Any {
    fn from(options: RuncOptions) -> Self {
        let RuncOptions {
            binary_name,
            root,
            systemd_cgroup,
            shim_cgroup,
            io_owner: (io_uid, io_gid),
            no_pivot_root,
            no_new_keyring,
        } = options;
        let message = Options {
            no_pivot_root,
            no_new_keyring,
            shim_cgroup,
            io_uid,
            io_gid,
            binary_name,
            root,
            systemd_cgroup,
            criu_image_path: String::new(),
        };
        Any { type_url: OPTIONS.to_owned(), value: message.encode_to_vec() }
    }
}

/// `containerd.runc.v1.CheckpointOptions`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct CheckpointMessage {
    #[prost(bool, tag = "1")]
    pub(crate) exit: bool,
    #[prost(bool, tag = "2")]
    pub(crate) open_tcp: bool,
    #[prost(bool, tag = "3")]
    pub(crate) external_unix_sockets: bool,
    #[prost(bool, tag = "4")]
    pub(crate) terminal: bool,
    #[prost(bool, tag = "5")]
    pub(crate) file_locks: bool,
    #[prost(string, repeated, tag = "6")]
    pub(crate) empty_namespaces: Vec<String>,
    #[prost(string, tag = "7")]
    pub(crate) cgroups_mode: String,
    #[prost(string, tag = "8")]
    pub(crate) image_path: String,
    #[prost(string, tag = "9")]
    pub(crate) work_path: String,
}

impl CheckpointMessage {
    pub(crate) fn any(&self) -> Any {
        Any { type_url: CHECKPOINT.to_owned(), value: self.encode_to_vec() }
    }
}

/// A container's options, and where its task is restored from: what a task is created with replaces
/// what the record says. `None`: they are of another shim, which knows no such thing.
pub(crate) fn restored_from(options: Option<Any>, folder: &Path) -> Option<Any> {
    let empty = || Any { type_url: OPTIONS.to_owned(), value: Vec::new() };
    let mut options = options.unwrap_or_else(empty);
    if options.type_url.rsplit('/').next() != Some(OPTIONS) {
        return None;
    }
    // Messages that follow each other are one: all else that was said stands.
    let path = Options { criu_image_path: folder.display().to_string(), ..Options::default() };
    options.value.extend(path.encode_to_vec());
    Some(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restore_leaves_what_else_was_said() {
        let said = RuncOptions {
            binary_name: "crun".into(),
            systemd_cgroup: true,
            io_owner: (7, 8),
            ..RuncOptions::default()
        };
        let type_url = format!("type.googleapis.com/{OPTIONS}");
        let mut said = Any::from(said);
        said.type_url.clone_from(&type_url);
        // What a newer client has said.
        said.value.extend([0x68, 3]);
        let told = restored_from(Some(said), Path::new("/images")).unwrap();
        assert_eq!(told.type_url, type_url);
        assert!(told.value.windows(2).any(|bytes| bytes == [0x68, 3]));
        let told = Options::decode(told.value.as_slice()).unwrap();
        assert_eq!((&*told.binary_name, told.systemd_cgroup), ("crun", true));
        assert_eq!((told.io_uid, told.io_gid), (7, 8));
        assert_eq!(told.criu_image_path, "/images");
    }

    #[test]
    fn options_of_another_shim_are_not_touched() {
        let other = Any { type_url: "runtimeoptions.v1.Options".into(), value: vec![1] };
        assert_eq!(restored_from(Some(other), Path::new("/images")), None);
        assert_eq!(restored_from(None, Path::new("/i")).unwrap().type_url, OPTIONS);
    }
}
