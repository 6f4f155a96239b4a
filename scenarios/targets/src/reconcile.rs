//! Whether two countings of the same calls agree: the tap's and the mock's layer's, the tap's and
//! the daemon's own.

use std::collections::{BTreeMap, BTreeSet};

use rpc_ledger::{Code, Counts};
use run_record::Verdict;

type Endings = BTreeMap<(String, String), u64>;

fn endings(all: &[&Counts]) -> Endings {
    let mut endings = Endings::new();
    for (rpc, count) in all.iter().flat_map(|counts| counts.iter()) {
        let mut add = |how: String, number: u64| {
            if number > 0 {
                *endings.entry((rpc.path().to_owned(), how)).or_default() += number;
            }
        };
        add("started".to_owned(), count.started);
        for (code, number) in &count.finished {
            add(code.to_string(), *number);
        }
        add("broken".to_owned(), count.broken);
        add("cancelled".to_owned(), count.cancelled);
    }
    endings
}

/// Takes off what the server's HTTP/2 reset before any layer saw it (a malformed `:path`, for
/// one): started and broken at the tap, nothing at the layer. Returns how many.
fn take_resets(taps: &mut Endings, layer: &Endings) -> u64 {
    let paths: Vec<String> = taps.keys().map(|(path, _)| path.clone()).collect();
    let mut resets = 0;
    for path in paths {
        let of = |how: &str| (path.clone(), how.to_owned());
        let count = |all: &Endings, how: &str| all.get(&of(how)).copied().unwrap_or(0);
        let unseen = count(taps, "started").saturating_sub(count(layer, "started"));
        let unseen = unseen.min(count(taps, "broken"));
        for how in ["started", "broken"] {
            let left = count(taps, how) - unseen;
            taps.insert(of(how), left);
        }
        resets += unseen;
    }
    taps.retain(|_, number| *number > 0);
    resets
}

/// Moves what the client gave up while the answer was on its way: the tap saw the reset before the
/// answer, the layer had ended the call already. Only that way round: whatever has an ending at the
/// tap went through the layer with that ending. Returns how many.
fn take_crossed(taps: &mut Endings, layer: &Endings) -> u64 {
    let mut crossed = 0;
    for ((path, how), ended) in layer.iter().filter(|((_, how), _)| how != "started") {
        let given_up = (path.clone(), "cancelled".to_owned());
        let count = |all: &Endings, key| all.get(key).copied().unwrap_or(0);
        let spare = count(taps, &given_up).saturating_sub(count(layer, &given_up));
        let key = (path.clone(), how.clone());
        let moved = ended.saturating_sub(count(taps, &key)).min(spare);
        if how != "cancelled" && moved > 0 {
            *taps.entry(key).or_default() += moved;
            *taps.entry(given_up).or_default() -= moved;
            crossed += moved;
        }
    }
    taps.retain(|_, number| *number > 0);
    crossed
}

/// Taps = layer + resets, by method and by how the calls ended.
pub(crate) fn compare_layer(taps: &[&Counts], layer: &Counts) -> Verdict {
    let (mut taps, layer) = (endings(taps), endings(&[layer]));
    let resets = take_resets(&mut taps, &layer);
    let crossed = take_crossed(&mut taps, &layer);
    if taps == layer {
        let mut verdict = Verdict::pass("tap-and-layer");
        let told = [
            (resets, "calls were reset before they reached a service"),
            (crossed, "calls were given up while their answer was on its way"),
        ];
        let told = told.iter().filter(|(number, _)| *number > 0);
        verdict.detail =
            told.map(|(number, what)| format!("{number} {what}")).collect::<Vec<_>>().join("; ");
        return verdict;
    }
    let differing: Vec<String> = taps
        .keys()
        .chain(layer.keys())
        .filter(|key| taps.get(*key) != layer.get(*key))
        .map(|key| {
            let count = |all: &Endings| all.get(key).copied().unwrap_or(0);
            format!("{} {}: tap {}, layer {}", key.0, key.1, count(&taps), count(&layer))
        })
        .collect();
    Verdict::fail("tap-and-layer", differing.join("; "))
}

/// wire = daemon + what was refused before the daemon's interceptor + what was cancelled before
/// its dispatch; the last is an interval, for nobody can see it.
pub(crate) fn cross_check(taps: &[&Counts], daemon: &BTreeMap<String, u64>) -> Verdict {
    const UNIMPLEMENTED: u32 = 12;
    const RESOURCE_EXHAUSTED: u32 = 8;
    const INTERNAL: u32 = 13;
    let mut wire: BTreeMap<String, (u64, u64)> = Default::default();
    for (rpc, count) in taps.iter().flat_map(|counts| counts.iter()) {
        let refused = [UNIMPLEMENTED, RESOURCE_EXHAUSTED, INTERNAL]
            .iter()
            .filter_map(|code| count.finished.get(&Code::new(*code)));
        let uncertain = refused.sum::<u64>() + count.cancelled + count.broken;
        let entry = wire.entry(rpc.path().to_owned()).or_default();
        entry.0 += count.started;
        entry.1 += uncertain;
    }
    let mut off = Vec::new();
    let names: BTreeSet<&String> = wire.keys().chain(daemon.keys()).collect();
    for name in names {
        let (started, uncertain) = wire.get(name).copied().unwrap_or_default();
        let told = daemon.get(name).copied().unwrap_or(0);
        if !(started - uncertain..=started).contains(&told) {
            let least = started - uncertain;
            off.push(format!("{name}: wire {least} to {started}, daemon {told}"));
        }
    }
    if off.is_empty() {
        Verdict::pass("cross-check")
    } else {
        Verdict::fail("cross-check", off.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use rpc_ledger::{Call, Ledger, Opening, Rpc};

    use run_record::CheckResult;

    use super::*;

    fn counted(end: impl Fn(&Ledger)) -> Counts {
        let ledger = Ledger::new();
        end(&ledger);
        ledger.counts()
    }

    fn call(ledger: &Ledger) -> Call {
        ledger.start(Opening::of(Rpc::from_path("/a.v1.A/One")))
    }

    #[test]
    fn a_call_given_up_while_its_answer_was_on_its_way_is_no_difference() {
        let tap = counted(|ledger| {
            call(ledger).finish(Code::OK);
            call(ledger).cancelled();
        });
        let layer = counted(|ledger| {
            call(ledger).finish(Code::OK);
            call(ledger).finish(Code::OK);
        });
        let verdict = compare_layer(&[&tap], &layer);
        assert_eq!(verdict.result, CheckResult::Pass, "{verdict:?}");
        assert!(verdict.detail.starts_with("1 calls were given up"), "{verdict:?}");
        // The other way round nothing explains it: an answer passes the layer before the tap.
        assert_eq!(compare_layer(&[&layer], &tap).result, CheckResult::Fail);
    }

    #[test]
    fn a_call_that_was_given_up_hides_no_lost_count() {
        let tap = counted(|ledger| call(ledger).cancelled());
        let none = counted(|_| ());
        let two = counted(|ledger| {
            call(ledger).finish(Code::OK);
            call(ledger).finish(Code::OK);
        });
        for layer in [none, two] {
            assert_eq!(compare_layer(&[&tap], &layer).result, CheckResult::Fail);
        }
    }
}
