//! What a container is made of.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use containerd_client::services::v1::Container as Record;
use containerd_client::services::v1::container::Runtime;
use prost_types::Any;
use serde_json::Value;

use crate::image::Retained;
use crate::snapshot::Snapshot;
use crate::spec::{self, Run};
use crate::wire::Doing;
use crate::{Error, Image, Kind};

const RUNTIME: &str = "io.containerd.runc.v2";
const SNAPSHOTTER: &str = "overlayfs";

/// What a container is made of: a root, and what runs on it.
#[derive(Clone, Debug, PartialEq)]
pub struct NewContainer {
    pub(crate) id: String,
    args: Vec<String>,
    root: Root,
    snapshotter: String,
    terminal: bool,
    env: Vec<String>,
    cwd: Option<String>,
    user: Option<(u32, u32)>,
    spec: Option<Any>,
    runtime: String,
    runtime_options: Option<Any>,
    labels: BTreeMap<String, String>,
    extensions: BTreeMap<String, Any>,
}

#[derive(Clone, Debug, PartialEq)]
enum Root {
    /// A directory of the host.
    Folder(String),
    /// A snapshot of its own, on an image's layers.
    Image(Arc<Retained>),
}

impl NewContainer {
    /// A container with this id that runs this command.
    pub fn new(id: impl Into<String>, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            id: id.into(),
            args: args.into_iter().map(Into::into).collect(),
            root: Root::Folder("/".to_owned()),
            snapshotter: SNAPSHOTTER.to_owned(),
            terminal: false,
            env: Vec::new(),
            cwd: None,
            user: None,
            spec: None,
            runtime: RUNTIME.to_owned(),
            runtime_options: None,
            labels: BTreeMap::new(),
            extensions: BTreeMap::new(),
        }
    }

    /// A container with this id that runs what the image says.
    pub fn from_image(id: impl Into<String>, image: &Image) -> Self {
        Self::new(id, [""; 0]).image(image)
    }

    /// Its root is a writable snapshot of its own on this image, which must be unpacked. The
    /// command stands behind the image's entry point, or, if it is empty, is the image's own;
    /// environment, working directory and user are the image's unless said otherwise.
    pub fn image(mut self, image: &Image) -> Self {
        self.root = Root::Image(image.known.clone());
        self
    }

    /// The snapshotter to which the image was unpacked; `overlayfs` unless said otherwise.
    pub fn snapshotter(mut self, name: impl Into<String>) -> Self {
        self.snapshotter = name.into();
        self
    }

    /// The directory that is its root, mounted read-only; the host's own unless said otherwise.
    pub fn rootfs(mut self, path: impl Into<String>) -> Self {
        self.root = Root::Folder(path.into());
        self
    }

    /// What it runs, instead of what was said before.
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.args = args.into_iter().map(Into::into).collect();
        self
    }

    /// A variable of its environment; it replaces one of the same name.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push(format!("{name}={value}"));
        self
    }

    /// The working directory of its init.
    pub fn cwd(mut self, path: impl Into<String>) -> Self {
        self.cwd = Some(path.into());
        self
    }

    /// The user and group of its init. An image may name a user that only its own `/etc/passwd`
    /// knows: then this must be said.
    pub fn user(mut self, uid: u32, gid: u32) -> Self {
        self.user = Some((uid, gid));
        self
    }

    /// Gives its init a terminal.
    pub fn terminal(mut self, terminal: bool) -> Self {
        self.terminal = terminal;
        self
    }

    /// An OCI runtime spec, taken as it is: command, environment and all else that is said here
    /// goes for nothing, only the root of an image does. Its path is then `rootfs`.
    pub fn spec(self, spec: &Value) -> Self {
        self.spec_any(spec::payload("Spec", spec))
    }

    /// The same, encoded by the caller.
    pub fn spec_any(mut self, spec: Any) -> Self {
        self.spec = Some(spec);
        self
    }

    /// The runtime, by its name or the path of its shim; `io.containerd.runc.v2` unless said
    /// otherwise.
    pub fn runtime(mut self, name: impl Into<String>) -> Self {
        self.runtime = name.into();
        self
    }

    /// What its runtime is told whenever its task is created: [`crate::RuncOptions`] for runc's. The
    /// record keeps it, so that it holds for whoever finds the container later, too.
    pub fn runtime_options(mut self, options: impl Into<Any>) -> Self {
        self.runtime_options = Some(options.into());
        self
    }

    /// A label of its record.
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// Something that its record is to carry, by name.
    pub fn extension(mut self, name: impl Into<String>, value: Any) -> Self {
        self.extensions.insert(name.into(), value);
        self
    }

    /// The record that is created for it in a namespace; of one from an image without the names of
    /// the snapshot. `InvalidArgument` when nothing is to be run, or as a user whose number is not
    /// known.
    pub fn record(&self, namespace: &str) -> Result<Record, Error> {
        let spec = match &self.spec {
            Some(spec) => spec.clone(),
            None => self.built_spec(&format!("/laconic/{namespace}/{}", self.id))?,
        };
        let image = match &self.root {
            Root::Folder(_) => String::new(),
            Root::Image(image) => image.name.clone(),
        };
        let (name, options) = (self.runtime.clone(), self.runtime_options.clone());
        let mut labels: HashMap<_, _> = self.labels.clone().into_iter().collect();
        labels.insert("laconic.run".to_owned(), namespace.to_owned());
        Ok(Record {
            id: self.id.clone(),
            image,
            runtime: Some(Runtime { name, options }),
            spec: Some(spec),
            labels,
            extensions: self.extensions.clone().into_iter().collect(),
            ..Record::default()
        })
    }

    fn built_spec(&self, cgroup: &str) -> Result<Any, Error> {
        let refuse = |what: &str| {
            let doing = Doing::begin("create container", &self.id);
            Err(Error::refusal(&doing, Kind::InvalidArgument, what))
        };
        let mut run = Run { args: self.args.clone(), terminal: self.terminal, ..Run::default() };
        if let Root::Image(image) = &self.root {
            let config = &image.config;
            run.args = config.args(&self.args);
            if !config.env.is_empty() {
                run.env = config.env.clone();
            }
            if !config.working_dir.is_empty() {
                run.cwd = config.working_dir.clone();
            }
            match self.user.or_else(|| config.user_ids()) {
                Some(user) => run.user = user,
                None => {
                    let what = format!("its image runs as {:?}: give a uid", config.user);
                    return refuse(&what);
                }
            }
        }
        if run.args.is_empty() {
            return refuse("there is nothing to run: neither it nor an image says what");
        }
        self.env.iter().for_each(|variable| run.set(variable));
        run.cwd = self.cwd.clone().unwrap_or(run.cwd);
        run.user = self.user.unwrap_or(run.user);
        Ok(match &self.root {
            Root::Folder(path) => run.on_folder(path, cgroup),
            Root::Image(_) => run.on_image(cgroup),
        })
    }

    /// The snapshot that is to be prepared for it, and on which parent; empty: on none.
    pub(crate) fn snapshot(&self) -> Option<(Snapshot, String)> {
        match &self.root {
            Root::Folder(_) => None,
            Root::Image(image) => {
                let parent = image.chain_id().unwrap_or_default().to_owned();
                Some((Snapshot::new(&self.snapshotter, &self.id), parent))
            }
        }
    }
}
