//! Lifecycles, budgets and the runner that judges them.
