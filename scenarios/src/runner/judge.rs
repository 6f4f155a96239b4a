//! Judges the counts of a whole case by the client's budget.

use std::collections::{BTreeMap, BTreeSet};

use driver_protocol::{Operation, Outcome};
use rpc_ledger::StepId;
use run_record::{AllowanceRef, Rpcs, Verdict};

use super::accounts::Accounts;
use crate::budgets::{Budget, Limit, Table};
use crate::judge_counts;

/// A step whose counts are judged.
pub(super) struct Spent<'s> {
    pub(super) step: StepId,
    pub(super) operation: &'s Operation,
    pub(super) outcome: &'s Outcome,
}

/// Verdicts on counts, by step and on the case as a whole.
pub(super) struct CountVerdicts {
    pub(super) steps: BTreeMap<StepId, Vec<Verdict>>,
    pub(super) case: Vec<Verdict>,
}

pub(super) fn judge_case(
    budget: &Budget,
    accounts: &Accounts,
    spent: &[Spent<'_>],
    connects: usize,
) -> CountVerdicts {
    let overlaps = accounts.overlaps();
    let groups = groups(overlaps.keys());
    let mut steps = BTreeMap::new();
    for one in spent {
        if groups.iter().any(|group| group.contains(&one.step)) {
            continue;
        }
        let chosen = budget.choose(one.operation.name(), one.outcome);
        let rpcs = accounts.of_step(one.step);
        let (name, n) = (one.operation.name(), one.operation.containers());
        steps.insert(one.step, judge_counts(name, &rpcs, &chosen.table, n, chosen.tight));
    }
    let mut case = Vec::new();
    for group in groups {
        case.extend(judge_group(budget, accounts, &overlaps, spent, &group));
    }
    let connect = budget.connect.times(connects as u64);
    case.extend(judge_counts("connect", &accounts.of_connect(), &connect, 1, budget.tight));
    let background = accounts.of_background();
    case.extend(judge_counts("background", &background, &budget.background, 1, budget.tight));
    CountVerdicts { steps, case }
}

/// Steps that nothing tells apart are judged together, against the sum of their allowances.
fn judge_group(
    budget: &Budget,
    accounts: &Accounts,
    overlaps: &BTreeMap<Vec<StepId>, Rpcs>,
    spent: &[Spent<'_>],
    group: &BTreeSet<StepId>,
) -> Vec<Verdict> {
    let mut rpcs = Rpcs::new();
    let mut table: Option<Table> = None;
    let mut tight = true;
    let mut names = Vec::new();
    for one in spent.iter().filter(|one| group.contains(&one.step)) {
        let chosen = budget.choose(one.operation.name(), one.outcome);
        let n = one.operation.containers();
        tight &= chosen.tight;
        names.push(one.operation.name());
        add(&mut rpcs, &accounts.of_step(one.step));
        table = Some(match table {
            None => flat(chosen.table, n, chosen.tight),
            Some(sum) => sum_of(sum, flat(chosen.table, n, chosen.tight)),
        });
    }
    for (steps, shared) in overlaps {
        if steps.iter().any(|step| group.contains(step)) {
            add(&mut rpcs, shared);
        }
    }
    let what = format!("overlap of {}", names.join(" and "));
    table.map(|table| judge_counts(&what, &rpcs, &table, 1, tight)).unwrap_or_default()
}

/// A table with its `n` filled in.
fn flat(mut table: Table, n: u64, tight: bool) -> Table {
    for row in table.rows.values_mut() {
        let (fewest, most) = row.limit.range(n, tight);
        row.limit = Limit::Between(fewest, most);
    }
    table
}

fn sum_of(mut sum: Table, more: Table) -> Table {
    for (rpc, row) in more.rows {
        let (low, high) = row.limit.range(1, true);
        match sum.rows.get_mut(&rpc) {
            None => {
                sum.rows.insert(rpc, row);
            }
            Some(have) => {
                let (fewest, most) = have.limit.range(1, true);
                have.limit = Limit::Between(fewest + low, most + high);
            }
        }
    }
    sum
}

fn add(sums: &mut Rpcs, more: &Rpcs) {
    for (rpc, count) in more {
        *sums.entry(rpc.clone()).or_default() += count;
    }
}

/// Sets of steps that share calls, directly or through others.
fn groups<'o>(overlaps: impl Iterator<Item = &'o Vec<StepId>>) -> Vec<BTreeSet<StepId>> {
    let mut groups: Vec<BTreeSet<StepId>> = Vec::new();
    for steps in overlaps {
        let mut joined: BTreeSet<StepId> = steps.iter().copied().collect();
        groups.retain(|group| {
            let apart = group.is_disjoint(&joined);
            if !apart {
                joined.extend(group);
            }
            apart
        });
        groups.push(joined);
    }
    groups
}

/// What a step was allowed, for the record.
pub(super) fn allowances(budget: &Budget, spent: &Spent<'_>) -> BTreeMap<String, AllowanceRef> {
    let chosen = budget.choose(spent.operation.name(), spent.outcome);
    let n = spent.operation.containers();
    let shown = |limit: Limit| match limit.range(n, chosen.tight) {
        (fewest, most) if fewest == most => most.to_string(),
        (fewest, most) => format!("{fewest}..={most}"),
    };
    chosen
        .table
        .rows
        .iter()
        .map(|(rpc, row)| {
            let at = row.at.to_string();
            (rpc.clone(), AllowanceRef { limit: shown(row.limit), at })
        })
        .collect()
}
