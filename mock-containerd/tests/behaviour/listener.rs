//! A client's end of a process's standard streams.

use std::path::Path;

use containerd_client::services::v1 as api;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tonic::Status;

use crate::stage::{Stage, container, json as payload, none, within};

pub(crate) fn fifo(folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What a process said, and its status.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) status: u32,
}

/// Streams of one process: FIFOs whose readers are there.
pub(crate) struct Listener {
    folder: tempfile::TempDir,
    pub(crate) out: pipe::Receiver,
    pub(crate) err: pipe::Receiver,
}

impl Listener {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fifo(folder.path(), "in");
        let open =
            |name| pipe::OpenOptions::new().open_receiver(fifo(folder.path(), name)).unwrap();
        let (out, err) = (open("out"), open("err"));
        Self { folder, out, err }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// The client's end of standard input. Only once the streams are open: nobody reads before.
    pub(crate) fn input(&self) -> pipe::Sender {
        pipe::OpenOptions::new().open_sender(self.path("in")).unwrap()
    }

    /// A container with this process, its task created on these streams.
    pub(crate) async fn create(
        &self,
        stage: &Stage,
        id: &str,
        process: Value,
    ) -> Result<(), Status> {
        let terminal = process["terminal"].as_bool().unwrap_or_default();
        let mut of = container(id, &[]);
        let spec = json!({ "process": process, "root": { "path": "/nosuch" }, "hostname": "box" });
        of.spec = Some(payload(&spec));
        let request = api::CreateContainerRequest { container: Some(of) };
        stage.containers().create(within(request)).await.unwrap();
        let request = api::CreateTaskRequest {
            container_id: id.to_owned(),
            stdin: self.path("in"),
            stdout: self.path("out"),
            stderr: if terminal { String::new() } else { self.path("err") },
            terminal,
            ..none()
        };
        stage.tasks().create(within(request)).await.map(drop)
    }

    /// Everything until both streams end.
    pub(crate) async fn hear(mut self, stage: &Stage, id: &str) -> Heard {
        let (mut out, mut err) = (String::new(), String::new());
        let terminal = stage.get(id, "").await.unwrap().terminal;
        let errors = async {
            // Nobody has opened it there, so it would not end.
            if !terminal {
                self.err.read_to_string(&mut err).await.unwrap();
            }
        };
        let (_, (), waited) =
            tokio::join!(self.out.read_to_string(&mut out), errors, stage.wait(id, ""));
        Heard { out, err, status: waited.unwrap().exit_status }
    }
}

/// Runs a process to its end. Its standard input is closed.
pub(crate) async fn heard(stage: &Stage, id: &str, process: Value) -> Heard {
    let listener = Listener::new();
    listener.create(stage, id, process).await.unwrap();
    let container_id = id.to_owned();
    let close = api::CloseIoRequest { container_id, exec_id: String::new(), stdin: true };
    stage.tasks().close_io(within(close)).await.unwrap();
    stage.start(id, "").await.unwrap();
    listener.hear(stage, id).await
}
