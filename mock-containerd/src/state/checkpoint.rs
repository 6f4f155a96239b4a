//! Checkpoints: who may be written down, and how a task goes on from there. What is written holds
//! no memory: a process that goes on is played anew.

use std::path::PathBuf;

use containerd_client::services::v1::CreateTaskRequest;
use prost::Message;
use prost_types::Any;

use super::process::{Exit, Phase, Props, Streams};
use super::task::{Happened, Task};
use super::tasks::bundle;
use super::{Digest, Failure, Launch, State};
use crate::processes::signal::KILLED;

/// `containerd.runc.v1.CheckpointOptions`, as far as a mock follows it.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct CheckpointOptions {
    #[prost(bool, tag = "1")]
    pub(crate) exit: bool,
    /// Empty: into the content store.
    #[prost(string, tag = "8")]
    pub(crate) image_path: String,
}

/// Of `containerd.runc.v1.Options`.
#[derive(Clone, PartialEq, Message)]
struct RestoreOptions {
    #[prost(string, tag = "10")]
    criu_image_path: String,
}

/// What a task is to go on from.
#[derive(Clone, Debug)]
pub(crate) struct Restore {
    /// As its creation tells.
    pub(super) path: String,
    /// Whether that is looked into: what came of the content store was whole when it was written.
    folder: bool,
}

impl Restore {
    /// The file without which runc does not even ask CRIU.
    pub(crate) fn wanted(&self) -> Option<PathBuf> {
        self.folder.then(|| PathBuf::from(&self.path).join("descriptors.json"))
    }
}

impl State {
    /// What a task is created from, if not anew. A folder goes before content, and is not looked at
    /// before the start.
    pub(crate) fn restore_wanted(
        &mut self,
        namespace: &str,
        request: &CreateTaskRequest,
    ) -> Result<Option<Restore>, Failure> {
        let decode = |options: &Any| RestoreOptions::decode(options.value.as_slice()).ok();
        let options = request.options.as_ref().and_then(decode).unwrap_or_default();
        if !options.criu_image_path.is_empty() {
            return Ok(Some(Restore { path: options.criu_image_path, folder: true }));
        }
        let Some(checkpoint) = &request.checkpoint else { return Ok(None) };
        let digest = checkpoint.digest.parse::<Digest>();
        let known = digest.is_ok_and(|digest| self.blob(namespace, &digest).is_ok());
        if !known {
            let what = format!("content digest {}: not found", checkpoint.digest);
            return Err(Failure::plain(tonic::Code::Unknown, what));
        }
        let path = format!("/run/mock-containerd/tmp/ctrd-checkpoint{}", self.take_file());
        Ok(Some(Restore { path, folder: false }))
    }

    /// Whether it can be written down.
    pub(crate) fn may_checkpoint(&self, namespace: &str, id: &str) -> Result<(), Failure> {
        self.task(namespace, id)?.may_checkpoint()
    }

    /// runc could not make the folder to write to.
    pub(crate) fn no_folder(&self, (namespace, id): (&str, &str), path: &str) -> Failure {
        let log = format!("{}/criu-dump.log", bundle(namespace, id));
        let what = format!("mkdir {path}: not a directory path= {log}");
        self.runc_failed(&what)
    }

    fn runc_failed(&self, what: &str) -> Failure {
        let what = format!("runc did not terminate successfully: exit status 1: {what}");
        Failure::shim(self.profile, what)
    }

    /// The spec of a container, as it is written down beside its task.
    pub(crate) fn spec_bytes(&self, namespace: &str, id: &str) -> Result<Vec<u8>, Failure> {
        let spec = self.container(namespace, id)?.spec.as_ref();
        Ok(spec.map(Message::encode_to_vec).unwrap_or_default())
    }

    /// It was written down, and is ended if it is not to run on.
    pub(crate) fn written_down(
        &mut self,
        namespace: &str,
        id: &str,
        exit: bool,
    ) -> Result<(), Failure> {
        self.change(namespace, id, |task| {
            task.may_checkpoint()?;
            let killed = Exit::now(task.clock, KILLED);
            Ok(((), if exit { task.end_init(killed) } else { Vec::new() }))
        })
    }

    /// Of a task that is to go on from a checkpoint, and has not been started: from where, its
    /// streams, and how many children its init has.
    pub(crate) fn restoring(
        &self,
        namespace: &str,
        id: &str,
    ) -> Result<Option<(Restore, Streams, u32)>, Failure> {
        let task = self.task(namespace, id)?;
        let waits = |restore: &Restore| {
            (restore.clone(), task.init.streams.clone(), task.init.script.forks)
        };
        Ok(task.restore.as_ref().map(waits))
    }

    /// runc found nothing to go on from.
    pub(crate) fn not_restored(&self, wanted: &std::path::Path) -> Failure {
        let wanted = wanted.display();
        let what = format!("OCI runtime restore failed: open {wanted}: no such file or directory");
        Failure::shim(self.profile, what)
    }

    /// It goes on.
    pub(crate) fn restore(
        &mut self,
        namespace: &str,
        id: &str,
        props: Props,
    ) -> Result<Launch, Failure> {
        self.change(namespace, id, |task| {
            task.restore.take().ok_or_else(|| Failure::shim(task.profile, "it was restored"))?;
            task.init.has(props);
            task.init.phase = Phase::Running;
            Ok((Launch::of(&mut task.init), vec![Happened::Started]))
        })
    }

    /// runc does not know of a task that has not gone on yet.
    pub(super) fn known_to_runc(&self, task: &Task) -> Result<(), Failure> {
        match task.restore {
            Some(_) => Err(self.runc_failed("container does not exist\n")),
            None => Ok(()),
        }
    }
}

impl Task {
    fn may_checkpoint(&self) -> Result<(), Failure> {
        match self.state_word() {
            "created" => self.refuse("cannot checkpoint a task in created state"),
            "stopped" => self.refuse("cannot checkpoint a stopped container"),
            _ => Ok(()),
        }
    }
}
