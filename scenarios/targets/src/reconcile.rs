//! Whether two countings of the same calls agree: the tap's and the mock's layer's, the tap's and
//! the daemon's own.

use std::collections::{BTreeMap, BTreeSet};

use rpc_ledger::{Code, Counts};
use run_record::Verdict;

use crate::kept::Told;

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

/// What a proxy before the daemon counted: what came, and what of it was passed on.
pub(crate) struct Proxied {
    pub(crate) came: Counts,
    pub(crate) passed: Counts,
}

/// Calls of one method on their way to the daemon: how many, and of how many it is not known whether they
/// came so far as to be counted there.
#[derive(Clone, Copy, Default)]
struct Sent {
    started: u64,
    uncertain: u64,
}

impl Sent {
    fn of(count: &rpc_ledger::Count) -> Self {
        const UNIMPLEMENTED: u32 = 12;
        const RESOURCE_EXHAUSTED: u32 = 8;
        const INTERNAL: u32 = 13;
        let refused = [UNIMPLEMENTED, RESOURCE_EXHAUSTED, INTERNAL]
            .iter()
            .filter_map(|code| count.finished.get(&Code::new(*code)));
        let uncertain = refused.sum::<u64>() + count.cancelled + count.broken;
        Self { started: count.started, uncertain }
    }
}

/// What was sent to the daemon: what the taps saw, and for what went by the proxy, what that passed on.
fn sent(taps: &[&Counts], proxied: Option<&Proxied>) -> BTreeMap<String, Sent> {
    let mut wire: BTreeMap<String, Sent> = BTreeMap::new();
    let came = proxied.map(|proxied| &proxied.came);
    for (rpc, count) in taps.iter().copied().flat_map(Counts::iter) {
        let (entry, seen) = (wire.entry(rpc.path().to_owned()).or_default(), Sent::of(count));
        entry.started += seen.started;
        entry.uncertain += seen.uncertain;
    }
    for (rpc, count) in came.into_iter().flat_map(Counts::iter) {
        let (entry, came) = (wire.entry(rpc.path().to_owned()).or_default(), Sent::of(count));
        // More came than the tap saw: that is another check's to tell.
        entry.started = entry.started.saturating_sub(came.started);
        entry.uncertain = entry.uncertain.saturating_sub(came.uncertain);
    }
    for (rpc, count) in proxied.iter().flat_map(|proxied| proxied.passed.iter()) {
        let (entry, passed) = (wire.entry(rpc.path().to_owned()).or_default(), Sent::of(count));
        entry.started += passed.started;
        entry.uncertain += passed.uncertain;
    }
    wire
}

/// wire = daemon + what the proxy kept + what was refused before the daemon's interceptor + what was
/// given up or cut before its dispatch; the last is an interval, for nobody can see it. Counts of a life
/// that could not be read before it ended leave but a lower bound.
pub(crate) fn cross_check(taps: &[&Counts], proxied: Option<&Proxied>, daemon: &Told) -> Verdict {
    let wire = sent(taps, proxied);
    let mut off = Vec::new();
    let names: BTreeSet<&String> = wire.keys().chain(daemon.started.keys()).collect();
    for name in names {
        let Sent { started, uncertain } = wire.get(name).copied().unwrap_or_default();
        let told = daemon.started.get(name).copied().unwrap_or(0);
        let least = if daemon.unread > 0 { 0 } else { started.saturating_sub(uncertain) };
        if !(least..=started).contains(&told) {
            off.push(format!("{name}: wire {least} to {started}, daemon {told}"));
        }
    }
    if !off.is_empty() {
        return Verdict::fail("cross-check", off.join("; "));
    }
    let mut verdict = Verdict::pass("cross-check");
    if daemon.restarts > 0 {
        let uncertain: u64 = wire.values().map(|sent| sent.uncertain).sum();
        let Told { restarts, unread, .. } = daemon;
        verdict.detail = format!(
            "the daemon was restarted {restarts} times, and {unread} times what it had counted could \
             not be read before; {uncertain} calls were cut, given up or refused on the way to it, and \
             may be among those it counted"
        );
    }
    verdict
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

    fn told(number: u64) -> Told {
        let started = BTreeMap::from([("/a.v1.A/One".to_owned(), number)]);
        Told { started, ..Told::default() }
    }

    fn right(taps: &Counts, proxied: Option<&Proxied>, daemon: &Told) -> bool {
        cross_check(&[taps], proxied, daemon).result == CheckResult::Pass
    }

    #[test]
    fn what_the_proxy_kept_is_no_call_of_the_daemons_whatever_its_code() {
        let unavailable = |ledger: &Ledger| call(ledger).finish(Code::new(14));
        let ok = |ledger: &Ledger| call(ledger).finish(Code::OK);
        let tap = counted(|ledger| {
            ok(ledger);
            ok(ledger);
            unavailable(ledger);
        });
        let came = counted(|ledger| {
            ok(ledger);
            unavailable(ledger);
        });
        let proxied = Proxied { came, passed: counted(ok) };
        for (number, is_right) in [(1, false), (2, true), (3, false)] {
            assert_eq!(right(&tap, Some(&proxied), &told(number)), is_right, "{number}");
        }
    }

    #[test]
    fn a_call_that_was_passed_on_and_cut_may_have_been_counted_or_not() {
        let broken = |ledger: &Ledger| call(ledger).broken();
        let proxied =
            Proxied { came: counted(broken), passed: counted(|ledger| call(ledger).cancelled()) };
        for (number, is_right) in [(0, true), (1, true), (2, false)] {
            assert_eq!(
                right(&counted(broken), Some(&proxied), &told(number)),
                is_right,
                "{number}"
            );
        }
        // One that never went further is not uncertain.
        let kept = Proxied { came: counted(broken), passed: counted(|_| ()) };
        assert!(!right(&counted(broken), Some(&kept), &told(1)));
    }

    #[test]
    fn a_life_of_which_nothing_could_be_read_leaves_a_lower_bound_and_that_is_told() {
        let tap = counted(|ledger| {
            call(ledger).finish(Code::OK);
            call(ledger).finish(Code::OK);
        });
        let daemon = Told { restarts: 1, unread: 1, ..told(1) };
        let verdict = cross_check(&[&tap], None, &daemon);
        assert_eq!(verdict.result, CheckResult::Pass);
        assert!(verdict.detail.contains("1 times what it had counted"), "{verdict:?}");
        assert!(!right(&tap, None, &Told { restarts: 1, unread: 1, ..told(3) }));
        assert!(!right(&tap, None, &Told { restarts: 1, ..told(1) }));
    }
}
