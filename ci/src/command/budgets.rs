//! `laconic budgets`.

use std::path::Path;

use anyhow::Context;
use laconic_scenarios::budgets::{
    Budget, Change, Observed, Section, accept, begin, observe, tighten,
};

use super::output::print;
use super::records::{runs, whole};
use crate::arguments::{BudgetsCommand, BudgetsEdit};
use crate::exit::{Exit, usage};

pub(crate) fn budgets(command: BudgetsCommand) -> anyhow::Result<Exit> {
    match command {
        BudgetsCommand::Check { files } => {
            for file in files {
                let (_, budget) = read(&file)?;
                let own = budget.operations.len();
                print(&format!("ok  {}: {} ({own} operations)\n", file.display(), budget.client));
                for (operation, at) in budget.unproven() {
                    print(&format!(
                        "    {at}: nothing proves how {operation} grows: vary = {{ n = \"containers\", \
                         at = [1, 8, 64] }}\n"
                    ));
                }
            }
            Ok(Exit::Good)
        }
        BudgetsCommand::Accept(options) => edit(&options, accept),
        BudgetsCommand::Tighten(options) => edit(&options, tighten),
        BudgetsCommand::Explain(options) => super::explain::explain(options),
    }
}

pub(super) fn read(file: &Path) -> anyhow::Result<(String, Budget)> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| usage(format!("cannot read {}: {error}", file.display())))?;
    let budget = Budget::parse(&file.display().to_string(), &text).map_err(usage)?;
    Ok((text, budget))
}

type Edit = fn(&str, &Budget, &Observed) -> (String, Vec<Change>);

fn edit(options: &BudgetsEdit, change: Edit) -> anyhow::Result<Exit> {
    let record = whole(&options.record)?;
    let clients: Vec<&str> = runs(&record).map(|run| run.driver.name.as_str()).collect();
    let shown = options.budgets.display().to_string();
    let (text, budget) = if options.budgets.exists() {
        read(&options.budgets)?
    } else {
        let Some(client) = clients.first().filter(|first| clients.iter().all(|one| one == *first))
        else {
            return Err(usage("the record holds several clients: a new budget is of one"));
        };
        let text = begin(client);
        let budget = Budget::parse(&shown, &text).map_err(usage)?;
        (text, budget)
    };
    if !clients.contains(&budget.client.as_str()) {
        let (client, clients) = (&budget.client, clients.join(", "));
        return Err(usage(format!(
            "{shown} is the budget of {client}; the record holds {clients}"
        )));
    }
    // All its runs together: what one target does not show, another may.
    let mut observed = Observed::new();
    for run in runs(&record).filter(|run| run.driver.name == budget.client) {
        for (section, spending) in observe(&record.lines, run.run) {
            observed.entry(section).or_default().add(spending);
        }
    }
    let (text, changes) = change(&text, &budget, &observed);
    // What was written is read again: a budget that cannot be read must not be left behind.
    Budget::parse(&shown, &text).map_err(usage)?;
    for Change { section, rpc, was, is } in &changes {
        print(&format!("{}: {rpc} {was} → {is}\n", named(section)));
    }
    if changes.is_empty() {
        print(&format!("{shown}: nothing to change\n"));
    } else {
        std::fs::write(&options.budgets, text).with_context(|| format!("cannot write {shown}"))?;
    }
    Ok(Exit::Good)
}

fn named(section: &Section) -> String {
    match section {
        Section::Connect => "connect".to_owned(),
        Section::Background => "background".to_owned(),
        Section::Operation(name, None) => name.clone(),
        Section::Operation(name, Some(kind)) => format!("{name} ({kind})"),
    }
}
