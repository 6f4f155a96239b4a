//! A private containerd that a test may kill.

use std::io::Write;
use std::path::{Path, PathBuf};

use laconic_targets::StandError;
use laconic_targets::daemon::PrivateDaemon;

/// Past the capture of test output: nobody must take this for a pass.
pub(crate) fn not_run(what: &str, version: &str, why: &str) {
    let line = format!("NOT RUN: {what} on containerd {version}: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Where `ci/fetch` puts the programs of a version.
pub(crate) fn programs(version: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join("target/daemons").join(version).join("bin")
}

/// The one that the environment names (LACONIC_CONTAINERD_1_7); else 1.6 is the one on PATH, and all
/// others are fetched.
pub(crate) async fn daemon(what: &str, version: &str) -> Option<PrivateDaemon> {
    let named = format!("LACONIC_CONTAINERD_{}", version.replace('.', "_"));
    let binary = match std::env::var_os(&named) {
        Some(path) => Some(PathBuf::from(path)),
        None if version == "1.6" => None,
        None => Some(programs(version).join("containerd")),
    };
    start(what, version, binary.as_deref()).await
}

/// A certain one.
pub(crate) async fn start(
    what: &str,
    version: &str,
    binary: Option<&Path>,
) -> Option<PrivateDaemon> {
    match PrivateDaemon::start(binary).await {
        Ok(daemon) => Some(daemon),
        Err(StandError::Unavailable(lack)) => {
            not_run(what, version, &lack.to_string());
            None
        }
        Err(error) => panic!("{error}"),
    }
}
