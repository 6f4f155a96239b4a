//! `laconic selftest`: whether the checks catch what they must.

use std::collections::BTreeMap;

use anyhow::Context;
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use futures_util::StreamExt;
use futures_util::stream::iter;

use super::output::print;
use crate::arguments::SelftestOptions;
use crate::exit::{Exit, usage};
use crate::selftest::{Caught, Mutant, attempt, mutants};

/// So many at once: most of the time is that of those who wait for what never comes.
const AT_ONCE: usize = 8;

pub(crate) async fn selftest(options: SelftestOptions) -> anyhow::Result<Exit> {
    let chosen = chosen(mutants(), &options)?;
    let mut controls: BTreeMap<String, Mutant> = BTreeMap::new();
    for mutant in &chosen {
        controls.insert(mutant.plays.to_string(), mutant.control());
    }
    let mut tried = iter(controls.values().map(attempt)).buffered(AT_ONCE);
    for (plays, control) in &controls {
        let failed = match tried.next().await.context("each is tried")?? {
            Caught::Not(failed) if failed.is_empty() => continue,
            Caught::Not(failed) => failed.join("; "),
            Caught::By(detail) => format!("{}: {detail}", control.check),
        };
        anyhow::bail!(
            "{plays} is red with nothing wrong in it ({failed}): a mutant in it proves nothing"
        );
    }
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["mutant", "must be caught by", "seen"]);
    let mut missed = 0;
    let mut tried = iter(chosen.iter().map(attempt)).buffered(AT_ONCE);
    for mutant in &chosen {
        eprintln!("laconic: {} in {}", mutant.name, mutant.plays);
        let seen = match tried.next().await.context("each is tried")?? {
            Caught::By(detail) => format!("caught: {}", short(&detail)),
            Caught::Not(others) => {
                missed += 1;
                let others = others.iter().map(|one| short(one)).collect::<Vec<_>>().join("; ");
                format!("NOT CAUGHT {others}")
            }
        };
        table.add_row([mutant.name, mutant.check, seen.trim_end()]);
    }
    let (all, ways) = (chosen.len(), controls.len());
    print(&format!(
        "{table}\n\n{} of {all} mutants caught by the check that must; {ways} runs without one green\n",
        all - missed
    ));
    Ok(if missed == 0 { Exit::Good } else { Exit::Harness })
}

/// So many of a hundred, spread over all of them.
fn chosen(all: Vec<Mutant>, options: &SelftestOptions) -> anyhow::Result<Vec<Mutant>> {
    let percent = options.sample.unwrap_or(100);
    if !(1..=100).contains(&percent) {
        return Err(usage(format!("--sample {percent}: say how many of a hundred, from 1 to 100")));
    }
    let mut share = 0;
    let taken = all.into_iter().filter(|_| {
        share += percent;
        let takes = share >= 100;
        share -= if takes { 100 } else { 0 };
        takes
    });
    let taken: Vec<Mutant> = taken.collect();
    match taken.is_empty() {
        true => Err(anyhow::Error::new(Exit::Nothing).context("no mutant is selected")),
        false => Ok(taken),
    }
}

fn short(detail: &str) -> String {
    const CHARS_MAX: usize = 76;
    match detail.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &detail[..end]),
        None => detail.to_owned(),
    }
}
