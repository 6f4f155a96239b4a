//! Counts against a budget's table.

use std::collections::BTreeSet;

use run_record::{Rpcs, Verdict};

use crate::budgets::{Excess, Table};

/// Judges the calls that `what` made, on `n` objects. One verdict per RPC that is off, one pass if
/// none is.
pub fn judge_counts(what: &str, rpcs: &Rpcs, table: &Table, n: u64, tight: bool) -> Vec<Verdict> {
    let names: BTreeSet<&String> = rpcs.keys().chain(table.rows.keys()).collect();
    let mut verdicts = Vec::new();
    for rpc in names {
        let count = rpcs.get(rpc).copied().unwrap_or(0);
        let allowance = table.allowance(rpc);
        if allowance.on_excess == Excess::Off {
            continue;
        }
        let (fewest, most) = allowance.limit.range(n, tight);
        if let Some(waiver) = &allowance.waiver
            && most < count
            && count - most <= waiver.allow
        {
            let detail = format!("{what}: {rpc} allowed {most}, saw {count}: {}", waiver.told());
            verdicts.push(Verdict::warn("budget", detail).set_at(waiver.at.to_string()));
            continue;
        }
        let most = most.saturating_add(allowance.waived());
        let detail = if count > most {
            format!("{what}: {rpc} allowed {most}, saw {count} (+{})", count - most)
        } else if count < fewest {
            format!(
                "{what}: {rpc} needs {fewest}, saw {count}; tighten the budget if that is right"
            )
        } else {
            continue;
        };
        let verdict = match allowance.on_excess {
            Excess::Warn => Verdict::warn("budget", detail),
            _ => Verdict::fail("budget", detail),
        };
        verdicts.push(verdict.set_at(allowance.at.to_string()));
    }
    if verdicts.is_empty() {
        verdicts.push(Verdict::pass("budget"));
    }
    verdicts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budgets::{Budget, own};
    use run_record::CheckResult;

    fn judged(calls: &[(&str, u64)]) -> Vec<Verdict> {
        let rpcs = calls.iter().map(|(rpc, count)| ((*rpc).to_owned(), *count)).collect();
        let budget = own("retained").unwrap();
        judge_counts("exec", &rpcs, &budget.operations["exec"].ok, 1, true)
    }

    #[test]
    fn an_exec_at_the_floor_passes() {
        assert_eq!(judged(&[("Tasks/Exec", 1), ("Tasks/Start", 1)]), vec![Verdict::pass("budget")]);
    }

    #[test]
    fn an_extra_call_is_named_with_allowance_count_and_line() {
        let verdicts = judged(&[("Containers/Get", 1), ("Tasks/Exec", 1), ("Tasks/Start", 1)]);
        assert_eq!(verdicts.len(), 1);
        assert_eq!(verdicts[0].detail, "exec: Containers/Get allowed 0, saw 1 (+1)");
        let at = verdicts[0].at.as_deref().unwrap();
        assert!(at.starts_with("scenarios/budgets/floor.toml:"), "{at}");
    }

    #[test]
    fn fewer_calls_than_a_tight_budget_says_fail_as_well() {
        let verdicts = judged(&[("Tasks/Exec", 1)]);
        assert!(verdicts[0].failed());
        assert!(verdicts[0].detail.contains("needs 1, saw 0"), "{}", verdicts[0].detail);
    }

    const WAIVED: &str = "schema = 1\nclient = \"c\"\ntight = true\n[operation.exec]\n\"Tasks/Exec\" = 3\n\
        \"Tasks/Get\" = { exactly = 1, on_excess = \"warn\" }\n[[waiver]]\n\
        rule = \"operation.exec:Tasks/Exec\"\nallow = 1\nreason = \"it asks again\"\nowner = \"@name\"\n\
        until = 9999-12-31\n";

    fn judged_by_it(execs: u64, gets: u64) -> Vec<CheckResult> {
        let budget = Budget::parse("budget.toml", WAIVED).unwrap();
        let rpcs = [("Tasks/Exec".to_owned(), execs), ("Tasks/Get".to_owned(), gets)].into();
        let verdicts = judge_counts("exec", &rpcs, &budget.operations["exec"].ok, 1, true);
        verdicts.iter().map(|verdict| verdict.result).collect()
    }

    #[test]
    fn a_waiver_is_for_what_is_beyond_the_allowance_and_for_no_more_than_it_says() {
        use CheckResult::{Fail, Pass, Warn};
        for (execs, result) in [(2, Fail), (3, Pass), (4, Warn), (5, Fail), (6, Fail)] {
            assert_eq!(judged_by_it(execs, 1), [result], "{execs} calls");
        }
    }

    #[test]
    fn where_an_excess_is_to_warn_other_counts_are_warnings() {
        use CheckResult::{Pass, Warn};
        for (gets, result) in [(0, Warn), (1, Pass), (2, Warn)] {
            assert_eq!(judged_by_it(3, gets), [result], "{gets} calls");
        }
    }
}
