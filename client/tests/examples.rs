//! The examples run, and say what they are to say.

use std::process::Command;

/// Cargo builds examples with all tests, beside them; not with one that is named.
fn said(example: &str) -> String {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let path = path.join("examples").join(example);
    if !path.is_file() {
        let build = ["build", "-q", "-p", "laconic-client", "--example", example];
        assert!(Command::new(env!("CARGO")).args(build).status().unwrap().success());
    }
    let ran = Command::new(path).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
fn quickstart_runs_on_the_mock() {
    assert_eq!(said("quickstart"), "the exec exited with 7; all took 9 RPCs\n");
}

#[test]
fn a_daemon_restart_is_survived() {
    let said = said("daemon_restart");
    let (first, rest) = said.split_once('\n').unwrap();
    assert_eq!(first, "Lost { attempts: 0 }; the task's state: Err(Unreachable)");
    assert!(
        rest.ends_with(
            "Live { resyncs: 1 }; the task's state: Ok(Running)\nthe wait ended with 137\n"
        ),
        "{rest}"
    );
}

#[test]
fn exits_are_watched() {
    assert_eq!(said("watch_exits"), "c1: 1\nc2: 2\nc3: 3\n");
}
