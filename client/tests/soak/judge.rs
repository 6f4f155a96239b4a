//! What the client said, held against what the processes said; and what is left.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::time::Duration;

use containerd_client::services::v1::containers_client::ContainersClient;
use containerd_client::services::v1::tasks_client::TasksClient;
use containerd_client::services::v1::{ListContainersRequest, ListTasksRequest};
use laconic_client::{ExitNews, ExitStatus};
use laconic_targets::daemon::leftovers;
use tonic::Request;

use crate::ends::name;
use crate::ground::{Ground, Size, descriptors};
use crate::lives::{Entry, LivesShared};

const KILLED: u32 = 137;
/// How long the last news may take, and then how long nothing may be told twice.
const NEWS_LIMIT: Duration = Duration::from_secs(30);
const QUIET: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(crate) struct Verdict {
    lines: Vec<String>,
    pub(crate) faults: Vec<String>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

/// The true status of one, and when it ended; `None`: it was killed and cannot say.
fn truth(lives: &LivesShared, entry: &Entry) -> (u32, Option<i64>) {
    match lives.said.told(&name(&entry.container, entry.exec.as_deref())) {
        Some((code, at)) => (code, Some(at)),
        None => (KILLED, entry.ended_ns),
    }
}

/// Why what the client said of one is wrong.
fn wrong(lives: &LivesShared, entries: &[Entry], entry: &Entry, version: &str) -> Option<String> {
    let (code, _) = truth(lives, entry);
    match entry.waited {
        ExitStatus::Code(waited) if waited == code => None,
        ExitStatus::Code(waited) => Some(format!("said {code}, and the client {waited}")),
        ExitStatus::Unknown if version == "1.6" => {
            Some(format!("said {code}, and 1.6 has it; the client does not know"))
        }
        ExitStatus::Unknown => {
            // An exec is forgotten with its task alone.
            let init =
                entries.iter().find(|one| one.container == entry.container && one.exec.is_none());
            let ended = init.and_then(|init| truth(lives, init).1);
            let hidden = ended.is_some_and(|at| lives.outages.may_have_hidden(at));
            (!hidden)
                .then(|| format!("said {code}; the daemon lived, and the client does not know"))
        }
    }
}

fn of(news: &ExitNews) -> String {
    name(&news.container, news.exec.as_deref())
}

/// Every process that was started is told once, and the same as to who waited.
fn judge_news(entries: &[Entry], not_started: &[String], news: &[ExitNews]) -> Vec<String> {
    let mut told: BTreeMap<String, Vec<ExitStatus>> = BTreeMap::new();
    for one in news {
        told.entry(of(one)).or_default().push(one.exit.status);
    }
    let mut faults = Vec::new();
    for entry in entries {
        let name = name(&entry.container, entry.exec.as_deref());
        let told = told.remove(&name).unwrap_or_default();
        if told != [entry.waited] {
            faults.push(format!("{name} ended with {}, and the news were {told:?}", entry.waited));
        }
    }
    // What was half started may have run.
    let may: BTreeSet<&String> = not_started.iter().collect();
    for (name, told) in told {
        if told.len() > 1 || !may.contains(&name) {
            faults.push(format!("{name} was not started, and the news were {told:?}"));
        }
    }
    faults
}

async fn all_news(ground: &mut Ground, least: usize) -> Vec<ExitNews> {
    // Who is missing is found by whoever judges.
    let _ =
        tokio::time::timeout(NEWS_LIMIT, ground.news.wait_for(|news| news.len() >= least)).await;
    tokio::time::sleep(QUIET).await;
    ground.news.borrow().clone()
}

async fn left(ground: &Ground) -> Vec<String> {
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
    let mut left: Vec<String> =
        tasks.chain(containers.map(|container| format!("container {}", container.id))).collect();
    let fifos = std::fs::read_dir(ground.io_root.path()).unwrap();
    left.extend(fifos.map(|entry| format!("FIFOs {}", entry.unwrap().path().display())));
    left.extend(left_of_run(ground));
    left
}

/// But for what the daemon itself has as long as it lives.
fn left_of_run(ground: &Ground) -> Vec<String> {
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

pub(crate) async fn judge(ground: &mut Ground, size: &Size) -> Verdict {
    let lives = ground.lives.clone();
    lives.client.undone().await;
    let (entries, not_started, mut faults) = {
        let books = lives.books.lock().unwrap();
        (books.entries.clone(), books.not_started.clone(), books.faults.clone())
    };
    let news = all_news(ground, entries.len()).await;
    for entry in &entries {
        let wrong = wrong(&lives, &entries, entry, &size.version);
        let name = name(&entry.container, entry.exec.as_deref());
        faults.extend(wrong.map(|wrong| format!("{name} ({:?}) {wrong}", entry.ends)));
    }
    faults.extend(judge_news(&entries, &not_started, &news));
    let without_cause = lives.outages.without_cause();
    faults.extend(without_cause.into_iter().map(|what| format!("{what}, and the daemon lived")));
    let version = lives.client.version().await.unwrap().version;
    let left = left(ground).await;
    faults.extend(left.iter().map(|what| format!("left: {what}")));
    if !faults.is_empty() {
        faults.extend(lives.outages.all().iter().map(|outage| format!("{outage:?}")));
        let journal = std::mem::take(&mut lives.books.lock().unwrap().journal);
        let text = faults.join("\n");
        // What happened to those of whom something is said.
        let of_it = |name: &str| {
            let container = name.split('.').next().unwrap_or(name);
            text.split(|c: char| !c.is_alphanumeric()).any(|word| word == container)
        };
        let lines = journal.into_iter().filter(|(name, _)| of_it(name));
        faults.extend(lines.map(|(name, line)| format!("{line} [{name}]")));
        faults.push(ground.daemon().log_tail());
        if let Some(to) = std::env::var_os("SOAK_DEBUG") {
            let folder = ground.daemon().socket().parent().unwrap();
            std::process::Command::new("sh").arg("-c").arg(format!("cp {0}/containerd.log {1}/; ls -laR {0}/state/io.containerd.runtime.v2.task > {1}/bundles; ls -la {0}/state/io.containerd.runtime.v2.task/*/* >/dev/null; ps axo pid,ppid,lstart,args | grep shim > {1}/ps", folder.display(), to.display())).status().unwrap();
        }
    }
    let descriptors = descriptors();
    if descriptors != ground.descriptors_before {
        faults.push(format!(
            "descriptors: {} before, {descriptors} after",
            ground.descriptors_before
        ));
    }
    let unknown = entries.iter().filter(|one| one.waited == ExitStatus::Unknown).count();
    let outages = lives.outages.all();
    if outages.len() as u64 != size.kills {
        faults.push(format!("the daemon was killed {} times", outages.len()));
    }
    let lines = vec![
        format!(
            "containerd {version}: {} lifecycles (seed {}), killed and started again {} times, {} s",
            size.lives,
            size.seed,
            outages.len(),
            ground.taken.as_secs()
        ),
        format!(
            "{} processes started, {} of them told with the status that they wrote themselves, {unknown} with unknown",
            entries.len(),
            entries.len() - unknown,
        ),
        format!(
            "{} calls without an answer, all while the daemon was away; {} starts among them, undone",
            lives.outages.unanswered_count(),
            not_started.len()
        ),
        format!(
            "left: {}; descriptors: {} before, {descriptors} after",
            left.len(),
            ground.descriptors_before
        ),
        format!("faults: {}", faults.len()),
    ];
    Verdict { lines, faults }
}
