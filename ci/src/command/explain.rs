//! `laconic explain` and `laconic budgets explain`: a rule of budgets, or the check of several actors.

use laconic_scenarios::budgets::{Budget, Explained, own};
use laconic_scenarios::model::{LATITUDES, Latitude};
use laconic_scenarios::{Play, Scenario, catalogue, varied};

use super::output::print;
use crate::arguments::ExplainOptions;
use crate::exit::{Exit, usage};

/// Those that laconic brings.
const OWN: [&str; 3] = ["floor", "retained", "stateless"];

/// The check of what several actors were answered at once.
const LINEARIZABLE: &str = "\
linearizable
  All that several actors were answered at once (laconic run --actors N) must be possible in one order:
  each operation somewhere between its being asked and its being answered, each exit before the observer
  heard of it, and the answers those that the model gives one after the other. An order is looked for
  container by container; where it is given up the case is undecided, and no pass.
free there, beside what is free in any case:
";

fn linearizable() -> String {
    let mut text = LINEARIZABLE.to_owned();
    for Latitude { what, reason, evidence } in LATITUDES {
        text.push_str(&format!("  {what}\n    {reason}\n    seen: {evidence}\n"));
    }
    text
}

pub(crate) fn explain(options: ExplainOptions) -> anyhow::Result<Exit> {
    if options.rule == "linearizable" {
        print(&linearizable());
        return Ok(Exit::Good);
    }
    let budgets = if options.budgets.is_empty() {
        OWN.iter().filter_map(|client| own(client)).collect()
    } else {
        let read = |file| super::budgets::read(file).map(|(_, budget)| budget);
        options.budgets.iter().map(|file| read(file)).collect::<anyhow::Result<Vec<Budget>>>()?
    };
    let rule = options.rule.as_str();
    let mut text = format!("{rule}\n");
    let mut operations = None;
    for budget in &budgets {
        let Some(explained) = budget.explain(rule) else { continue };
        text.push_str(&of_budget(budget, &explained));
        operations = Some(explained.operations);
    }
    let Some(operations) = operations else {
        return Err(usage(format!(
            "no budget has a rule {rule:?}: write operation.exec, operation.exec:Tasks/Start, \
             operation.exec.error.not-found, flow.exec-cycle, connect or background; or linearizable"
        )));
    };
    text.push_str(&exercised(&operations, &budgets));
    print(&text);
    Ok(Exit::Good)
}

fn of_budget(budget: &Budget, explained: &Explained) -> String {
    let Explained { at, rows, operations } = explained;
    let base = if at.file == budget.path { "" } else { " (its base's)" };
    let tight = if budget.tight { ", and no less" } else { "" };
    let mut text = format!("  {}  {at}{base}\n", budget.client);
    if let Some(points) = operations.first().and_then(|name| budget.vary.get(name)) {
        let points = points.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        text.push_str(&format!("    proven at n = {points}\n"));
    }
    if rows.is_empty() {
        text.push_str("    no RPC at all\n");
    }
    for (rpc, allowance) in rows {
        let limit = allowance.limit;
        text.push_str(&format!("    {rpc}  allows {limit}{tight}  [{}]\n", allowance.at));
        if let Some(waiver) = &allowance.waiver {
            let more = waiver.allow;
            text.push_str(&format!("      {more} more {}  [{}]\n", waiver.told(), waiver.at));
        }
    }
    text
}

/// The scenarios in which it is held.
fn exercised(operations: &[String], budgets: &[Budget]) -> String {
    if operations.is_empty() {
        return "exercised by every scenario\n".to_owned();
    }
    let performs = |scenario: &Scenario, name: &String| {
        scenario.steps.iter().any(|step| match &step.play {
            Play::Perform(operation) | Play::Begin(operation) => operation.name() == name,
            _ => false,
        })
    };
    let mut text = String::from("exercised by scenarios that perform it\n");
    for scenario in catalogue().into_iter().chain(varied(budgets)) {
        if operations.iter().all(|name| performs(&scenario, name)) {
            text.push_str(&format!("  {}\n", scenario.case()));
        }
    }
    text
}
