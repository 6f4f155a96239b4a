//! Somebody else, in a process of its own, who kills tasks when it is told to.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use containerd_client::services::v1::KillRequest;
use containerd_client::services::v1::tasks_client::TasksClient;

use crate::NAMESPACE;
use crate::requests::within;

pub(crate) struct Killer {
    child: Child,
    orders: ChildStdin,
}

impl Drop for Killer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Killer {
    pub(crate) fn spawn(socket: &Path) -> Self {
        let program = std::env::current_exe().expect("it has a path");
        let mut command = Command::new(program);
        command.arg("kill").arg(socket).stdin(Stdio::piped());
        let mut child = command.spawn().expect("this program can be started");
        let orders = child.stdin.take().expect("a pipe was asked for");
        Self { child, orders }
    }

    pub(crate) fn kill(&mut self, numbers: &BTreeSet<usize>) {
        let words: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        writeln!(self.orders, "{}", words.join(" ")).expect("it reads");
    }
}

/// The other side: a line of numbers, and all of them are killed.
pub(crate) async fn kill_as_told(socket: &str) {
    let channel = containerd_client::connect(socket).await.expect("the mock serves");
    let mut tasks = TasksClient::new(channel);
    for line in std::io::stdin().lines() {
        for number in line.expect("text").split_whitespace() {
            let container_id = format!("c{number}");
            let message = KillRequest { container_id, signal: 9, all: true, ..Default::default() };
            tasks.kill(within(NAMESPACE, message)).await.expect("it is killed");
        }
    }
}
