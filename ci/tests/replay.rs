//! A generated case that fails: made small, kept at once, told with its command line, played first from
//! then on, and alone.

mod laconic;

use std::path::Path;
use std::process::Output;

use run_record::{Line, Record};

use laconic::laconic;

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn cases(record: &Path) -> Vec<String> {
    let lines = Record::open(record).unwrap().lines;
    let case = |line| match line {
        Line::Case(case) => Some(case.case),
        _ => None,
    };
    lines.into_iter().filter_map(case).collect()
}

#[test]
fn what_failed_once_is_kept_small_and_played_first_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (budget, kept, record) = (path("b.toml"), path("kept"), path("r.jsonl"));
    // Too little for whatever creates a container: nearly every case does.
    let text = "schema = 1\nclient = \"retained\"\nbase = \"retained\"\n[operation.create]\n\
                \"Containers/Create\" = 0\n";
    std::fs::write(&budget, text).unwrap();
    let run = ["run", "--target", "mock:1.6", "--driver", "retained", "--budgets", &budget];
    let kept_in = ["--regressions", kept.as_str(), "--record", record.as_str()];
    let case = ["--seed", "7", "--case", "gen/29"];

    let output = laconic(&[run.as_slice(), &kept_in, &case].concat());
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    let replay = "replay: laconic run --driver retained --target mock:1.6 --seed 7 --case gen/29";
    assert!(said.contains(replay), "{said}");
    let files: Vec<_> = std::fs::read_dir(&kept).unwrap().map(|one| one.unwrap().path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    let text = std::fs::read_to_string(file).unwrap();
    let steps = text.lines().filter(|line| line.starts_with("  {"));
    assert_eq!(steps.count(), 1, "a container is created, and no more:\n{text}");
    assert!(text.contains("seed 7, case 29") && text.contains("fails = \"budget\""), "{text}");
    assert!(text.contains("reproduced 5/5"), "{text}");

    // By the line that was printed: the same again.
    let again = laconic(&[run.as_slice(), &["--regressions", &path("none")], &case].concat());
    assert_eq!(again.status.code(), Some(3), "{}", stdout(&again));

    let named = ["--run", "regression/**", "--run", "named/exec-exits-with-0"];
    let output = laconic(&[run.as_slice(), &kept_in, &named].concat());
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    let id = format!("regression/{}", file.file_stem().unwrap().to_str().unwrap());
    assert_eq!(cases(Path::new(&record)), [id.as_str(), "named/exec-exits-with-0"]);

    let alone = ["replay", file.to_str().unwrap(), "--target", "mock:1.6", "--driver", "retained"];
    let output = laconic(&[alone.as_slice(), &["--record", &record]].concat());
    assert_eq!(output.status.code(), Some(0), "by its own budget: {}", stdout(&output));
    assert_eq!(cases(Path::new(&record)), [id.as_str()]);
    let output = laconic(&[alone.as_slice(), &["--budgets", &budget]].concat());
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
}

#[test]
fn shards_are_parts_of_the_same_cases() {
    let folder = tempfile::tempdir().unwrap();
    let played = |shard: &str| {
        let record = folder.path().join("r.jsonl");
        let (record_path, kept) = (record.to_str().unwrap(), folder.path().to_str().unwrap());
        let run = ["run", "--target", "mock:1.6", "--driver", "retained", "--run", "gen/**"];
        let cases_of = ["--cases", "6", "--seed", "5", "--shard", shard, "--regressions", kept];
        let output = laconic(&[run.as_slice(), &cases_of, &["--record", record_path]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
        let mut all = cases(&record);
        all.sort();
        all
    };
    let whole = played("0/1");
    assert_eq!(whole.len(), 6);
    let mut parts = [played("0/2"), played("1/2")].concat();
    parts.sort();
    assert_eq!(parts, whole);
}
