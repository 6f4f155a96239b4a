//! The command as people use it: what it prints where, and how it ends.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use run_record::{Line, Record};

fn laconic(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_laconic"))
        .args(arguments)
        .env_remove("CONTAINERD_ADDRESS")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn fails(arguments: &[&str], code: i32, says: &str) {
    let output = laconic(arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
    assert!(stderr(&output).contains(says), "{arguments:?}: {}", stderr(&output));
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_run_on_the_mock_writes_a_whole_record_in_which_everything_adds_up() {
    let folder = tempfile::tempdir().unwrap();
    let (record, report) = (folder.path().join("r.jsonl"), folder.path().join("r.json"));
    let json = format!("json={}", path(&report));
    let arguments = [
        "run",
        "--target",
        "mock",
        "--cases",
        "5",
        "--regressions",
        path(folder.path()),
        "--record",
        path(&record),
        "--report",
        json.as_str(),
    ];
    let output = laconic(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("0 failed"), "{}", stdout(&output));

    let record = Record::open(&record).unwrap();
    assert!(record.complete());
    assert!(run_record::conserve(&record.lines).is_empty());
    let schema = run_record::schema();
    assert!(schema.get("oneOf").is_some(), "the schema knows every kind of line");
    let floors = laconic_scenarios::budgets::floor();
    let mut steps = 0;
    for line in &record.lines {
        let Line::Step(step) = line else { continue };
        let of_retained = step.run == 1;
        if of_retained && step.succeeded() {
            let (fewest, most) = floors.operations[&step.operation].ok.total(3, true);
            let total = step.rpcs_total();
            assert!((fewest..=most).contains(&total) || total == 0, "{step:?}");
            steps += 1;
        }
    }
    assert!(steps > 150, "{steps}");
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&report).unwrap()).unwrap();
    assert_eq!(report["schema_version"], 1);
}

#[test]
fn unknown_names_are_wrong_usage_and_the_known_ones_are_told() {
    fails(&["run", "--driver", "nobody"], 2, "there are retained and stateless");
    fails(&["run", "--target", "nothing"], 2, "there are mock[:1.6|1.7|2.1], memory");
    fails(&["run", "--target", "mock:9.9"], 2, "there are 1.6, 1.7 and 2.1");
    fails(&["run", "--report", "pdf=x"], 2, "no report format");
    fails(&["mock", "--listen", "/x", "--profile", "3"], 2, "there are 1.6, 1.7 and 2.1");
    fails(&["schema", "poem"], 2, "there are: record");
    fails(&["dance"], 2, "unrecognized subcommand");
}

#[test]
fn a_selection_of_nothing_has_its_own_exit_code() {
    fails(&["run", "--target", "mock", "--run", "no-such-*"], 4, "no case is selected");
    fails(&["run", "--target", "mock", "--case", "named/no"], 4, "there is no case");
}

#[test]
fn a_wrong_budget_is_told_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("b.toml");
    let text = "schema = 1\nclient = \"retained\"\n[operation.exec]\n\"Tasks/Exec\" = \"few\"\n";
    std::fs::write(&file, text).unwrap();
    let says = format!("{}:4: \"few\" is not a limit", path(&file));
    fails(&["run", "--target", "mock", "--budgets", path(&file)], 2, &says);
    fails(&["run", "--target", "mock", "--budgets", "/no/such.toml"], 2, "/no/such.toml");
}

#[test]
fn a_budget_that_is_exceeded_ends_with_3_and_names_what_and_where() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("b.toml");
    let text = "schema = 1\nclient = \"retained\"\nbase = \"floor\"\n[operation.exec]\n\
                \"Tasks/Exec\" = 1\n";
    std::fs::write(&file, text).unwrap();
    let output = laconic(&[
        "run",
        "--target",
        "mock",
        "--driver",
        "retained",
        "--budgets",
        path(&file),
        "--case",
        "named/exec-exits-with-0",
    ]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let told = stdout(&output);
    assert!(told.contains("exec: Tasks/Start allowed 0, saw 1 (+1)"), "{told}");
    assert!(told.contains(&format!("[{}:4]", path(&file))), "{told}");
    assert!(told.contains("replay: laconic run --driver retained"), "{told}");
}

#[test]
fn what_cannot_be_written_is_said_before_the_run() {
    let output = laconic(&[
        "run",
        "--target",
        "mock",
        "--cases",
        "0",
        "--record",
        "/no/such/folder/r.jsonl",
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("/no/such/folder/r.jsonl"), "{}", stderr(&output));
    assert_eq!(stdout(&output), "", "nothing ran");
}

#[test]
fn sockets_that_nobody_serves_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    fails(&["run", "--target", path(&missing)], 1, "there is no socket");
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    fails(&["run", "--target", path(&file)], 1, "is not a socket");
    let dead = folder.path().join("dead");
    drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
    fails(&["run", "--target", path(&dead)], 1, "nobody listens on");
    fails(&["spy", "--listen", "/tmp/unused", "-a", path(&dead)], 1, "nobody listens on");
}

#[test]
fn a_server_that_is_no_containerd_is_told_from_one_that_is() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("ssh.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // It talks first, and about something else.
            let _ = stream.write_all(b"SSH-2.0-hello\r\n");
        }
    });
    let arguments = ["run", "--target", path(&socket), "--cases", "0", "--driver", "retained"];
    fails(&arguments, 1, "what listens there does not answer as a containerd");
}

#[test]
fn a_socket_can_be_the_target_and_is_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("c.sock");
    let mut mock = Command::new(env!("CARGO_BIN_EXE_laconic"))
        .args(["mock", "--listen", path(&socket)])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It says when it listens.
    let mut said = BufReader::new(mock.stderr.take().unwrap()).lines();
    assert!(said.next().unwrap().unwrap().contains("listens on"));
    let record = folder.path().join("r.jsonl");
    let output =
        laconic(&["run", "--target", path(&socket), "--cases", "0", "--record", path(&record)]);
    mock.kill().unwrap();
    mock.wait().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    for line in Record::open(&record).unwrap().lines {
        if let Line::CaseEnd(end) = line {
            assert_eq!(end.left_behind, Vec::<String>::new(), "{}", end.case);
        }
    }
}

#[test]
fn lists_are_for_people_and_for_programs() {
    let json: serde_json::Value =
        serde_json::from_slice(&laconic(&["list", "--json"]).stdout).unwrap();
    assert!(json["scenarios"].as_array().unwrap().len() >= 25);
    let methods = stdout(&laconic(&["mock", "--list", "--profile", "2.1"]));
    assert!(methods.contains("modelled       /containerd.services.tasks.v1.Tasks/Exec"));
    let known = |line: &str| line.starts_with("modelled ") || line.starts_with("unimplemented ");
    assert!(methods.lines().all(known));
    assert!(methods.lines().count() >= 83, "{}", methods.lines().count());
    let older = stdout(&laconic(&["mock", "--list", "--profile", "1.6"]));
    assert!(!older.contains("containerd.services.transfer.v1"));
}

#[test]
fn the_help_of_every_command_stays_as_it_is() {
    insta::assert_snapshot!("help", stdout(&laconic(&["--help"])));
    insta::assert_snapshot!("help-run", stdout(&laconic(&["run", "--help"])));
}
