//! `laconic spy -- COMMAND`: what passed is counted by segment, and the command's end is ours.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use run_record::{Line, Record};

const LACONIC: &str = env!("CARGO_BIN_EXE_laconic");

/// A mock that somebody serves.
struct Served {
    mock: Child,
    folder: tempfile::TempDir,
}

impl Served {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut mock = Command::new(LACONIC)
            .args(["mock", "--listen"])
            .arg(folder.path().join("c.sock"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(mock.stderr.take().unwrap()).lines();
        assert!(said.next().unwrap().unwrap().contains("listens on"));
        Self { mock, folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn spy(&self, arguments: &[&str], script: &str) -> Output {
        Command::new(LACONIC)
            .args(["spy", "-a"])
            .arg(self.at("c.sock"))
            .args(arguments)
            .args(["--", "sh", "-c", script])
            .env("LACONIC", LACONIC)
            .output()
            .unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.mock.kill().unwrap();
        self.mock.wait().unwrap();
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A client that every machine has: it asks for the version, and so does the observer beside it.
const TWO_VERSIONS: &str = "\"$LACONIC\" run --target {socket} --driver retained \
                            --case named/the-version-is-told >&2";

#[test]
fn segments_hold_the_calls_that_began_in_them() {
    let served = Served::start();
    let record = served.at("r.jsonl");
    let script = format!(
        "\"$LACONIC\" mark quiet; \"$LACONIC\" mark asked; {TWO_VERSIONS}; \"$LACONIC\" mark end"
    );
    let arguments = ["--json", "--record", record.to_str().unwrap()];
    let output = served.spy(&arguments, &script);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let json: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let names: Vec<&str> = json["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["quiet", "asked", "end"]);
    assert_eq!(json["segments"][0]["rpcs"], serde_json::json!({}));
    let asked = &json["segments"][1]["rpcs"];
    assert_eq!(asked["Version/Version"], 2);
    assert_eq!(asked["Events/Subscribe"], 2);

    let record = Record::open(&record).unwrap();
    assert!(record.complete());
    let calls = record.lines.iter().filter(|line| matches!(line, Line::Call(_))).count();
    let counted: u64 = asked.as_object().unwrap().values().filter_map(|n| n.as_u64()).sum();
    assert_eq!(calls as u64, counted);
}

#[test]
fn the_status_of_the_command_is_ours() {
    let served = Served::start();
    assert_eq!(served.spy(&[], "exit 0").status.code(), Some(0));
    assert_eq!(served.spy(&[], "exit 7").status.code(), Some(7));
    assert_eq!(served.spy(&[], "kill -9 $$").status.code(), Some(137));
    let output = served.spy(&[], "true");
    assert_eq!(stdout(&output), "no RPC passed\n");
}

#[test]
fn a_mark_without_a_spy_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mark = |arguments: &[&str]| {
        let mut command = Command::new(LACONIC);
        command.arg("mark").args(arguments).env("TMPDIR", folder.path()).env_remove("LACONIC_SPY");
        command.output().unwrap()
    };
    let none = mark(&["x"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&none.stderr).contains("no spy is running"), "{none:?}");
    assert_eq!(mark(&["two\nlines"]).status.code(), Some(2));
    let gone: &Path = &folder.path().join("gone.sock");
    let gone = mark(&["x", "--spy", gone.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&gone.stderr).contains("no spy answers at"), "{gone:?}");
}
