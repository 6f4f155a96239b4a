//! A history in a few lines: who asked what, from when to when, and what was answered.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::entry::{Deed, Entry};
use super::history::Slot;
use crate::model::moves::container_id;

/// The entries of a container, one a line, in the order in which they began. `furthest`: those that could
/// be put in order; the others are marked.
pub(super) fn timeline(slot: u8, entries: &[Entry<'_>], furthest: u64) -> String {
    let mut slots: Vec<Slot> =
        entries.iter().flat_map(|entry| [start(entry), entry.returned]).collect();
    slots.sort_unstable();
    slots.dedup();
    let columns: BTreeMap<Slot, usize> =
        slots.iter().enumerate().map(|(column, slot)| (*slot, column)).collect();
    let mut rows: Vec<(usize, &Entry<'_>)> = entries.iter().enumerate().collect();
    rows.sort_by_key(|(_, entry)| (start(entry), entry.returned));
    let (done, all) = (furthest.count_ones(), entries.len());
    let mut text =
        format!("{}: no order is possible; the furthest has {done} of {all}", container_id(slot));
    for (number, entry) in rows {
        let (from, to) = (columns[&start(entry)], columns[&entry.returned]);
        let bar: String = (0..slots.len())
            .map(|column| match column {
                column if column < from || column > to => ' ',
                column if column == from || column == to => '|',
                _ => '-',
            })
            .collect();
        let mark = if furthest >> number & 1 == 1 { ' ' } else { '*' };
        let (who, what, came) = words(entry);
        let _ = write!(text, "\n      {mark} {who:<8} {what:<24} {bar} {came}");
    }
    text
}

/// An end has no beginning that was seen.
fn start(entry: &Entry<'_>) -> Slot {
    match entry.deed {
        Deed::End(..) => entry.returned,
        _ => entry.invoked,
    }
}

fn words(entry: &Entry<'_>) -> (String, String, String) {
    match &entry.deed {
        Deed::Act(act, _) | Deed::Refused(act) | Deed::Counted(act, _) => {
            let exec = act.play.exec().map_or_else(String::new, |exec| format!(" e{exec}"));
            let came = match &entry.deed {
                Deed::Counted(_, found) => format!("task: {found}"),
                _ => crate::checks::shown(&act.outcome),
            };
            (format!("actor {}", act.actor), format!("{}{exec}", act.play.name()), came)
        }
        Deed::Blow(what) => ("fault".to_owned(), (*what).to_owned(), String::new()),
        Deed::End(exec, status) => {
            let whose = exec.map_or_else(|| "the task".to_owned(), |exec| format!("e{exec}"));
            let status = status.map_or_else(|| "?".to_owned(), |status| status.to_string());
            ("server".to_owned(), format!("exit of {whose}"), status)
        }
        Deed::Look(state) => {
            let state = state.map_or_else(|| "no task".to_owned(), |state| format!("{state:?}"));
            ("observer".to_owned(), "looks".to_owned(), state.to_lowercase())
        }
    }
}
