//! Budgets: promises of how many calls each operation may cost, written by people in TOML.

mod budget;
mod edit;
mod explain;
mod file;
mod flow;
mod limit;
mod observed;
mod own;
mod schema;
mod table;
mod vary;
mod waiver;

pub use budget::{Budget, Chosen, Operation};
pub use edit::{Change, accept, begin, tighten};
pub use explain::Explained;
pub use file::{BudgetError, Place};
pub use flow::{Flow, Spend};
pub use limit::{Limit, LimitError, Linear};
pub use observed::{Observed, Section, Spending, observe};
pub use own::{floor, own};
pub use schema::schema;
pub use table::{Allowance, Excess, Table};
pub use vary::VARIED;
pub use waiver::Waiver;
