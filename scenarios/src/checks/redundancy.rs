//! Calls that told a client nothing new, or one by one what it could have had at once, beyond what its
//! budget promises.

use std::collections::BTreeMap;

use rpc_ledger::Rpc;
use run_record::{CallLine, Class, Verdict, list_of};

use crate::budgets::{Excess, Table};

/// Judges the calls of a step, which have their classes. A promise is a promise: what a budget allows of a
/// method is not judged here, whatever it is good for. One verdict per method that is off, one pass if none
/// is.
pub(crate) fn judge_redundancy(
    what: &str,
    calls: &[&CallLine],
    table: &Table,
    n: u64,
    tight: bool,
) -> Vec<Verdict> {
    let mut by_method: BTreeMap<String, Vec<Class>> = BTreeMap::new();
    for call in calls {
        let class = call.class.unwrap_or(Class::Needed);
        by_method.entry(Rpc::from_path(&call.method).short()).or_default().push(class);
    }
    let mut verdicts = Vec::new();
    for (rpc, classes) in by_method {
        let allowance = table.allowance(&rpc);
        let (count, (_, most)) = (classes.len() as u64, allowance.limit.range(n, tight));
        if count <= most || allowance.on_excess == Excess::Off {
            continue;
        }
        let Some(why) = idle(&rpc, &classes) else { continue };
        let detail = format!("{what}: {rpc} {why}; {most} allowed");
        let waived = count <= most.saturating_add(allowance.waived());
        let verdict = match allowance.on_excess {
            Excess::Error if !waived => Verdict::fail("redundancy", detail),
            _ => Verdict::warn("redundancy", detail),
        };
        verdicts.push(verdict.set_at(allowance.at.to_string()));
    }
    if verdicts.is_empty() {
        verdicts.push(Verdict::pass("redundancy"));
    }
    verdicts
}

fn idle(rpc: &str, classes: &[Class]) -> Option<String> {
    let count = |class| classes.iter().filter(|one| **one == class).count();
    let all = classes.len();
    match (count(Class::NPlus1), count(Class::Redundant)) {
        (0, 0) => None,
        (0, again) => Some(format!(
            "asked {again} times of {all} what had been answered, and nothing was written since"
        )),
        (_, 0) => Some(format!("asked {all} times, where one {} tells all", list_of(rpc)?)),
        (_, again) => Some(format!(
            "asked {all} times, where one {} tells all, and {again} times what had been answered",
            list_of(rpc)?
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budgets::{Budget, own};
    use rpc_ledger::{Code, Ledger, Opening, Owner, StepId};
    use run_record::CheckResult;

    fn lines(classes: &[(&str, Class)]) -> Vec<CallLine> {
        let ledger = Ledger::new();
        for (rpc, _) in classes {
            let path = format!("/containerd.services.x.v1.{rpc}");
            ledger.start(Opening::of(Rpc::from_path(&path))).finish(Code::OK);
        }
        let owner = || Owner::Step(StepId::new(0));
        let lines = ledger.calls().into_iter().zip(classes).map(|(call, (_, class))| CallLine {
            class: Some(*class),
            ..CallLine::new(1, "gen/0", owner(), &call)
        });
        lines.collect()
    }

    fn judged(client: &str, operation: &str, n: u64, classes: &[(&str, Class)]) -> Vec<Verdict> {
        let lines = lines(classes);
        let table = own(client).unwrap().operations[operation].ok.clone();
        judge_redundancy(operation, &lines.iter().collect::<Vec<_>>(), &table, n, true)
    }

    #[test]
    fn what_had_been_answered_fails_beyond_the_budget_and_passes_where_it_is_promised() {
        use Class::{Needed, Redundant};
        let calls = [("Containers/Get", Needed), ("Containers/Get", Redundant)];
        let verdicts = judged("retained", "exec", 1, &calls);
        assert_eq!(verdicts.len(), 1);
        let detail = "exec: Containers/Get asked 1 times of 2 what had been answered, and nothing was \
                      written since; 0 allowed";
        assert!(verdicts[0].failed());
        assert_eq!(
            (verdicts[0].check.as_str(), verdicts[0].detail.as_str()),
            ("redundancy", detail)
        );
        assert_eq!(judged("stateless", "exec", 1, &calls), [Verdict::pass("redundancy")]);
    }

    #[test]
    fn one_for_each_fails_where_one_tells_all() {
        use Class::{NPlus1, Needed};
        let calls =
            [("Tasks/Metrics", Needed), ("Tasks/Metrics", NPlus1), ("Tasks/Metrics", NPlus1)];
        let detail =
            "stats-all: Tasks/Metrics asked 3 times, where one Tasks/Metrics tells all; 1 allowed";
        let verdicts = judged("retained", "stats-all", 3, &calls);
        assert_eq!((verdicts[0].result, verdicts[0].detail.as_str()), (CheckResult::Fail, detail));
        assert_eq!(judged("stateless", "stats-all", 3, &calls), [Verdict::pass("redundancy")]);
    }

    #[test]
    fn a_call_too_many_that_was_needed_is_for_the_budget_to_say() {
        let verdicts = judged("retained", "exec", 1, &[("Containers/Get", Class::Needed)]);
        assert_eq!(verdicts, [Verdict::pass("redundancy")]);
    }

    #[test]
    fn as_far_as_a_waiver_goes_it_is_a_warning() {
        let budget = "schema = 1\nclient = \"c\"\ntight = true\n[operation.exec]\n\"Tasks/Exec\" = 1\n\
            [[waiver]]\nrule = \"operation.exec:Containers/Get\"\nallow = 1\nreason = \"it reloads\"\n\
            owner = \"@name\"\nuntil = 9999-12-31\n";
        let budget = Budget::parse("budget.toml", budget).unwrap();
        let table = &budget.operations["exec"].ok;
        for (times, result) in [(1, CheckResult::Warn), (2, CheckResult::Fail)] {
            let lines = lines(&vec![("Containers/Get", Class::Redundant); times]);
            let calls: Vec<&CallLine> = lines.iter().collect();
            assert_eq!(judge_redundancy("exec", &calls, table, 1, true)[0].result, result);
        }
    }
}
