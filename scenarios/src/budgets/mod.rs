//! Budgets: promises of how many calls each operation may cost, written by people in TOML.

mod budget;
mod file;
mod limit;
mod own;
mod table;

pub use budget::{Budget, Chosen, Operation};
pub use file::{BudgetError, Place};
pub use limit::{Limit, LimitError};
pub use own::{floor, own};
pub use table::{Allowance, Excess, Table};
