//! What a container is made of.

use containerd_client::services::v1::Container as Record;
use containerd_client::services::v1::container::Runtime;

use crate::spec::Spec;

const RUNTIME: &str = "io.containerd.runc.v2";

/// What a container is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewContainer {
    pub(crate) id: String,
    args: Vec<String>,
    rootfs: String,
    terminal: bool,
}

impl NewContainer {
    /// A container with this id that runs this command.
    pub fn new(id: impl Into<String>, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let args = args.into_iter().map(Into::into).collect();
        Self { id: id.into(), args, rootfs: "/".to_owned(), terminal: false }
    }

    /// The directory that is its root, mounted read-only; the host's own unless said otherwise.
    pub fn rootfs(mut self, path: impl Into<String>) -> Self {
        self.rootfs = path.into();
        self
    }

    /// Gives its init a terminal.
    pub fn terminal(mut self, terminal: bool) -> Self {
        self.terminal = terminal;
        self
    }

    /// The record that is created for it in a namespace.
    pub fn record(&self, namespace: &str) -> Record {
        let spec = Spec {
            args: &self.args,
            rootfs: &self.rootfs,
            terminal: self.terminal,
            cgroup: format!("/laconic/{namespace}/{}", self.id),
        };
        Record {
            id: self.id.clone(),
            runtime: Some(Runtime { name: RUNTIME.to_owned(), options: None }),
            spec: Some(spec.payload()),
            labels: [("laconic.run".to_owned(), namespace.to_owned())].into(),
            ..Record::default()
        }
    }
}
