//! Files that somebody wrote wrongly: told with file and line and what to do, before anything runs.

mod laconic;

use std::path::Path;

use laconic::laconic;

/// What is said of a file with this text, given by an option; the file is called FILE there.
fn told(option: &str, name: &str, text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, text).unwrap();
    let given = if option == "--regressions" { folder.path() } else { &file };
    let shown = |path: &Path| path.display().to_string();
    let output =
        laconic(&["run", "--target", "mock", "--driver", "retained", option, &shown(given)]);
    let said = String::from_utf8_lossy(&output.stderr).replace(&shown(&file), "FILE");
    assert_eq!(output.status.code(), Some(2), "{text}: {said}");
    assert!(output.stdout.is_empty(), "nothing ran");
    assert!(said.contains("FILE:"), "{text}: {said}");
    format!("{option}: {said}")
}

#[test]
fn an_unknown_key_a_number_that_is_none_and_what_matches_nothing_are_told_with_their_line() {
    let budget = "schema = 1\nclient = \"retained\"\n[operation.exec]\n";
    let waiver = "\"Tasks/Exec\" = 1\n[[waiver]]\nallow = 1\nreason = \"r\"\nowner = \"o\"\n";
    let waived =
        |rule: &str, until: &str| format!("{budget}{waiver}rule = \"{rule}\"\nuntil = {until}\n");
    let replay = "schema = 1\nfound = \"\"\nfails = \"state\"\nprofiles = [\"1.6\"]\n";
    let known = "[[known]]\ncheck = \"state\"\nreason = \"r\"\n";
    let told = [
        told("--budgets", "b.toml", &format!("{budget}\"Tasks/Exec\" = 1\non_exces = \"warn\"\n")),
        told("--budgets", "b.toml", &format!("{budget}\"Tasks/Exec\" = \"few\"\n")),
        told("--budgets", "b.toml", &waived("operation.exec:Tasks/Exec", "2020-02-29")),
        told("--budgets", "b.toml", &waived("operation.exce:Tasks/Exec", "9999-12-31")),
        told("--regressions", "r.toml", &format!("{replay}step = []\n")),
        told(
            "--regressions",
            "r.toml",
            &format!("{replay}steps = [\n  {{ start = {{ c = 0, d = 1 }} }},\n]\n"),
        ),
        told(
            "--regressions",
            "r.toml",
            &format!("{replay}steps = [\n  {{ kill = {{ c = 0, signal = \"x\" }} }},\n]\n"),
        ),
        told("--faults", "f.toml", "[[event]]\ntopic = \"/tasks/exit\"\nnht = 1\ndo = \"lose\"\n"),
        told(
            "--faults",
            "f.toml",
            "[[event]]\ntopic = \"/tasks/exit\"\nnth = \"first\"\ndo = \"lose\"\n",
        ),
        told("--faults", "f.toml", "[[rpc]]\non = \"Tasks/Strat\"\nplan = 'off'\n"),
        told("--known-failing", "k.toml", &format!("{known}kase = \"named/pause-and-resume\"\n")),
        told("--known-failing", "k.toml", &format!("{known}case = \"named/pause-and-resmue\"\n")),
        told("--known-failing", "k.toml", &format!("{known}case = \"regression/nobody\"\n")),
    ];
    insta::assert_snapshot!(told.concat());
}

#[test]
fn a_known_failure_that_does_not_fail_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("k.toml");
    let case = "named/exec-exits-with-0";
    let text = format!("[[known]]\ncase = \"{case}\"\ncheck = \"outcome\"\nreason = \"bug 2\"\n");
    std::fs::write(&file, text).unwrap();
    let run = ["run", "--target", "mock", "--driver", "retained", "--case", case];
    let known = ["--known-failing", file.to_str().unwrap()];
    let output = laconic(&[run.as_slice(), &known].concat());
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("no longer fails outcome: take it off the list"), "{said}");
}
