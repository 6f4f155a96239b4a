//! `laconic run --faults`: what is injected stands in the record, is the same in every run, and is
//! held against no client.

mod laconic;

use std::collections::BTreeMap;
use std::path::Path;

use run_record::{CallLine, CheckResult, Line, Record, StepLine};

use laconic::laconic;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A run on the mock with these faults: how it ended, what it printed, and its record.
fn run(faults: &str, more: &[&str]) -> (i32, String, Vec<Line>) {
    let folder = tempfile::tempdir().unwrap();
    let (file, record) = (folder.path().join("f.toml"), folder.path().join("r.jsonl"));
    std::fs::write(&file, faults).unwrap();
    let mut arguments =
        vec!["run", "--target", "mock:1.6", "--faults", path(&file), "--record", path(&record)];
    arguments.extend(more);
    let output = laconic(&arguments);
    let printed = text(&output.stdout).replace(path(&file), "f.toml");
    let lines = Record::open(&record).unwrap().lines;
    assert!(run_record::conserve(&lines).is_empty());
    let code = output.status.code().unwrap();
    assert!(code == 0 || code == 3, "{code}: {printed}{}", text(&output.stderr));
    (code, printed, lines)
}

fn injected(lines: &[Line]) -> Vec<&CallLine> {
    let calls = lines.iter().filter_map(|line| match line {
        Line::Call(call) => Some(&**call),
        _ => None,
    });
    calls.filter(|call| call.injected).collect()
}

fn steps(lines: &[Line]) -> impl Iterator<Item = &StepLine> {
    lines.iter().filter_map(|line| match line {
        Line::Step(step) => Some(&**step),
        _ => None,
    })
}

/// Case, method and ending of all injected calls, and the counts of all steps.
fn what_repeats(lines: &[Line]) -> Vec<String> {
    let mut seen: Vec<String> = injected(lines)
        .iter()
        .map(|call| format!("{} {} {} {}", call.run, call.case, call.method, call.code))
        .collect();
    seen.extend(steps(lines).map(|step| {
        let verdicts: Vec<_> =
            step.verdicts.iter().map(|verdict| (&verdict.check, verdict.result)).collect();
        format!("{} {} {} {:?} {verdicts:?}", step.run, step.case, step.step, step.rpcs)
    }));
    seen
}

const STARTS: &str = r#"
[[rpc]]
on = "Tasks/Start"
plan = '1*error(unavailable:"x")->off'
"#;

const RESTARTS: &str = "[[daemon]]\nafter = \"Tasks/Start#1\"\ndo = \"restart\"\n";

/// Scenarios in which an init is started and something is done to it. Those that wait until it ends by
/// itself are left out: one that did not start never does, and a client that only listens, as the
/// stateless one, waits until its time is over.
const STARTING: [&str; 8] = [
    "named/kill-*",
    "named/exec-exits-*",
    "named/force-delete-*",
    "named/pause-*",
    "named/pids-are-listed",
    "named/stats-are-read",
    "named/update-changes-limits",
    "named/resize-is-accepted",
];

#[test]
fn injected_calls_stand_in_the_record_and_excuse_the_error_that_they_caused() {
    let chosen: Vec<&str> = STARTING.iter().flat_map(|pattern| ["--run", pattern]).collect();
    let (code, printed, lines) = run(STARTS, &chosen);
    assert_eq!(code, 0, "{printed}");
    let calls = injected(&lines);
    assert!(calls.len() > 20, "{}", calls.len());
    let of_start = |call: &&CallLine| {
        call.method == "/containerd.services.tasks.v1.Tasks/Start" && call.code == "unavailable"
    };
    assert!(calls.iter().all(of_start), "{calls:?}");
    // Once in each case of each client, and the observer's own calls never count.
    let mut by_case: BTreeMap<(u32, &str), u64> = BTreeMap::new();
    for call in &calls {
        *by_case.entry((call.run, &call.case)).or_default() += 1;
    }
    assert!(by_case.values().all(|calls| *calls == 1), "{by_case:?}");
    let first = steps(&lines).find(|step| step.operation == "start").unwrap();
    let outcome = first.verdicts.iter().find(|verdict| verdict.check == "outcome").unwrap();
    assert_eq!(outcome.result, CheckResult::Skip);
    assert!(outcome.detail.contains("after Tasks/Start#1: error(unavailable"), "{outcome:?}");
    let of_calls = format!("{} calls injected", calls.iter().filter(|call| call.run == 1).count());
    assert!(printed.contains(&of_calls), "{printed}");
}

#[test]
fn a_run_with_faults_is_the_same_again_and_each_case_whatever_runs_beside_it() {
    let drawn = "seed = 7\n[[rpc]]\non = \"Tasks/Exec\"\nplan = '50%error(aborted)->off'\n";
    let more = ["--driver", "retained", "--run", "named/exec-*"];
    let (_, _, first) = run(drawn, &more);
    let (_, _, second) = run(drawn, &more);
    assert_eq!(what_repeats(&first), what_repeats(&second));
    let hit: Vec<String> = injected(&first).iter().map(|call| call.case.clone()).collect();
    assert!(!hit.is_empty(), "the seed hits some");
    let (_, _, alone) = run(drawn, &["--driver", "retained", "--case", &hit[0]]);
    let of_case = |lines: &[Line]| injected(lines).iter().filter(|c| c.case == hit[0]).count();
    assert_eq!(of_case(&first), of_case(&alone));
    let of_cases: std::collections::BTreeSet<&str> = steps(&first)
        .filter(|step| step.operation == "exec")
        .map(|step| step.case.as_str())
        .collect();
    let spared = of_cases.iter().any(|case| !hit.iter().any(|one| one == case));
    assert!(spared, "and not all: cases are drawn for one by one");
}

#[test]
fn lost_events_cut_connections_and_dead_shims_are_held_against_nobody() {
    let all = [
        "[[event]]\ntopic = \"/tasks/exec-started\"\nnth = 1\ndo = \"lose\"\n",
        "[[cut]]\nafter = \"Tasks/Start#1\"\nwhat = \"connection\"\n",
        "[[cut]]\nafter = \"Tasks/Start#1\"\nwhat = \"stream:Events/Subscribe\"\n",
        "[[daemon]]\nafter = \"Tasks/Start#1\"\ndo = \"kill-shim:c0\"\n",
        "[[daemon]]\nafter = \"Tasks/Start#1\"\ndo = \"restart\"\ntasks = \"lost\"\n",
    ];
    let held_against_nobody = |faults: &str| {
        let (code, printed, lines) = run(faults, &["--run", "named/exec-exits-*"]);
        assert_eq!(code, 0, "{faults}{printed}");
        let met = lines.iter().any(|line| match line {
            Line::CaseEnd(end) => !end.faults.is_empty(),
            _ => false,
        });
        assert!(met, "{faults}{printed}");
    };
    // Beside each other: clients that wait for what was lost do so for most of the time.
    std::thread::scope(|scope| {
        for faults in all {
            scope.spawn(move || held_against_nobody(faults));
        }
    });
}

#[test]
fn an_exit_that_comes_twice_is_told_once() {
    let faults = "[[event]]\ntopic = \"/tasks/exit\"\nnth = 1\ndo = \"duplicate\"\n";
    for driver in ["retained", "stateless"] {
        let (code, printed, _) =
            run(faults, &["--case", "named/exec-exits-with-7", "--driver", driver]);
        assert_eq!(code, 0, "{printed}");
    }
}

#[test]
fn a_client_that_cannot_connect_because_of_a_fault_is_not_judged() {
    let faults = "[[rpc]]\non = \"Events/Publish\"\nplan = 'error(unavailable)'\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f.toml");
    std::fs::write(&file, faults).unwrap();
    let arguments = ["run", "--target", "mock:1.6", "--driver", "retained", "--faults"];
    let case = [path(&file), "--case", "named/exec-exits-with-0"];
    let output = laconic(&[arguments.as_slice(), &case].concat());
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "nothing was judged: {printed}");
    assert!(printed.contains("could not connect"), "{printed}");
    assert!(printed.contains("after Events/Publish#1: error(unavailable)"), "{printed}");
}

#[test]
fn retries_are_allowed_as_often_as_the_budget_says() {
    let budget = "schema = 1\nclient = \"retained\"\nbase = \"retained\"\n\
                  [fault.unavailable]\nretries_per_call = 1\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("b.toml");
    std::fs::write(&file, budget).unwrap();
    let more = ["--driver", "retained", "--budgets", path(&file), "--run", "named/exec-exits-*"];
    let (code, printed, _) = run(STARTS, &more);
    assert_eq!(code, 0, "{printed}");
}

#[test]
fn what_cannot_be_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f.toml");
    std::fs::write(&file, "seed = 7\n[[rpc]]\non = \"Tasks/Strat\"\nplan = 'off'\n").unwrap();
    let output = laconic(&["run", "--target", "mock", "--faults", path(&file)]);
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stderr).replace(path(&file), "f.toml");
    insta::assert_snapshot!(told, @r#"laconic: f.toml:3: there is no method "Tasks/Strat""#);

    let missing = laconic(&["run", "--target", "mock", "--faults", "/no/such.toml"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("cannot read /no/such.toml"));

    let socket = folder.path().join("somebodys.sock");
    let _somebody = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    std::fs::write(&file, RESTARTS).unwrap();
    let output = laconic(&["run", "--target", path(&socket), "--faults", path(&file)]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
    let told = "(a daemon that is not ours is not restarted, nor are its shims touched";
    assert!(text(&output.stdout).contains(told), "{}", text(&output.stdout));
    let required = ["run", "--require", path(&socket), "--target", path(&socket)];
    let output = laconic(&[required.as_slice(), &["--faults", path(&file)]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
}

#[test]
fn a_record_with_faults_is_no_memory_of_what_a_client_costs() {
    let folder = tempfile::tempdir().unwrap();
    let (file, record) = (folder.path().join("f.toml"), folder.path().join("r.jsonl"));
    std::fs::write(&file, STARTS).unwrap();
    let case = ["--case", "named/exec-exits-with-0", "--record", path(&record)];
    let run = ["run", "--target", "mock:1.6", "--driver", "retained", "--faults", path(&file)];
    assert_eq!(laconic(&[run.as_slice(), &case].concat()).status.code(), Some(0));
    let output = laconic(&["gate", path(&record), "--baseline", path(folder.path())]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("is of a run with faults"), "{}", text(&output.stderr));
}
