//! What runc's shim is told beside the spec: options of a runtime, of a restore, of a checkpoint.

use std::path::Path;

use prost::Message;
use prost_types::Any;

const OPTIONS: &str = "containerd.runc.v1.Options";
const CHECKPOINT: &str = "containerd.runc.v1.CheckpointOptions";

/// `containerd.runc.v1.Options`, as far as a client says anything of it.
#[derive(Clone, PartialEq, Message)]
struct Options {
    #[prost(string, tag = "10")]
    criu_image_path: String,
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
    let path = Options { criu_image_path: folder.display().to_string() };
    options.value.extend(path.encode_to_vec());
    Some(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, PartialEq, Message)]
    struct Whole {
        #[prost(string, tag = "6")]
        binary_name: String,
        #[prost(bool, tag = "9")]
        systemd_cgroup: bool,
        #[prost(string, tag = "10")]
        criu_image_path: String,
    }

    #[test]
    fn a_restore_leaves_what_else_was_said() {
        let said = Whole { binary_name: "crun".into(), systemd_cgroup: true, ..Whole::default() };
        let type_url = format!("type.googleapis.com/{OPTIONS}");
        let said = Any { type_url: type_url.clone(), value: said.encode_to_vec() };
        let told = restored_from(Some(said), Path::new("/images")).unwrap();
        assert_eq!(told.type_url, type_url);
        let told = Whole::decode(told.value.as_slice()).unwrap();
        assert_eq!((&*told.binary_name, told.systemd_cgroup), ("crun", true));
        assert_eq!(told.criu_image_path, "/images");
    }

    #[test]
    fn options_of_another_shim_are_not_touched() {
        let other = Any { type_url: "runtimeoptions.v1.Options".into(), value: vec![1] };
        assert_eq!(restored_from(Some(other), Path::new("/images")), None);
        assert_eq!(restored_from(None, Path::new("/i")).unwrap().type_url, OPTIONS);
    }
}
