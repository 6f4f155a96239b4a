//! What a task's creation is refused for beside its command: a checkpoint that is none, options
//! that nobody knows, a runtime that is not there, mounts that no kernel makes.

use containerd_client::services::v1::CreateTaskRequest;
use containerd_client::types::Mount;
use prost::Message;
use prost_types::Any;
use tonic::Code;

use super::checkpoint::CheckpointOptions;
use super::tasks::bundle;
use super::{Failure, State};
use crate::Profile;
use crate::anys::{bare, unknown};

const CHECKPOINT: &str = "application/vnd.containerd.container.criu.checkpoint.criu.tar";
const RUNC_OPTIONS: &str = "containerd.runc.v1.Options";
/// Types of options that a containerd has registered.
const OPTIONS: [&str; 6] = [
    RUNC_OPTIONS,
    "containerd.runc.v1.CheckpointOptions",
    "containerd.runc.v1.ProcessDetails",
    "containerd.linux.runc.CreateOptions",
    "containerd.linux.runc.RuncOptions",
    "runtimeoptions.v1.Options",
];
/// What a container's root is made of; everything else is taken for a kernel's that lacks it.
const FILE_SYSTEMS: [&str; 9] =
    ["", "bind", "overlay", "tmpfs", "ext4", "xfs", "btrfs", "erofs", "squashfs"];

/// Of `containerd.runc.v1.Options`, the one field that is asked for here.
#[derive(Clone, PartialEq, Message)]
struct RuncOptions {
    #[prost(string, tag = "6")]
    binary_name: String,
}

/// The full name in a type URL, if a containerd knows it.
fn known_type(options: &Any) -> Result<&str, Failure> {
    let name = bare(&options.type_url);
    if OPTIONS.contains(&name) { Ok(name) } else { Err(unknown(&options.type_url)) }
}

impl State {
    /// Looks at what a request brings, before anything is made of it.
    pub(crate) fn check_creation(
        &self,
        namespace: &str,
        request: &CreateTaskRequest,
    ) -> Result<(), Failure> {
        let id = &request.container_id;
        self.container(namespace, id)?;
        if let Some(checkpoint) = &request.checkpoint
            && checkpoint.media_type != CHECKPOINT
        {
            let message = format!("unsupported checkpoint type {:?}", checkpoint.media_type);
            return Err(Failure::plain(Code::Unknown, message));
        }
        let known = request.options.as_ref().map(known_type).transpose()?;
        if self.has_task(namespace, id) {
            return Err(Failure::already_exists(format!("task {id}")));
        }
        let bundle = bundle(namespace, id);
        if let Some(mount) = request.rootfs.iter().find(|mount| !mountable(mount)) {
            return Err(self.unmountable(mount, &bundle));
        }
        if let (Some(RUNC_OPTIONS), Some(options)) = (known, &request.options) {
            self.check_runc(options, &bundle)?;
        }
        Ok(())
    }

    fn unmountable(&self, mount: &Mount, bundle: &str) -> Failure {
        let Mount { r#type, source, options, .. } = mount;
        let told = match self.profile {
            Profile::V1_6 => {
                format!(" &{{{type} {source} [{}]}}: no such device", options.join(" "))
            }
            Profile::V1_7 => ": no such device".to_owned(),
            Profile::V2_1 => format!(
                ": mount source: {source:?}, target: \"{bundle}/rootfs\", fstype: {type}, flags: \
                 0, data: {:?}, err: no such device",
                options.join(",")
            ),
        };
        let what = format!("failed to create shim task: failed to mount rootfs component{told}");
        Failure::shim(self.profile, what)
    }

    /// A runtime under a bare name is looked for on PATH, and only runc is there.
    fn check_runc(&self, options: &Any, bundle: &str) -> Result<(), Failure> {
        let binary = RuncOptions::decode(options.value.as_slice()).unwrap_or_default().binary_name;
        if matches!(binary.as_str(), "" | "runc") || binary.contains('/') {
            return Ok(());
        }
        let what = format!(
            "failed to create shim task: OCI runtime create failed: unable to retrieve OCI runtime \
             error (open {bundle}/log.json: no such file or directory): exec: {binary:?}: \
             executable file not found in $PATH"
        );
        Err(Failure::shim(self.profile, what))
    }

    /// Whether a runtime has a shim that could be asked.
    pub(crate) fn find_runtime(&self, name: &str) -> Result<(), Failure> {
        let found = self.runtimes.resolve(self.profile, name);
        let unresolved = |lack| format!("failed to resolve runtime path: {lack}");
        found.map_err(|lack| Failure::plain(Code::Unknown, unresolved(lack)))
    }

    /// Options that a shim reads when it is asked what it is.
    pub(crate) fn check_runtime_options(&self, options: Option<&Any>) -> Result<(), Failure> {
        options.map(known_type).transpose().map_err(|Failure { message, .. }| {
            let what = format!(
                "failed to run [/usr/bin/containerd-shim-runc-v2 -info]: exit status 1 (stderr: \
                 \"io.containerd.runc.v2: failed to read runtime options (*options.Options): \
                 {message}\")"
            );
            Failure::plain(Code::Unknown, what)
        })?;
        Ok(())
    }

    /// Options of a checkpoint are of a type of their own.
    pub(crate) fn check_checkpoint(
        &self,
        options: Option<&Any>,
    ) -> Result<CheckpointOptions, Failure> {
        match options.map(known_type).transpose()? {
            None | Some("containerd.runc.v1.CheckpointOptions") => {
                let decode = |options: &Any| CheckpointOptions::decode(&*options.value).ok();
                Ok(options.and_then(decode).unwrap_or_default())
            }
            Some(_) => {
                let message = "invalid task checkpoint option for io.containerd.runc.v2";
                Err(Failure::plain(Code::Unknown, message))
            }
        }
    }
}

fn mountable(mount: &Mount) -> bool {
    FILE_SYSTEMS.contains(&mount.r#type.as_str())
}
