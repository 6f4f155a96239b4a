//! Finds the protos inside the containerd-client package, wherever cargo unpacked it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version that this crate's manifest pins.
const PACKAGE: &str = "containerd-client";
const VERSION: &str = "0.9.0";
/// Below the package; a second copy of the protos lies deeper.
const INSIDE: &str = "vendor/github.com/containerd/containerd/api";

/// The package's `vendor` folder, which imports are relative to.
pub(crate) fn root() -> Result<PathBuf, String> {
    let package = in_registry().or_else(by_metadata);
    let root = package.map(|package| package.join("vendor"));
    root.ok_or_else(|| {
        format!(
            "the sources of {PACKAGE} {VERSION} were not found in cargo's registry; run \
             `cargo fetch`, or `cargo vendor` with its source replacement in .cargo/config.toml"
        )
    })
}

fn holds_protos(package: &Path) -> bool {
    package.join(INSIDE).is_dir()
}

fn in_registry() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")))?;
    let registries = std::fs::read_dir(home.join("registry/src")).ok()?;
    registries
        .filter_map(Result::ok)
        .map(|registry| registry.path().join(format!("{PACKAGE}-{VERSION}")))
        .find(|package| holds_protos(package))
}

/// Asks cargo: it knows of vendored and replaced sources. Slower, so only when the registry's
/// folder does not have it.
fn by_metadata() -> Option<PathBuf> {
    let manifest = PathBuf::from(env::var_os("OUT_DIR")?)
        .ancestors()
        .map(|folder| folder.join("Cargo.toml"))
        .find(|manifest| manifest.is_file())
        .or_else(|| Some(PathBuf::from(env::var_os("CARGO_MANIFEST_DIR")?).join("Cargo.toml")))?;
    let output = Command::new(env::var_os("CARGO")?)
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform"])
        .arg(env::var_os("TARGET")?)
        .arg("--manifest-path")
        .arg(&manifest)
        // Cargo looks for its configuration, and so for replaced sources, from where it runs.
        .current_dir(manifest.parent()?)
        .output()
        .ok()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    metadata["packages"]
        .as_array()?
        .iter()
        .filter(|package| package["name"] == PACKAGE && package["version"] == VERSION)
        .filter_map(|package| Path::new(package["manifest_path"].as_str()?).parent())
        .map(Path::to_owned)
        .find(|package| holds_protos(package))
}
