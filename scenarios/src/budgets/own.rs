//! The budgets that laconic brings: the floors, and those of its own two drivers.

use super::file::read;
use super::{Budget, BudgetError};

const FLOOR: (&str, &str) =
    ("scenarios/budgets/floor.toml", include_str!("../../budgets/floor.toml"));
const RETAINED: (&str, &str) =
    ("scenarios/budgets/retained.toml", include_str!("../../budgets/retained.toml"));
const STATELESS: (&str, &str) =
    ("scenarios/budgets/stateless.toml", include_str!("../../budgets/stateless.toml"));

/// The fewest RPCs with which each operation can be right.
pub fn floor() -> Budget {
    read(FLOOR.0, FLOOR.1, |_| None).expect("the embedded floor.toml is read by a test")
}

/// The budget of one of our own drivers.
pub fn own(client: &str) -> Option<Budget> {
    let (name, text) = match client {
        "floor" => return Some(floor()),
        "retained" => RETAINED,
        "stateless" => STATELESS,
        _ => return None,
    };
    Some(read(name, text, own).expect("the embedded budgets are read by a test"))
}

impl Budget {
    /// Reads a budget that somebody wrote; its `base` may be one of ours.
    pub fn parse(name: &str, text: &str) -> Result<Self, BudgetError> {
        read(name, text, own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver_protocol::Operation;

    #[test]
    fn the_embedded_budgets_can_be_read_and_cover_every_operation() {
        for client in ["floor", "retained", "stateless"] {
            let budget = own(client).unwrap();
            assert_eq!(budget.client, client);
            for name in Operation::NAMES {
                assert!(budget.operations.contains_key(name), "{client} says nothing of {name}");
            }
        }
    }

    #[test]
    fn the_retained_driver_is_promised_to_be_at_every_floor() {
        let (floor, retained) = (floor(), own("retained").unwrap());
        for name in Operation::NAMES {
            let at_floor = &floor.operations[name].ok.rows;
            assert_eq!(&retained.operations[name].ok.rows, at_floor, "{name}");
        }
        assert!(retained.tight);
    }
}
