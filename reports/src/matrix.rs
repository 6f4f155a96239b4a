//! What each operation cost: operations down, runs across.

use std::collections::{BTreeMap, BTreeSet};

use driver_protocol::Operation;
use run_record::Line;
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

impl Matrix {
    pub(crate) fn of(lines: &[Line], floors: &Floors) -> Self {
        let columns: Vec<Column> = lines
            .iter()
            .filter_map(|line| match line {
                Line::Run(run) => Some(Column {
                    run: run.run,
                    driver: run.driver.name.clone(),
                    target: format!("{} {}", run.target.kind, run.target.version),
                }),
                _ => None,
            })
            .collect();
        let cells = cells(lines);
        let rows = std::iter::once("connect")
            .chain(Operation::NAMES)
            .map(|operation| Row {
                operation: operation.to_owned(),
                floor: floors.get(operation).copied(),
                cells: columns
                    .iter()
                    .map(|column| cells.get(&(column.run, operation.to_owned())).copied())
                    .collect(),
            })
            .filter(|row| row.cells.iter().any(Option::is_some))
            .collect();
        Self { columns, rows }
    }
}

type Cells = BTreeMap<(u32, String), Cell>;

fn add(cells: &mut Cells, run: u32, operation: &str, rpcs: u64) {
    let empty = Cell { rpcs_min: rpcs, rpcs_max: rpcs, steps: 0 };
    let cell = cells.entry((run, operation.to_owned())).or_insert(empty);
    cell.rpcs_min = cell.rpcs_min.min(rpcs);
    cell.rpcs_max = cell.rpcs_max.max(rpcs);
    cell.steps += 1;
}

fn cells(lines: &[Line]) -> Cells {
    let shared = shared_steps(lines);
    let mut cells = Cells::new();
    for line in lines {
        match line {
            Line::Step(step) => {
                let alone = !shared.contains(&(step.run, step.case.clone(), step.step));
                if step.succeeded() && alone {
                    add(&mut cells, step.run, &step.operation, step.rpcs_total());
                }
            }
            // A case that restarts its client connects twice: its sum is no single connect.
            Line::CaseEnd(end) if end.connects == 1 => {
                add(&mut cells, end.run, "connect", end.connect.values().sum());
            }
            _ => {}
        }
    }
    cells
}

/// Steps that share calls with others: what they own alone is not what they cost.
fn shared_steps(lines: &[Line]) -> BTreeSet<(u32, String, u64)> {
    let mut shared = BTreeSet::new();
    for line in lines {
        let Line::CaseEnd(end) = line else { continue };
        for step in end.overlap.keys().flat_map(|steps| steps.split('+')) {
            if let Ok(step) = step.parse() {
                shared.insert((end.run, end.case.clone(), step));
            }
        }
    }
    shared
}
