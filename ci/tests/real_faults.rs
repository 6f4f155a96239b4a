//! `laconic run --faults` on a private real daemon: what goes wrong does so for real, the counts are exact,
//! and nothing is left. It needs root and containerd, and says so when it cannot run.

mod laconic;

use std::io::Write;

use laconic_targets::daemon::Machine;
use run_record::{CheckResult, Line, Record};

use laconic::laconic;

/// Whether these tests can run; past the capture of their output, so that nobody takes it for a pass.
fn runs() -> bool {
    let lack = Machine::look().lacks();
    if let Some(lack) = &lack {
        let line = format!("NOT RUN: faults on a real containerd: {lack}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    lack.is_none()
}

/// A run with these faults: the record, and what fired in its cases.
fn run(faults: &str, cases: &[&str]) -> (Vec<Line>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (file, record) = (folder.path().join("f.toml"), folder.path().join("r.jsonl"));
    std::fs::write(&file, faults).unwrap();
    let (file, record) = (file.to_str().unwrap(), record.to_str().unwrap());
    let mut arguments = vec!["run", "--require", "real", "--target", "real"];
    arguments.extend(["--driver", "retained", "--faults", file, "--record", record]);
    arguments.extend(cases.iter().flat_map(|case| ["--run", case]));
    let output = laconic(&arguments);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{faults}{printed}{told}");
    let lines = Record::open(std::path::Path::new(record)).unwrap().lines;
    assert!(run_record::conserve(&lines).is_empty());
    let met = lines.iter().flat_map(|line| match line {
        Line::CaseEnd(end) => end.faults.clone(),
        _ => Vec::new(),
    });
    let met: Vec<String> = met.collect();
    assert!(!met.is_empty(), "{faults}{printed}");
    (lines, met)
}

/// The verdicts of the run: both countings agree.
fn counted_alike(lines: &[Line]) -> Vec<String> {
    let ends: Vec<_> = lines
        .iter()
        .filter_map(|line| match line {
            Line::RunEnd(end) => Some(end),
            _ => None,
        })
        .collect();
    assert_eq!(ends.len(), 1);
    for check in ["cross-check", "tap-and-layer"] {
        let verdict = ends[0].verdicts.iter().find(|verdict| verdict.check == check).unwrap();
        assert_eq!(verdict.result, CheckResult::Pass, "{verdict:?}");
    }
    ends[0].verdicts.iter().map(|verdict| verdict.detail.clone()).collect()
}

#[test]
fn calls_are_refused_and_connections_and_streams_are_cut() {
    if !runs() {
        return;
    }
    let faults = "[[rpc]]\non = \"Tasks/Start\"\nplan = '1*error(unavailable:\"x\")->off'\n\
                  [[cut]]\nafter = \"Tasks/Kill#1\"\nwhat = \"connection\"\n\
                  [[cut]]\nafter = \"Containers/Create#1\"\nwhat = \"stream:Events/Subscribe\"\n";
    let (lines, met) = run(faults, &["named/kill-*"]);
    for part in ["Tasks/Start#1: error(unavailable", "connection cut", "Events/Subscribe reset"] {
        assert!(met.iter().any(|one| one.contains(part)), "{part}: {met:?}");
    }
    counted_alike(&lines);
    let injected = lines.iter().filter(|line| match line {
        Line::Call(call) => call.injected && call.code == "unavailable",
        _ => false,
    });
    assert!(injected.count() > 0);
}

#[test]
fn events_are_lost_doubled_late_and_swapped() {
    if !runs() {
        return;
    }
    let event = |topic: &str, done: &str| {
        format!("[[event]]\ntopic = \"/tasks/{topic}\"\nnth = 1\ndo = \"{done}\"\n")
    };
    let faults = event("exec-started", "lose")
        + &event("create", "duplicate")
        + &event("start", "swap-next")
        + &event("exec-added", "delay(50ms)");
    let (lines, met) = run(&faults, &["named/exec-exits-*"]);
    for part in ["lose", "duplicate", "swap-next", "delay(50ms)"] {
        assert!(met.iter().any(|one| one.contains(part)), "{part}: {met:?}");
    }
    counted_alike(&lines);
}

#[test]
fn the_daemon_is_restarted_with_its_tasks_and_without_and_counts_through_it() {
    if !runs() {
        return;
    }
    for tasks in ["kept", "lost"] {
        let faults = format!(
            "[[daemon]]\nafter = \"Tasks/Start#1\"\ndo = \"restart\"\ntasks = \"{tasks}\"\n"
        );
        let (lines, met) = run(&faults, &["named/exec-exits-with-7", "named/kill-*"]);
        assert!(met.iter().all(|one| one.contains("daemon restarted")), "{met:?}");
        let told = format!("the daemon was restarted {} times, and 0 times", met.len());
        let details = counted_alike(&lines);
        assert!(details.iter().any(|detail| detail.contains(&told)), "{details:?}");
    }
}

#[test]
fn a_shim_is_killed_or_hangs_for_a_while() {
    if !runs() {
        return;
    }
    let faults = "[[daemon]]\nafter = \"Tasks/Start#1\"\ndo = \"kill-shim:c0\"\n";
    let (lines, met) = run(faults, &["named/exec-exits-with-7", "named/kill-*"]);
    assert!(met.iter().all(|one| one.contains("shim killed")), "{met:?}");
    counted_alike(&lines);
    let faults =
        "[[daemon]]\nafter = \"Tasks/Start#1\"\ndo = \"hang-shim:c0\"\nthen = \"back(300ms)\"\n";
    let (lines, met) = run(faults, &["named/exec-exits-with-7"]);
    assert!(met.iter().all(|one| one.contains("shim hung")), "{met:?}");
    counted_alike(&lines);
}

#[test]
fn a_shim_that_is_killed_and_a_restart_after_the_same_call_wait_for_each_other_no_longer() {
    if !runs() {
        return;
    }
    let after = |done: &str| format!("[[daemon]]\nafter = \"Tasks/Start#1\"\ndo = \"{done}\"\n");
    for faults in [["kill-shim:c0", "restart"], ["restart", "kill-shim:c0"]] {
        let faults = faults.map(after).concat();
        let (lines, met) = run(&faults, &["named/exec-exits-with-7"]);
        assert_eq!(met.len(), 2, "{met:?}");
        counted_alike(&lines);
    }
}
