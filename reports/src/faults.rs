//! What was made to go wrong in a run, and how many calls it had a hand in.

use std::collections::BTreeMap;

use run_record::{CallLine, Line, RunLine};
use serde::Serialize;

/// Different faults beyond these are a number.
const SHOWN_MAX: usize = 10;

/// Of one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Faults {
    /// Which run.
    pub run: u32,
    /// The file.
    pub path: String,
    /// What fired, and in how many cases.
    pub fired: BTreeMap<String, u64>,
    /// Cases in which something fired.
    pub cases: u64,
    /// Calls that it had a hand in.
    pub injected_calls: u64,
    /// What nothing set off.
    pub unfired: Vec<String>,
}

/// How a call ended, and whether that was our doing.
pub(crate) fn ending(call: &CallLine) -> String {
    match call.injected {
        true => format!("{} (injected)", call.code),
        false => call.code.clone(),
    }
}

/// Begins with a run that has faults.
pub(crate) fn begin(all: &mut Vec<Faults>, run: &RunLine) {
    let Some(faults) = &run.faults else { return };
    all.push(Faults {
        run: run.run,
        path: faults.path.clone(),
        fired: BTreeMap::new(),
        cases: 0,
        injected_calls: 0,
        unfired: Vec::new(),
    });
}

/// Adds the lines of a case, or the end of a run.
pub(crate) fn add(all: &mut [Faults], lines: &[Line]) {
    for line in lines {
        let run = match line {
            Line::Call(call) if call.injected => call.run,
            Line::CaseEnd(end) => end.run,
            Line::RunEnd(end) => end.run,
            _ => continue,
        };
        let Some(faults) = all.iter_mut().find(|faults| faults.run == run) else { continue };
        match line {
            Line::Call(_) => faults.injected_calls += 1,
            Line::CaseEnd(end) => {
                faults.cases += u64::from(!end.faults.is_empty());
                for fired in &end.faults {
                    *faults.fired.entry(fired.clone()).or_default() += 1;
                }
            }
            Line::RunEnd(end) => faults.unfired.clone_from(&end.faults_unfired),
            _ => {}
        }
    }
}

impl Faults {
    /// For people; `whose` names the run.
    pub(crate) fn text(&self, whose: &str) -> String {
        let Self { path, fired, cases, injected_calls, unfired, .. } = self;
        let times: u64 = fired.values().sum();
        let mut text = format!(
            "faults   {whose}: {path}: {times} in {cases} cases, {injected_calls} calls injected\n"
        );
        for (what, times) in fired.iter().take(SHOWN_MAX) {
            text.push_str(&format!("         {times:>4} × {what}\n"));
        }
        if fired.len() > SHOWN_MAX {
            text.push_str(&format!("         and {} others\n", fired.len() - SHOWN_MAX));
        }
        for rule in unfired {
            text.push_str(&format!("         never happened: {rule}\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fired_and_what_did_not_is_told() {
        let faults = Faults {
            run: 1,
            path: "f.toml".into(),
            fired: [("Tasks/Start#1: error(unavailable) before the call (f.toml:2)".into(), 3)]
                .into(),
            cases: 3,
            injected_calls: 3,
            unfired: vec!["f.toml:6: lose /tasks/oom#1".into()],
        };
        insta::assert_snapshot!(faults.text("retained on mock 1.6.20"), @"
        faults   retained on mock 1.6.20: f.toml: 3 in 3 cases, 3 calls injected
                    3 × Tasks/Start#1: error(unavailable) before the call (f.toml:2)
                 never happened: f.toml:6: lose /tasks/oom#1
        ");
    }
}
