//! Judges the counts of a whole case by the client's budget.

use std::collections::{BTreeMap, BTreeSet};

use driver_protocol::{Operation, Outcome};
use rpc_ledger::{Owner, StepId};
use run_record::{AllowanceRef, CheckResult, Rpcs, StepLine, Verdict};

use super::accounts::{Accounts, Failed};
use crate::budgets::{Allowance, Budget, Chosen, Limit, Table};
use crate::checks::{Object, Passed, judge_counts, judge_flows, judge_redundancy};

/// A step whose counts are judged.
pub(super) struct Spent<'s> {
    pub(super) step: StepId,
    pub(super) operation: &'s Operation,
    pub(super) outcome: &'s Outcome,
    /// Why its counts are not judged.
    pub(super) unjudged: Option<&'s Verdict>,
    /// Which of the case's clients did it.
    pub(super) client: usize,
    pub(super) leeway: Leeway,
}

/// How the counts of a step may differ from what is written of its operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Leeway {
    /// It was asked of things that are not there, too: less is right.
    pub(super) less: bool,
    /// The client cannot know that there is no task: it may ask.
    pub(super) may_ask: bool,
    /// Others acted meanwhile: what it would have refused by itself the server may have
    /// refused, and what it was refused it may have had to undo.
    pub(super) raced: bool,
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
        steps.insert(one.step, judge_step(budget, accounts, one));
    }
    let mut case = judge_flows(&budget.flows, &passed(accounts, spent, &groups), budget.tight);
    for group in groups {
        let unjudged = spent.iter().filter(|one| group.contains(&one.step));
        match unjudged.filter_map(|one| one.unjudged).next() {
            Some(why) => case.push(why.clone()),
            None => case.extend(judge_group(budget, accounts, &overlaps, spent, &group)),
        }
    }
    let connect = budget.connect.times(connects as u64);
    let (connect, tight) = retried(budget, &accounts.failed_of_connect(), connect, 1, budget.tight);
    case.extend(judge_counts("connect", &accounts.of_connect(), &connect, 1, tight));
    let failed = accounts.failed_of_background();
    let (background, tight) = retried(budget, &failed, budget.background.clone(), 1, budget.tight);
    case.extend(judge_counts("background", &accounts.of_background(), &background, 1, tight));
    CountVerdicts { steps, case }
}

/// The steps as flows see them: those whose calls are their own, and succeeded as they should.
fn passed(accounts: &Accounts, spent: &[Spent<'_>], groups: &[BTreeSet<StepId>]) -> Vec<Passed> {
    let one = |one: &Spent<'_>| {
        let apart = !groups.iter().any(|group| group.contains(&one.step));
        let judged = one.unjudged.is_none() && accounts.failed_of_step(one.step).is_empty();
        let good = apart && judged && matches!(one.outcome, Outcome::Ok(_));
        let arguments = StepLine::arguments_of(one.operation);
        let word = |name: &str| arguments.get(name).and_then(|word| word.as_str());
        Passed {
            step: one.step.number(),
            operation: one.operation.name().to_owned(),
            object: word("container").map(|container| Object {
                client: one.client,
                container: container.to_owned(),
                exec: word("exec").map(str::to_owned),
            }),
            rpcs: good.then(|| accounts.of_step(one.step)),
        }
    };
    spent.iter().map(one).collect()
}

fn judge_step(budget: &Budget, accounts: &Accounts, one: &Spent<'_>) -> Vec<Verdict> {
    if let Some(why) = one.unjudged {
        return vec![why.clone()];
    }
    let (name, n) = (one.operation.name(), one.operation.containers());
    let failed = accounts.failed_of_step(one.step);
    if !failed.is_empty() && budget.promises() && !budget.knows(name, one.outcome) {
        // How a failed operation is cleaned up after is for the budget to say.
        let Outcome::Error(refusal) = one.outcome else { return Vec::new() };
        let detail = format!("the budget has no [operation.{name}.error.{}]", refusal.kind);
        return vec![Verdict::skip("budget", detail)];
    }
    let chosen = chosen(budget, one);
    let (table, tight) = retried(budget, &failed, chosen.table, n, chosen.tight);
    let mut verdicts = judge_counts(name, &accounts.of_step(one.step), &table, n, tight);
    // Only what is too much can be idle: the rest was promised.
    if verdicts.iter().all(|verdict| verdict.result == CheckResult::Pass) {
        verdicts.push(Verdict::pass("redundancy"));
        return verdicts;
    }
    let lines = accounts.lines(0, "");
    let own: Vec<_> = lines.iter().filter(|call| call.owner == Owner::Step(one.step)).collect();
    verdicts.extend(judge_redundancy(name, &own, &table, n, tight));
    verdicts
}

/// What is written of a step, with its leeway.
fn chosen(budget: &Budget, one: &Spent<'_>) -> Chosen {
    let mut chosen = budget.choose(one.operation.name(), one.outcome);
    chosen.tight &= !one.leeway.less;
    if one.leeway.raced && matches!(one.outcome, Outcome::Error(_)) {
        let n = one.operation.containers();
        let tried = budget.however(one.operation.name()).into_iter();
        let most = |most, tried| most_of(most, flat(tried, n, false));
        chosen.table = tried.fold(flat(chosen.table, n, false), most);
    }
    if one.leeway.may_ask {
        let (at, on_excess) = (chosen.table.at.clone(), chosen.table.on_excess);
        let once = Allowance { limit: Limit::Between(0, 1), at, on_excess, waiver: None };
        chosen.table.rows.entry("Tasks/Get".to_owned()).or_insert(once);
    }
    chosen
}

/// What is allowed when calls were made to fail: each may be made again as often as the budget says,
/// and what would have followed need not come.
fn retried(budget: &Budget, failed: &Failed, table: Table, n: u64, tight: bool) -> (Table, bool) {
    if failed.is_empty() {
        return (table, tight);
    }
    let mut table = flat(table, n, tight);
    for (rpc, row) in &mut table.rows {
        let again = failed.iter().filter(|((failed, _), _)| failed == rpc);
        let again = again.map(|((_, kind), calls)| {
            budget.retries.get(kind).copied().unwrap_or_default().saturating_mul(*calls)
        });
        let (_, most) = row.limit.range(n, tight);
        row.limit = Limit::Between(0, again.fold(most, u64::saturating_add));
    }
    (table, tight)
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
        let chosen = chosen(budget, one);
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

/// What either of two allows.
fn most_of(mut most: Table, other: Table) -> Table {
    for (rpc, row) in other.rows {
        let (_, high) = row.limit.range(1, false);
        let have = most.rows.entry(rpc).or_insert(row);
        let (_, most) = have.limit.range(1, false);
        have.limit = Limit::Between(0, most.max(high));
    }
    most
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
                match (&mut have.waiver, row.waiver) {
                    (Some(have), Some(more)) => have.allow += more.allow,
                    (have @ None, more) => *have = more,
                    (Some(_), None) => {}
                }
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
