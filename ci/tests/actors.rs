//! `--actors`: in memory the same seed makes the same history, and what is kept is played again.

mod laconic;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;

use run_record::{Line, Record};

use laconic::laconic;

/// What happened in what order: all that a record says but times, and what is drawn for names.
fn histories(record: &Path) -> Vec<(String, String)> {
    let record = Record::open(record).unwrap();
    let told = |line: Line| match line {
        Line::Step(step) => {
            let outcome = serde_json::to_string(&step.outcome).unwrap();
            let (actor, rpcs) = (step.actor, step.rpcs);
            let did = format!("{} {}", step.operation, step.arguments);
            Some((step.case, format!("{} {actor} {did} {outcome} {rpcs:?}", step.step)))
        }
        Line::Call(call) => {
            let owner = serde_json::to_string(&call.owner).unwrap();
            Some((call.case, format!("{} {} {owner}", call.method, call.code)))
        }
        _ => None,
    };
    let mut all: Vec<(String, String)> = record.lines.into_iter().filter_map(told).collect();
    // Cases are played side by side; the lines of one stand in their order.
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    all
}

fn run(folder: &Path, more: &[&str]) -> (Output, Vec<(String, String)>) {
    let record = folder.join("record.jsonl");
    let record_at = record.display().to_string();
    let regressions = folder.join("regressions").display().to_string();
    let fixed = ["--target", "memory:1.6", "--driver", "retained", "--calls"];
    let paths = ["--record", record_at.as_str(), "--regressions", regressions.as_str()];
    let output = laconic(&[&["run"], &fixed[..], &paths[..], more].concat());
    let histories = histories(&record);
    (output, histories)
}

#[test]
fn the_same_seed_makes_the_same_history_alone_in_parts_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let of = |more: &[&str]| {
        let (output, history) = run(folder.path(), more);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
        history
    };
    let all = of(&["--actors", "3", "--seed", "7", "--cases", "30"]);
    let again = of(&["--actors", "3", "--seed", "7", "--cases", "30"]);
    let differs = all.iter().zip(&again).find(|(one, other)| one != other);
    assert!(differs.is_none() && all.len() == again.len(), "{differs:?}");
    let case = |id: &str| -> Vec<(String, String)> {
        all.iter().filter(|(case, _)| case == id).cloned().collect()
    };
    for id in ["conc/5", "conc/17", "conc/29"] {
        assert!(case(id).len() > 10, "{id}");
        assert_eq!(of(&["--actors", "3", "--seed", "7", "--case", id]), case(id), "{id} alone");
    }
    let part = of(&["--actors", "3", "--seed", "7", "--cases", "30", "--shard", "2/3"]);
    let third = |(case, _): &&(String, String)| {
        case.strip_prefix("conc/").unwrap().parse::<u32>().unwrap() % 3 == 2
    };
    assert_eq!(part, all.iter().filter(third).cloned().collect::<Vec<_>>());
    assert_ne!(of(&["--actors", "3", "--seed", "8", "--cases", "30"]), all);
}

const PLOT: &str = r#"schema = 1
found = "by hand"
fails = "linearizable"
profiles = ["1.6"]
steps = [ { create = { c = 0, process = "sleep 600" } }, { start = { c = 0 } } ]
actors = [
  [ { pause = { c = 0 } }, { status = { c = 0 } } ],
  [ { exec = { c = 0, e = 0, args = ["true"] } }, { delete-exec = { c = 0, e = 0 } } ],
  [ { kill = { c = 0, signal = 9 } }, { delete-task = { c = 0 } } ],
]
"#;

#[test]
fn another_seed_of_the_messages_is_another_order_of_the_same_plot() {
    let folder = tempfile::tempdir().unwrap();
    let mut orders = BTreeSet::new();
    for seed in 0..12 {
        let file = folder.path().join("plot.toml");
        std::fs::write(&file, format!("{PLOT}interleave = \"{seed:#x}\"\n")).unwrap();
        let (file, record) = (file.display().to_string(), folder.path().join("r.jsonl"));
        let record_at = record.display().to_string();
        let fixed = ["--target", "memory:1.6", "--driver", "retained", "--record", &record_at];
        let output = laconic(&[&["replay", &file], &fixed[..]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
        orders.insert(histories(&record));
    }
    assert!(orders.len() > 6, "{} orders of 12 seeds", orders.len());
}

/// Races of few operations: the opening, and what each actor does.
const RACES: [(&str, &[&str]); 5] = [
    (
        r#"{ create = { c = 0, process = "sleep 600" } }, { start = { c = 0 } }"#,
        &[
            "{ pause = { c = 0 } }",
            "{ kill = { c = 0, signal = 9 } }, { wait = { c = 0 } }, { status = { c = 0 } }",
            "{ resume = { c = 0 } }, { pause = { c = 0 } }, { resume = { c = 0 } }",
        ],
    ),
    (
        r#"{ create = { c = 0, process = "sleep 600" } }, { create-task = { c = 0 } }"#,
        &["{ start-task = { c = 0 } }", "{ start-task = { c = 0 } }", "{ start-task = { c = 0 } }"],
    ),
    (
        r#"{ create = { c = 0, process = "sleep 600" } }, { start = { c = 0 } }"#,
        &[
            "{ pause = { c = 0 } }",
            "{ pause = { c = 0 } }, { status = { c = 0 } }",
            "{ pause = { c = 0 } }",
        ],
    ),
    (
        r#"{ create = { c = 0, process = "sleep 600" } }, { start = { c = 0 } }"#,
        &[
            "{ force-delete = { c = 0 } }",
            "{ create-task = { c = 0 } }, { create-task = { c = 0 } }",
        ],
    ),
    (
        r#"{ create = { c = 0, process = "true" } }, { start = { c = 0 } }, { wait = { c = 0 } }"#,
        &[
            "{ start = { c = 0 } }",
            "{ pids = { c = 0 } }, { exit-status = { c = 0 } }, { pids = { c = 0 } }, { exit-status = { c = 0 } }",
            "{ pids = { c = 0 } }, { pids = { c = 0 } }, { wait = { c = 0 } }, { exit-status = { c = 0 } }",
        ],
    ),
];
const SEEDS: u64 = 32;

#[test]
fn races_of_few_operations_have_an_order_whichever_message_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    std::fs::create_dir(&kept).unwrap();
    let head = "schema = 1\nfound = \"by hand\"\nfails = \"linearizable\"\nprofiles = [\"1.6\"]\n";
    for (race, (opening, actors)) in RACES.iter().enumerate() {
        let actors: Vec<String> = actors.iter().map(|moves| format!("  [ {moves} ],\n")).collect();
        let actors = actors.concat();
        for seed in 0..SEEDS {
            let text = format!(
                "{head}steps = [ {opening} ]\nactors = [\n{actors}]\ninterleave = \"{seed:#x}\"\n"
            );
            std::fs::write(kept.join(format!("race-{race}-seed-{seed}.toml")), text).unwrap();
        }
    }
    let (kept, record) = (kept.display().to_string(), folder.path().join("r.jsonl"));
    let record_at = record.display().to_string();
    let paths = ["--regressions", kept.as_str(), "--record", record_at.as_str()];
    let none = ["run", "--actors", "2", "--cases", "0", "--target", "memory:1.6"];
    let output = laconic(&[&none[..], &paths].concat());
    let said = String::from_utf8_lossy(&output.stdout);
    let wrong = said.lines().skip_while(|line| !line.starts_with("FAIL")).take(30);
    assert_eq!(output.status.code(), Some(0), "{}", wrong.collect::<Vec<_>>().join("\n"));
    let all = 2 * RACES.len() * usize::try_from(SEEDS).unwrap();
    assert!(said.contains(&format!("{all} cases passed, 0 failed")), "{said}");
}

#[test]
fn so_many_actors_there_are_not() {
    let told = |arguments: &[&str]| {
        let output = laconic(&[&["run", "--target", "memory:1.6"], arguments].concat());
        let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        (output.status.code(), text)
    };
    let (code, text) = told(&["--actors", "5"]);
    assert_eq!(code, Some(2));
    assert_eq!(text, "laconic: --actors 5: say how many act at once, 1 to 4");
    assert_eq!(told(&["--actors", "0"]).0, Some(2));
    let (code, text) = told(&["--case", "conc/17"]);
    assert_eq!(code, Some(2));
    assert_eq!(text, "laconic: conc/17 has several actors: say how many, as in --actors 3");
    let differential = ["--actors", "2", "--differential", "--target", "mock"];
    assert_eq!(told(&differential).0, Some(2));
}

/// Chance orders them on a real daemon, so that nothing could be held against another server's.
#[test]
fn a_kept_case_of_several_actors_is_not_compared_with_another_server() {
    let kept = "regression/the-next-task-of-a-container-whose-last-was-forced";
    let one_actor = "regression/a-load-while-the-stream-is-lost";
    let two = ["--target", "mock:1.6", "--target", "mock:1.6"];
    let cases = ["run", "--differential", "--cases", "0", "--run", kept, "--run", one_actor];
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/regressions");
    let output = laconic(&[&cases[..], &two, &["--regressions", folder]].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("what several do at once has another order on each server"), "{text}");
    assert!(text.ends_with("2 cases passed, 0 failed, 1 skipped\n"), "{text}");
}
