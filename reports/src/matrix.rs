//! What each operation cost: operations down, runs across.

use std::collections::{BTreeMap, BTreeSet};

use driver_protocol::Operation;
use run_record::{Line, RunLine};
use serde::Serialize;

use crate::Floors;

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Names the run within the record.
    pub run: u32,
    /// Who was driven.
    pub driver: String,
    /// Against what, with its version.
    pub target: String,
}

/// RPCs of one operation in one run, over all steps in which it succeeded and was alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The fewest.
    pub rpcs_min: u64,
    /// The most.
    pub rpcs_max: u64,
    /// Over how many steps.
    pub steps: u64,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its name.
    pub operation: String,
    /// The fewest and the most RPCs at the floor.
    pub floor: Option<(u64, u64)>,
    /// By column; `None`: it never succeeded alone.
    pub cells: Vec<Option<Cell>>,
}

/// The table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// Runs.
    pub columns: Vec<Column>,
    /// Operations that occurred, in the order of the protocol.
    pub rows: Vec<Row>,
}

/// Cells, as they add up case by case.
#[derive(Clone, Debug, Default)]
pub(crate) struct MatrixSums {
    cells: Cells,
}

impl MatrixSums {
    /// Adds the lines of one case.
    pub(crate) fn add(&mut self, lines: &[Line]) {
        let shared = shared_steps(lines);
        for line in lines {
            match line {
                Line::Step(step) => {
                    let alone = !shared.contains(&step.step);
                    if step.succeeded() && alone {
                        self.cell(step.run, &step.operation, step.rpcs_total());
                    }
                }
                // A case that restarts its client connects twice: its sum is no single connect.
                Line::CaseEnd(end) if end.connects == 1 => {
                    self.cell(end.run, "connect", end.connect.values().sum());
                }
                _ => {}
            }
        }
    }

    fn cell(&mut self, run: u32, operation: &str, rpcs: u64) {
        let empty = Cell { rpcs_min: rpcs, rpcs_max: rpcs, steps: 0 };
        let cell = self.cells.entry((run, operation.to_owned())).or_insert(empty);
        cell.rpcs_min = cell.rpcs_min.min(rpcs);
        cell.rpcs_max = cell.rpcs_max.max(rpcs);
        cell.steps += 1;
    }

    /// The table.
    pub(crate) fn matrix<'r>(
        &self,
        runs: impl Iterator<Item = &'r RunLine>,
        floors: &Floors,
    ) -> Matrix {
        let columns: Vec<Column> = runs
            .map(|run| Column {
                run: run.run,
                driver: run.driver.name.clone(),
                target: format!("{} {}", run.target.kind, run.target.version),
            })
            .collect();
        let cell = |column: &Column, operation: &str| {
            self.cells.get(&(column.run, operation.to_owned())).copied()
        };
        let rows = std::iter::once("connect")
            .chain(Operation::NAMES)
            .map(|operation| Row {
                operation: operation.to_owned(),
                floor: floors.get(operation).map(|floor| (floor.fewest, floor.most)),
                cells: columns.iter().map(|column| cell(column, operation)).collect(),
            })
            .filter(|row| row.cells.iter().any(Option::is_some))
            .collect();
        Matrix { columns, rows }
    }
}

type Cells = BTreeMap<(u32, String), Cell>;

/// Steps that share calls with others: what they own alone is not what they cost.
fn shared_steps(lines: &[Line]) -> BTreeSet<u64> {
    let ends = lines.iter().filter_map(|line| match line {
        Line::CaseEnd(end) => Some(end),
        _ => None,
    });
    ends.flat_map(|end| end.overlap.keys())
        .flat_map(|steps| steps.split('+'))
        .filter_map(|step| step.parse().ok())
        .collect()
}

/// One number, or from the fewest to the most.
pub(crate) fn span(min: u64, max: u64) -> String {
    if min == max { min.to_string() } else { format!("{min}–{max}") }
}
