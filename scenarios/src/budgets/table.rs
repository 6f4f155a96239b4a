//! One table of a budget: limits by RPC, each with the line that sets it.

use std::collections::BTreeMap;

use super::{Limit, Place, Waiver};

/// What exceeding a limit amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// It is not looked at.
    Off,
    /// It is told.
    Warn,
    /// It is a failure.
    Error,
}

/// A limit on one RPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// How many.
    pub limit: Limit,
    /// Who says so.
    pub at: Place,
    /// And if not.
    pub on_excess: Excess,
    /// Who allows more, for a time.
    pub waiver: Option<Waiver>,
}

impl Allowance {
    /// How many more than the limit are waived.
    pub fn waived(&self) -> u64 {
        self.waiver.as_ref().map_or(0, |waiver| waiver.allow)
    }
}

/// The limits on one operation's calls. An RPC that is not listed is not allowed at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// By short name.
    pub rows: BTreeMap<String, Allowance>,
    /// Where the table begins: it forbids what it does not list.
    pub at: Place,
    /// What an unlisted RPC amounts to.
    pub on_excess: Excess,
}

impl Table {
    /// A table without rows.
    pub fn empty(at: Place, on_excess: Excess) -> Self {
        Self { rows: BTreeMap::new(), at, on_excess }
    }

    /// The allowance for an RPC, listed or not.
    pub fn allowance(&self, rpc: &str) -> Allowance {
        self.rows.get(rpc).cloned().unwrap_or_else(|| Allowance {
            limit: Limit::NONE,
            at: self.at.clone(),
            on_excess: self.on_excess,
            waiver: None,
        })
    }

    /// The table for this operation done `times` times.
    pub fn times(&self, times: u64) -> Self {
        let mut scaled = self.clone();
        for row in scaled.rows.values_mut() {
            row.limit = row.limit.times(times);
            if let Some(waiver) = &mut row.waiver {
                waiver.allow = waiver.allow.saturating_mul(times);
            }
        }
        scaled
    }

    /// The fewest and the most calls in all that the table allows.
    pub fn total(&self, n: u64, tight: bool) -> (u64, u64) {
        self.rows.values().fold((0, 0), |(fewest, most), row| {
            let (low, high) = row.limit.range(n, tight);
            (fewest + low, most + high)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::budgets::{Budget, floor};

    #[test]
    fn what_is_waived_of_an_operation_is_waived_each_time_it_is_done() {
        let text = "schema = 1\nclient = \"x\"\n[operation.exec]\n\"Tasks/Exec\" = 1\n[[waiver]]\n\
                    rule = \"operation.exec:Containers/Get\"\nallow = 1\nreason = \"it reloads\"\n\
                    owner = \"@name\"\nuntil = 9999-12-31\n";
        let thrice = Budget::parse("b.toml", text).unwrap().operations["exec"].ok.times(3);
        assert_eq!(thrice.allowance("Containers/Get").waived(), 3);
        assert_eq!(thrice.allowance("Tasks/Exec").waived(), 0);
    }

    #[test]
    fn a_total_is_the_sum_of_all_rows_and_has_a_least_where_it_is_tight() {
        let exec = &floor().operations["exec"].ok;
        assert_eq!(exec.total(1, true), (2, 2));
        assert_eq!(exec.times(3).total(1, false), (0, 6));
    }
}
