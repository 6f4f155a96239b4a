//! Mocks, as a kind of server.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mock_containerd::{MockContainerd, ProcessScript, Profile};
use tempfile::TempDir;

use crate::log::Watcher;
use crate::server::{Ground, Kind, Pending, Server};
use crate::step::Deed;

/// How long it takes a program to use more memory than it may.
const HUNGER: Duration = Duration::from_millis(20);

pub(crate) struct Mocks(pub(crate) Profile);

struct Held {
    mock: Mutex<Option<MockContainerd>>,
    _folder: TempDir,
}

impl Kind for Mocks {
    fn start(&self) -> Pending<'_, Server> {
        Box::pin(async {
            // A mock has no memory that could run out: the case's program is told to.
            let hungry = ProcessScript::runs_until_killed().runs_out_of_memory(HUNGER);
            let builder = MockContainerd::builder().profile(self.0).process("dd", hungry);
            let mock = builder.start().await.unwrap();
            let socket = mock.socket().to_owned();
            let channel = containerd_client::connect(&socket).await.unwrap();
            let folder = tempfile::tempdir().unwrap();
            let version = match self.0 {
                Profile::V1_6 => "1.6",
                Profile::V1_7 => "1.7",
                Profile::V2_1 => "2.1",
            };
            let root = folder.path().join("root");
            Server {
                watcher: Watcher::start(&channel).await,
                socket,
                version,
                stands_in: true,
                prefix: "observed-".to_owned(),
                rootfs: folder.path().join("rootfs"),
                state: folder.path().join("state"),
                root,
                folder: folder.path().to_owned(),
                ground: Arc::new(Held { mock: Mutex::new(Some(mock)), _folder: folder }),
            }
        })
    }
}

impl Ground for Held {
    fn perform(&self, _deed: Deed, _namespace: String) -> Pending<'_, Result<(), String>> {
        Box::pin(async { Err("the mock has no such lever yet".to_owned()) })
    }

    fn end(&self) -> Pending<'_, ()> {
        drop(self.mock.lock().unwrap().take());
        Box::pin(async {})
    }
}
