//! `laconic compare`.

use std::collections::BTreeMap;

use laconic_reports::baseline::{Baseline, Differences, Rise, Subject};
use run_record::{Record, RunLine};

use super::output::print;
use super::records::runs;
use crate::arguments::CompareOptions;
use crate::exit::Exit;

pub(crate) fn compare(options: CompareOptions) -> anyhow::Result<Exit> {
    let (before, after) = (Record::open(&options.before)?, Record::open(&options.after)?);
    let arms = |record: &Record| -> BTreeMap<Subject, RunLine> {
        runs(record).map(|run| (Subject::of(run), run.clone())).collect()
    };
    let (was, is) = (arms(&before), arms(&after));
    let mut compared = 0;
    for (subject, run) in &was {
        let Some(now) = is.get(subject) else {
            print(&format!("{subject}: only in {}\n", options.before.display()));
            continue;
        };
        compared += 1;
        let differences = Differences::between(
            &Baseline::of(&before.lines, run),
            &Baseline::of(&after.lines, now),
        );
        print(&told(subject, &differences));
    }
    for subject in is.keys().filter(|subject| !was.contains_key(*subject)) {
        print(&format!("{subject}: only in {}\n", options.after.display()));
    }
    if compared == 0 {
        return Err(anyhow::Error::new(Exit::Nothing)
            .context("the records have no client and target in common"));
    }
    Ok(Exit::Good)
}

fn told(subject: &Subject, differences: &Differences) -> String {
    if !differences.any() {
        return format!("{subject}: the same\n");
    }
    let mut text = format!("{subject}:\n");
    for one in &differences.counts {
        let sign = if one.rise == Rise::Appeared { '+' } else { '-' };
        let (was, is) = one.counts;
        let outcome = match one.outcome.as_str() {
            "" | "ok" => String::new(),
            outcome => format!(" ({outcome})"),
        };
        text.push_str(&format!(
            "  {sign} {}{outcome}: {} {was} → {is}, in {} places, first {}\n",
            one.operation,
            one.rpc,
            one.places.len(),
            one.places[0].case
        ));
    }
    for (place, outcome) in &differences.outcomes {
        let outcome = if outcome.is_empty() { "no such step" } else { outcome };
        let (case, step) = (&place.case, &place.step);
        let line =
            format!("  ! {case} step {step} {}: {} → {outcome}\n", place.operation, place.outcome);
        text.push_str(&line);
    }
    for case in &differences.cases_new {
        text.push_str(&format!("  + case {case}\n"));
    }
    for case in &differences.cases_missing {
        text.push_str(&format!("  - case {case}\n"));
    }
    text
}
