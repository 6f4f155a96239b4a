//! Removes all that came of one run: processes, mounts, cgroups, runc's state, sockets, files.
//! Found by the run's own names, never by guess.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::mount::{UnmountFlags, unmount};
use rustix::process::Signal;
use tokio::time::Instant;

use super::manifest::RunId;
use super::process::{Process, gone, reap_adopted};

const RUNC_STATE: &str = "/run/containerd/runc";
const SHIM_SOCKETS: &str = "/run/containerd/s";
const CGROUPS: &str = "/sys/fs/cgroup";
/// How long processes may take to end once they were killed.
const END_LIMIT_MS: u64 = 10_000;
const POLL_MS: u64 = 5;

/// What is still there of a run, in words.
pub fn leftovers(run: &RunId) -> Vec<String> {
    leftovers_of(run)
}

pub(super) fn leftovers_of(run: &RunId) -> Vec<String> {
    let mut left = Vec::new();
    let processes = daemon_and_shims(run).into_iter().chain(in_cgroups(run));
    left.extend(processes.map(|process| {
        format!("process {} ({})", process.pid, process.command_line().join(" ").trim())
    }));
    let show = |what: &'static str| move |path: PathBuf| format!("{what} {}", path.display());
    left.extend(mounts(&run.folder()).into_iter().map(show("mount")));
    left.extend(cgroups(run).into_iter().map(show("cgroup")));
    left.extend(runc_state(run).into_iter().map(show("runc state")));
    if run.folder().exists() {
        left.push(show("folder")(run.folder()));
    }
    left
}

/// Ends the daemon, its shims and what they run.
pub(super) async fn end_processes(run: &RunId, limit: Duration) {
    // The daemon first: it would report, and restart nothing, but must not act on what follows.
    let daemons = daemon_and_shims(run);
    daemons.iter().for_each(|process| process.kill(Signal::KILL));
    gone(&daemons, limit).await;
    thaw(run);
    let contained = in_cgroups(run);
    contained.iter().for_each(|process| process.kill(Signal::KILL));
    gone(&contained, limit).await;
}

/// Ends and removes everything. What cannot be removed is found by [`leftovers`].
pub(super) async fn sweep(run: &RunId) {
    let limit = Duration::from_millis(END_LIMIT_MS);
    end_processes(run, limit).await;
    remove_shim_sockets(run);
    remove_cgroups(run, limit).await;
    for parent in subfolders(Path::new(CGROUPS)).into_iter().chain([CGROUPS.into()]) {
        // Only when it is empty: another run may be using it.
        let _ = fs::remove_dir(parent.join("laconic"));
    }
    for state in runc_state(run) {
        let _ = fs::remove_dir_all(state);
    }
    remove_mounts_and_files(&run.folder());
}

/// Unmounts all below a folder of ours, and removes it.
pub(super) fn remove_mounts_and_files(folder: &Path) {
    for mount in mounts(folder).into_iter().rev() {
        let _ = unmount(&mount, UnmountFlags::DETACH);
    }
    // Nothing of the host's is mounted below any more, or this would reach it.
    if mounts(folder).is_empty() {
        let _ = fs::remove_dir_all(folder);
    }
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let folders = entries.filter_map(Result::ok).map(|entry| entry.path());
    folders.filter(|path| path.is_dir() && !path.is_symlink()).collect()
}

/// Processes whose command line names the run's own folder: the daemon its configuration, a shim
/// the daemon's socket.
pub(super) fn daemon_and_shims(run: &RunId) -> Vec<Process> {
    let own = format!("{}/", run.folder().display());
    let mut all = Process::all();
    all.retain(|process| {
        let line = process.command_line();
        let program = line.first().map_or("", String::as_str);
        program.contains("containerd") && line.iter().skip(1).any(|arg| arg.starts_with(&own))
    });
    all
}

/// Cgroups of the run's namespaces, in every hierarchy.
fn cgroups(run: &RunId) -> Vec<PathBuf> {
    let prefix = run.namespace_prefix();
    let hierarchies = subfolders(Path::new(CGROUPS)).into_iter().chain([PathBuf::from(CGROUPS)]);
    hierarchies
        .flat_map(|hierarchy| subfolders(&hierarchy.join("laconic")))
        .filter(|path| named_with(path, &prefix))
        .collect()
}

fn named_with(path: &Path, prefix: &str) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(prefix))
}

fn in_cgroups(run: &RunId) -> Vec<Process> {
    let mut processes: Vec<Process> = cgroups(run)
        .iter()
        .flat_map(|cgroup| subfolders(cgroup))
        .filter_map(|cgroup| fs::read_to_string(cgroup.join("cgroup.procs")).ok())
        .flat_map(|text| text.lines().filter_map(|line| line.parse().ok()).collect::<Vec<i32>>())
        .filter_map(Process::of)
        .collect();
    processes.sort();
    processes.dedup();
    processes
}

/// What is frozen does not even die.
fn thaw(run: &RunId) {
    for cgroup in cgroups(run).iter().flat_map(|cgroup| subfolders(cgroup)) {
        let _ = fs::write(cgroup.join("freezer.state"), "THAWED");
        let _ = fs::write(cgroup.join("cgroup.freeze"), "0");
    }
}

/// What ended by itself a moment ago may keep its cgroup until it is reaped, and nothing tells when:
/// it is tried until the limit.
async fn remove_cgroups(run: &RunId, limit: Duration) {
    let limit = Instant::now() + limit;
    let mut poll = tokio::time::interval(Duration::from_millis(POLL_MS));
    loop {
        for cgroup in cgroups(run) {
            remove_cgroup(&cgroup);
        }
        if cgroups(run).is_empty() || Instant::now() > limit {
            return;
        }
        reap_adopted();
        poll.tick().await;
    }
}

fn remove_cgroup(path: &Path) {
    for child in subfolders(path) {
        remove_cgroup(&child);
    }
    let _ = fs::remove_dir(path);
}

fn runc_state(run: &RunId) -> Vec<PathBuf> {
    let prefix = run.namespace_prefix();
    subfolders(Path::new(RUNC_STATE)).into_iter().filter(|path| named_with(path, &prefix)).collect()
}

/// Mounts below a folder, outermost first.
fn mounts(folder: &Path) -> Vec<PathBuf> {
    let Ok(text) = fs::read_to_string("/proc/self/mountinfo") else { return Vec::new() };
    let places = text.lines().filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from);
    places.filter(|place| place.starts_with(folder)).collect()
}

/// 2.x writes down more than the address.
fn shim_address(bundle: &Path) -> Option<String> {
    if let Ok(address) = fs::read_to_string(bundle.join("address")) {
        return Some(address);
    }
    let bootstrap = fs::read(bundle.join("bootstrap.json")).ok()?;
    let bootstrap: serde_json::Value = serde_json::from_slice(&bootstrap).ok()?;
    bootstrap["address"].as_str().map(str::to_owned)
}

/// A shim's socket lies outside; the bundle tells where.
fn remove_shim_sockets(run: &RunId) {
    let bundles = run.folder().join("state/io.containerd.runtime.v2.task");
    for bundle in subfolders(&bundles).iter().flat_map(|namespace| subfolders(namespace)) {
        let Some(address) = shim_address(&bundle) else { continue };
        let Some(path) = address.trim().strip_prefix("unix://") else { continue };
        if Path::new(path).parent() == Some(Path::new(SHIM_SOCKETS)) {
            let _ = fs::remove_file(path);
        }
    }
}
