//! The report in a real browser: what it shows is what the record holds.

use std::path::Path;
use std::process::Command;

fn chromium() -> Option<String> {
    let found = Command::new("chromium").arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&found.stdout).into_owned())
}

/// The page as the browser has built it.
fn dom(page: &Path, profile: &Path) -> String {
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg("--dump-dom")
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_browser_shows_the_figures_of_the_record() {
    let Some(version) = chromium() else {
        eprintln!("NOT RUN: a browser test needs chromium (apt-get install chromium)");
        return;
    };
    eprintln!("in {version}");
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let run = Command::new(env!("CARGO_BIN_EXE_laconic"))
        .args(["run", "--target", "mock", "--run", "exec-exits-*", "--report"])
        .arg(format!("html={}", at("r.html").display()))
        .arg("--report")
        .arg(format!("json={}", at("r.json").display()))
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let shown = dom(&at("r.html"), &at("profile"));
    let json = std::fs::read(at("r.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let rows = json["matrix"]["rows"].as_array().unwrap();
    assert!(rows.len() > 5);
    for row in rows {
        let operation = row["operation"].as_str().unwrap();
        let begin = format!("<tr data-operation=\"{operation}\">");
        let line = shown.split(&begin).nth(1).expect(operation);
        let line = line.split("</tr>").next().unwrap();
        let cells: Vec<&str> = line.split("<td").skip(3).collect();
        for (cell, wanted) in cells.iter().zip(row["cells"].as_array().unwrap()) {
            let text = cell.split('>').nth(1).unwrap();
            let min = wanted["rpcs_min"].to_string();
            assert!(text.starts_with(&min), "{operation}: {text:?}, not {min}");
        }
    }
}
