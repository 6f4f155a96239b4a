//! What is left when all is over.

use std::path::Path;

use containerd_client::services::v1::containers_client::ContainersClient;
use containerd_client::services::v1::tasks_client::TasksClient;
use containerd_client::services::v1::{ListContainersRequest, ListTasksRequest};
use laconic_targets::daemon::leftovers;
use tonic::Request;

use crate::ground::Ground;

/// What is left: first what the daemon itself has lost, then all else.
pub(crate) async fn left(ground: &Ground, not_started: &[String]) -> (Vec<String>, Vec<String>) {
    let all = [of_server(ground).await, of_fifos(ground), of_run(ground)].concat();
    all.into_iter().partition(|what| is_lost_by_daemon(ground, not_started, what))
}

async fn of_server(ground: &Ground) -> Vec<String> {
    let channel = containerd_client::connect(ground.daemon().socket()).await.unwrap();
    let namespace = &ground.lives.namespace;
    fn within<M>(namespace: &str, message: M) -> Request<M> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("containerd-namespace", namespace.parse().unwrap());
        request
    }
    let tasks = TasksClient::new(channel.clone())
        .list(within(namespace, ListTasksRequest::default()))
        .await
        .unwrap();
    let containers = ContainersClient::new(channel)
        .list(within(namespace, ListContainersRequest::default()))
        .await
        .unwrap();
    let tasks = tasks.into_inner().tasks.into_iter().map(|task| format!("task {}", task.id));
    let containers = containers.into_inner().containers.into_iter();
    tasks.chain(containers.map(|container| format!("container {}", container.id))).collect()
}

fn of_fifos(ground: &Ground) -> Vec<String> {
    let fifos = std::fs::read_dir(ground.io_root.path()).unwrap();
    fifos.map(|entry| format!("FIFOs {}", entry.unwrap().path().display())).collect()
}

/// But for what the daemon itself has as long as it lives.
fn of_run(ground: &Ground) -> Vec<String> {
    let rootfs = ground.lives.rootfs.clone();
    let own = |line: &String| {
        let (what, of) = line.split_once(' ').unwrap_or_default();
        match what {
            "process" => !of.contains("containerd-shim"),
            "mount" => Path::new(of).starts_with(&rootfs),
            "cgroup" | "folder" | "runc" => true,
            _ => false,
        }
    };
    let mut left = leftovers(ground.daemon().run_id());
    left.retain(|line| !own(line));
    // The namespace's folder stays; what is in it is of a container.
    let runc = Path::new("/run/containerd/runc").join(&ground.lives.namespace);
    let containers = std::fs::read_dir(runc).into_iter().flatten();
    left.extend(containers.map(|entry| format!("runc state {}", entry.unwrap().path().display())));
    left
}

/// Whether this is left of a task that the daemon was killed over while it created it: before it had
/// written down where the shim is that was starting. The next one cannot find that, says so, and
/// removes the bundle alone (seen on 1.6 and 2.1); no call reaches the shim any more.
fn is_lost_by_daemon(ground: &Ground, not_started: &[String], what: &str) -> bool {
    let of = |id: &&String| {
        what.contains(&format!(" -id {id} "))
            || what.ends_with(&format!("/{}/{id}", ground.lives.namespace))
    };
    let run = ground.daemon().socket().parent().unwrap();
    let bundles = run.join("state/io.containerd.runtime.v2.task").join(&ground.lives.namespace);
    let log = std::fs::read_to_string(run.join("containerd.log")).unwrap();
    let gave_up = |id: &String| {
        let mut lines = log.lines().filter(|line| line.contains(&format!(" id={id} ")));
        lines.any(|line| line.contains("cleaning up after shim disconnected"))
    };
    (what.starts_with("process") || what.starts_with("runc state"))
        && not_started.iter().find(of).is_some_and(|id| gave_up(id) && !bundles.join(id).exists())
}

/// How many descriptors this process has open.
pub(crate) fn descriptors() -> usize {
    // But for the one that looks.
    std::fs::read_dir("/proc/self/fd").unwrap().count() - 1
}
