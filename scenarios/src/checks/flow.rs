//! Counts of operations that follow each other, against a budget's flows.

use std::collections::BTreeMap;

use run_record::{Rpcs, Verdict};

use super::judge_counts;
use crate::budgets::{Allowance, Excess, Flow, Spend};

/// The process that a step acts on, and by which of a case's clients.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// Counted up by each restart of the client.
    pub client: usize,
    /// Its container.
    pub container: String,
    /// `None`: the container, or its task.
    pub exec: Option<String>,
}

/// A step, as flows see it.
#[derive(Clone, Debug)]
pub struct Passed {
    /// Its number.
    pub step: u64,
    /// What was asked for.
    pub operation: String,
    /// What it was done to; `None`: several, or none.
    pub object: Option<Object>,
    /// Its calls; `None` where it failed, or nobody can tell its calls apart, or they are not judged.
    pub rpcs: Option<Rpcs>,
}

/// Judges each occurrence of a flow: its operations, one right after the other as far as their object
/// is concerned. One verdict for each that is off, and one pass for a flow that always held.
pub fn judge_flows(flows: &BTreeMap<String, Flow>, passed: &[Passed], tight: bool) -> Vec<Verdict> {
    let mut by_object: BTreeMap<&Object, Vec<&Passed>> = BTreeMap::new();
    for one in passed {
        if let Some(object) = &one.object {
            by_object.entry(object).or_default().push(one);
        }
    }
    let mut verdicts = Vec::new();
    for (name, flow) in flows {
        let occurrences = by_object.values().flat_map(|steps| steps.windows(flow.of.len()));
        let (mut occurs, before) = (false, verdicts.len());
        for steps in occurrences {
            let Some(rpcs) = sum(flow, steps) else { continue };
            occurs = true;
            verdicts.extend(judge(name, flow, steps, &rpcs, tight));
        }
        if occurs && verdicts.len() == before {
            verdicts.push(Verdict::pass("flow").set_at(flow.at.to_string()));
        }
    }
    verdicts
}

/// What the steps cost together; `None` where they are not this flow.
fn sum(flow: &Flow, steps: &[&Passed]) -> Option<Rpcs> {
    let mut rpcs = Rpcs::new();
    for (step, operation) in steps.iter().zip(&flow.of) {
        if step.operation != *operation {
            return None;
        }
        for (rpc, count) in step.rpcs.as_ref()? {
            *rpcs.entry(rpc.clone()).or_default() += count;
        }
    }
    Some(rpcs)
}

fn judge(name: &str, flow: &Flow, steps: &[&Passed], rpcs: &Rpcs, tight: bool) -> Vec<Verdict> {
    let (first, last) = (steps[0], steps[steps.len() - 1]);
    let what = format!("flow {name}, steps {} to {}", first.step, last.step);
    match &flow.spend {
        Spend::Total(total) => judge_total(&what, total, rpcs, tight).into_iter().collect(),
        Spend::Each(table) => {
            let told = judge_counts(&what, rpcs, table, 1, tight);
            let off = told.into_iter().filter(|verdict| !verdict.detail.is_empty());
            off.map(|verdict| Verdict { check: "flow".to_owned(), ..verdict }).collect()
        }
    }
}

fn judge_total(what: &str, total: &Allowance, rpcs: &Rpcs, tight: bool) -> Option<Verdict> {
    let count: u64 = rpcs.values().sum();
    let (fewest, most) = total.limit.range(1, tight);
    let calls = rpcs.iter().map(|(rpc, times)| format!("{times} {rpc}"));
    let calls = calls.collect::<Vec<_>>().join(", ");
    if let Some(waiver) = &total.waiver
        && most < count
        && count - most <= waiver.allow
    {
        let detail = format!("{what}: allowed {most} in all, saw {count}: {}", waiver.told());
        return Some(Verdict::warn("flow", detail).set_at(waiver.at.to_string()));
    }
    let most = most.saturating_add(total.waived());
    let detail = if count > most {
        format!("{what}: allowed {most} in all, saw {count} (+{}): {calls}", count - most)
    } else if count < fewest {
        format!(
            "{what}: needs {fewest} in all, saw {count}: {calls}; tighten the budget if that is right"
        )
    } else {
        return None;
    };
    let verdict = match total.on_excess {
        Excess::Off => return None,
        Excess::Warn => Verdict::warn("flow", detail),
        Excess::Error => Verdict::fail("flow", detail),
    };
    Some(verdict.set_at(total.at.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budgets::{Budget, own};
    use run_record::CheckResult;

    fn passed(step: u64, operation: &str, exec: &str, calls: &[(&str, u64)]) -> Passed {
        let object = Object { client: 0, container: "c0".into(), exec: Some(exec.into()) };
        let rpcs = calls.iter().map(|(rpc, count)| ((*rpc).to_owned(), *count)).collect();
        Passed { step, operation: operation.into(), object: Some(object), rpcs: Some(rpcs) }
    }

    fn cycle(extra: &[(&str, u64)]) -> Vec<Passed> {
        let exec = [&[("Tasks/Exec", 1), ("Tasks/Start", 1)], extra].concat();
        vec![
            passed(2, "exec", "e0", &exec),
            // On another object: it does not come in between.
            passed(3, "exec-kill", "e1", &[("Tasks/Kill", 1)]),
            passed(4, "exec-wait", "e0", &[]),
            passed(5, "delete-exec", "e0", &[("Tasks/DeleteProcess", 1)]),
        ]
    }

    fn judged(steps: &[Passed]) -> Vec<Verdict> {
        judge_flows(&own("retained").unwrap().flows, steps, true)
    }

    #[test]
    fn a_flow_at_its_floor_passes_with_the_line_that_says_so() {
        let verdicts = judged(&cycle(&[]));
        assert_eq!(verdicts.len(), 1);
        assert!(!verdicts[0].failed());
        let at = verdicts[0].at.as_deref().unwrap();
        assert!(at.starts_with("scenarios/budgets/floor.toml:"), "{at}");
    }

    #[test]
    fn a_flow_above_it_fails_with_its_calls_and_one_below_too() {
        let verdicts = judged(&cycle(&[("Containers/Get", 2)]));
        let expected = "flow exec-cycle, steps 2 to 5: allowed 3 in all, saw 5 (+2): \
                        2 Containers/Get, 1 Tasks/DeleteProcess, 1 Tasks/Exec, 1 Tasks/Start";
        assert_eq!(verdicts[0].detail, expected);
        assert!(verdicts[0].failed() && verdicts[0].check == "flow");
        let mut fewer = cycle(&[]);
        fewer[0].rpcs.as_mut().unwrap().remove("Tasks/Start");
        assert!(judged(&fewer)[0].detail.contains("needs 3 in all, saw 2"));
    }

    #[test]
    fn what_does_not_follow_or_cannot_be_judged_is_no_flow() {
        let mut apart = cycle(&[("Containers/Get", 2)]);
        apart.insert(1, passed(9, "exec-resize", "e0", &[("Tasks/ResizePty", 1)]));
        assert_eq!(judged(&apart), vec![]);
        let mut failed = cycle(&[("Containers/Get", 2)]);
        failed[3].rpcs = None;
        assert_eq!(judged(&failed), vec![]);
        let mut restarted = cycle(&[("Containers/Get", 2)]);
        restarted[3].object.as_mut().unwrap().client = 1;
        assert_eq!(judged(&restarted), vec![]);
    }

    #[test]
    fn a_flow_that_was_off_once_has_not_held() {
        let elsewhere = cycle(&[("Containers/Get", 1)]).into_iter().map(|mut one| {
            one.object.as_mut().unwrap().container = "c1".into();
            one
        });
        let steps: Vec<Passed> = cycle(&[]).into_iter().chain(elsewhere).collect();
        let verdicts = judged(&steps);
        assert!(verdicts.len() == 1 && verdicts[0].failed(), "{verdicts:?}");
    }

    const TWICE: &str =
        "schema = 1\nclient = \"c\"\ntight = true\n[flow.twice]\nof = [\"kill\", \"kill\"]\n";

    /// So many kills, two after each other, by a flow of a file that begins like this.
    fn killed(rule: &str, kills: u64) -> Vec<Verdict> {
        let budget = Budget::parse("budget.toml", &format!("{TWICE}{rule}")).unwrap();
        let steps = [
            passed(0, "kill", "e0", &[("Tasks/Kill", 1)]),
            passed(1, "kill", "e0", &[("Tasks/Kill", kills - 1)]),
        ];
        judge_flows(&budget.flows, &steps, true)
    }

    #[test]
    fn a_waiver_of_a_flow_is_for_what_is_beyond_it_and_for_no_more_than_it_says() {
        use CheckResult::{Fail, Pass, Warn};
        let rule = "total = 3\n[[waiver]]\nrule = \"flow.twice\"\nallow = 1\nreason = \"it asks again\"\n\
                    owner = \"@name\"\nuntil = 9999-12-31\n";
        for (kills, result) in [(2, Fail), (3, Pass), (4, Warn), (5, Fail), (6, Fail)] {
            let verdicts = killed(rule, kills);
            assert!(verdicts.len() == 1 && verdicts[0].result == result, "{verdicts:?}");
        }
    }

    #[test]
    fn a_flow_that_limits_each_method_names_the_one_that_is_off_and_passes_by_its_own_line() {
        let rule = "\"Tasks/Kill\" = 2\n";
        assert_eq!(killed(rule, 2), [Verdict::pass("flow").set_at("budget.toml:4")]);
        let told = "flow twice, steps 0 to 1: Tasks/Kill allowed 2, saw 3 (+1)";
        assert_eq!(killed(rule, 3), [Verdict::fail("flow", told).set_at("budget.toml:6")]);
    }
}
