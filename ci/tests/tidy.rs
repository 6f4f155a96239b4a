//! What holds the house together: dependency arrows, file sizes, nothing generated, licences, guards
//! that can still be taken out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).exec().unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Which of our packages may use which of our packages.
const ARROWS: [(&str, &[&str]); 12] = [
    ("rpc-ledger", &[]),
    ("rpc-spy", &["rpc-ledger"]),
    ("mock-containerd", &["rpc-ledger"]),
    ("laconic-client", &[]),
    ("driver-protocol", &[]),
    ("laconic-drivers", &["laconic-client", "driver-protocol"]),
    ("run-record", &["driver-protocol", "rpc-ledger"]),
    ("laconic-scenarios", &["driver-protocol", "run-record", "rpc-ledger"]),
    (
        "laconic-targets",
        &[
            "laconic-scenarios",
            "run-record",
            "driver-protocol",
            "mock-containerd",
            "rpc-spy",
            "rpc-ledger",
        ],
    ),
    ("laconic-reports", &["run-record", "driver-protocol", "rpc-ledger"]),
    ("laconic-benches", &["*"]),
    ("laconic", &["*"]),
];

/// Which of ours the *tests* of a package may use beside: what runs is held apart from what it is
/// tried against, and an arrow here is none in what is built.
const DEV_ARROWS: [(&str, &[&str]); 1] = [(
    "laconic-client",
    &["mock-containerd", "rpc-ledger", "laconic-scenarios", "laconic-targets"],
)];

/// What some of ours must not use of others'.
const FOREIGN: [(&str, &[&str]); 4] = [
    ("rpc-ledger", &["tonic", "prost", "tokio"]),
    ("rpc-spy", &["tonic", "prost"]),
    ("run-record", &["tokio", "tonic"]),
    ("laconic-reports", &["tokio", "tonic"]),
];

#[test]
fn our_packages_depend_on_each_other_only_along_the_arrows() {
    let metadata = metadata();
    let arrows: BTreeMap<_, _> = ARROWS.into_iter().collect();
    let tests: BTreeMap<_, _> = DEV_ARROWS.into_iter().collect();
    let ours: BTreeSet<String> =
        metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    assert_eq!(ours, arrows.keys().map(|name| (*name).to_owned()).collect());
    for package in metadata.workspace_packages() {
        let allowed = arrows[package.name.as_str()];
        for dependency in package.dependencies.iter().filter(|one| ours.contains(&one.name)) {
            let name = dependency.name.as_str();
            let tested = dependency.kind == DependencyKind::Development
                && tests.get(package.name.as_str()).is_some_and(|beside| beside.contains(&name));
            let fits = tested || allowed == ["*"] || allowed.contains(&name);
            assert!(fits, "{} must not depend on {name} ({})", package.name, dependency.kind);
            assert!(name != "laconic", "nothing depends on ci");
            assert!(name != "laconic-benches" || package.name == "laconic");
        }
    }
}

#[test]
fn rooms_that_must_not_know_a_runtime_or_grpc_do_not() {
    let metadata = metadata();
    for (package, forbidden) in FOREIGN {
        let found = metadata.workspace_packages();
        let package = found.iter().find(|one| one.name.as_str() == package).unwrap();
        for dependency in &package.dependencies {
            let used = dependency.kind == DependencyKind::Normal;
            let name = dependency.name.as_str();
            assert!(!used || !forbidden.contains(&name), "{} uses {name}", package.name);
        }
    }
}

fn files() -> Vec<PathBuf> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && name != ".git" {
                walk(&path, files);
            } else if path.is_file() {
                files.push(path);
            }
        }
    }
    let mut files = Vec::new();
    walk(&root(), &mut files);
    files
}

#[test]
fn files_are_short() {
    const LINES_MAX: usize = 500;
    const TEST_LINES_MAX: usize = 700;
    const MEDIAN_MAX: usize = 150;
    let mut lengths = Vec::new();
    for path in files().into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs")) {
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        let test = path.components().any(|part| part.as_os_str() == "tests");
        let most = if test { TEST_LINES_MAX } else { LINES_MAX };
        assert!(lines <= most, "{} has {lines} lines: find its second noun", path.display());
        lengths.push(lines);
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= MEDIAN_MAX, "the median file has {median} lines");
}

#[test]
fn no_proto_and_nothing_generated_is_checked_in() {
    for path in files() {
        let shown = path.display().to_string();
        assert!(path.extension().is_none_or(|e| e != "proto"), "{shown} is a proto");
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        // Cargo.lock is cargo's, and belongs here.
        let lock = path.file_name().is_some_and(|name| name == "Cargo.lock");
        let head: String = text.lines().take(3).collect();
        assert!(lock || !head.contains("@generated"), "{shown} is generated");
    }
}

#[test]
fn no_room_is_called_by_what_it_has_left_over() {
    for path in files() {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let vague = ["utils", "util", "common", "helpers", "misc"];
        assert!(!vague.contains(&stem.as_str()), "{} names no noun", path.display());
    }
}

/// A patch of ci/mutants takes a guard out; `ci/full mutants` sees that its test fails then.
#[test]
fn every_mutant_applies_and_names_the_test_that_must_catch_it() {
    let tests: String = files()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let folder = root().join("ci/mutants");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // Beside them stands a list of what cargo-mutants leaves.
        if path.extension().is_none_or(|extension| extension != "patch") {
            continue;
        }
        let shown = path.display();
        let text = std::fs::read_to_string(&path).unwrap();
        let line = |begin: &str| text.lines().find_map(|line| line.strip_prefix(begin));
        assert!(line("# guard: ").is_some(), "{shown} says not what it takes out");
        let caught_by = line("# caught-by: cargo test ").expect("each names its test");
        let name = caught_by.rsplit([' ', ':']).next().unwrap();
        assert!(tests.contains(&format!("fn {name}(")), "{shown}: there is no {name}");
        let mut apply = Command::new("git");
        let apply = apply.arg("-C").arg(root()).args(["apply", "--check"]).arg(&path);
        let told = apply.output().unwrap();
        let why = String::from_utf8_lossy(&told.stderr);
        assert!(told.status.success(), "{shown} does not apply any more: {why}");
    }
}

#[test]
fn every_dependency_has_a_licence_that_deny_toml_allows_and_comes_from_a_registry() {
    let text = std::fs::read_to_string(root().join("deny.toml")).unwrap();
    let deny: toml::Table = text.parse().unwrap();
    let allowed: BTreeSet<&str> = deny["licenses"]["allow"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|licence| licence.as_str())
        .collect();
    for package in metadata().packages {
        let Some(source) = &package.source else { continue };
        assert!(source.repr.starts_with("registry+"), "{} comes from {source}", package.name);
        let expression = package.license.clone().unwrap_or_default().replace('/', " OR ");
        assert!(satisfied(&expression, &allowed), "{}: {expression:?}", package.name);
    }
}

/// Whether an SPDX expression can be met: alternatives of conjunctions, as crates write them.
fn satisfied(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let flat = expression.replace(['(', ')'], "");
    // `(A OR B) AND C` is flattened to `A OR B AND C`: met if every AND part has an allowed OR.
    flat.split(" AND ").all(|part| part.split(" OR ").any(|one| allowed.contains(one.trim())))
}
