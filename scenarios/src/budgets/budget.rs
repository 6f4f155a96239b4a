//! A client's whole budget.

use std::collections::{BTreeMap, BTreeSet};

use driver_protocol::{ErrorKind, Outcome};

use super::{Excess, Flow, Place, Table, VARIED, floor};

/// What one client may spend.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Whose it is.
    pub client: String,
    /// Whether less than allowed is wrong as well.
    pub tight: bool,
    /// By operation.
    pub operations: BTreeMap<String, Operation>,
    /// By operation: the `n` at which its limits are proven.
    pub vary: BTreeMap<String, BTreeSet<u64>>,
    /// From opening a driver to its `ready`.
    pub connect: Table,
    /// While no step is open.
    pub background: Table,
    /// By name: what operations that follow each other may spend together.
    pub flows: BTreeMap<String, Flow>,
    /// How often a call that was made to fail so may be made again.
    pub retries: BTreeMap<ErrorKind, u64>,
    /// What calls of an operation that is not listed amount to.
    pub unlisted: Excess,
    /// The file, as it is shown.
    pub path: String,
    /// BLAKE3 of its text, and of its base's.
    pub hash: String,
}

/// What one operation may spend.
#[derive(Clone, Debug)]
pub struct Operation {
    /// When it succeeds.
    pub ok: Table,
    /// When it fails so.
    pub errors: BTreeMap<ErrorKind, Table>,
}

/// The table that judges one step.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The limits.
    pub table: Table,
    /// Whether less is wrong as well.
    pub tight: bool,
}

impl Budget {
    /// Promises nothing: for a client whose counts are measured for the first time. How they grow is
    /// measured where the floors are proven.
    pub fn measuring(client: &str) -> Self {
        let nowhere = || Place { file: String::new(), line: 0 };
        Self {
            client: client.to_owned(),
            tight: false,
            operations: BTreeMap::new(),
            vary: floor().vary,
            connect: Table::empty(nowhere(), Excess::Off),
            background: Table::empty(nowhere(), Excess::Off),
            flows: BTreeMap::new(),
            retries: BTreeMap::new(),
            unlisted: Excess::Off,
            path: String::new(),
            hash: String::new(),
        }
    }

    /// Whether anything is promised at all.
    pub fn promises(&self) -> bool {
        self.unlisted != Excess::Off
    }

    /// Operations on many containers of which no `vary` says where their limits are proven, and where
    /// they stand.
    pub fn unproven(&self) -> Vec<(&str, &Place)> {
        let unproven = |name: &&str| !self.vary.contains_key(*name);
        let stands = |name: &'static str| Some((name, &self.operations.get(name)?.ok.at));
        VARIED.iter().copied().filter(|name| unproven(name)).filter_map(stands).collect()
    }

    /// Whether it says what an operation costs that fails so.
    pub fn knows(&self, operation: &str, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Ok(_) => true,
            Outcome::Error(refusal) => self
                .operations
                .get(operation)
                .is_some_and(|budget| budget.errors.contains_key(&refusal.kind)),
        }
    }

    /// The table for an operation that ended so. Without a table of its own, a failed operation
    /// may cost as much as a successful one, and less: how far it came is not known.
    pub fn choose(&self, operation: &str, outcome: &Outcome) -> Chosen {
        match outcome {
            Outcome::Ok(_) => self.table(operation, None),
            Outcome::Error(refusal) => self.table(operation, Some(refusal.kind)),
        }
    }

    /// The tables for an operation, however it ends.
    pub fn however(&self, operation: &str) -> Vec<Table> {
        let budget = self.operations.get(operation);
        let all = |budget: &Operation| -> Vec<Table> {
            std::iter::once(&budget.ok).chain(budget.errors.values()).cloned().collect()
        };
        budget.map(all).unwrap_or_default()
    }

    /// The table for an operation that failed so; `None`: it succeeded.
    pub fn table(&self, operation: &str, failed: Option<ErrorKind>) -> Chosen {
        let Some(budget) = self.operations.get(operation) else {
            let at = Place { file: self.path.clone(), line: 1 };
            return Chosen { table: Table::empty(at, self.unlisted), tight: false };
        };
        match failed {
            None => Chosen { table: budget.ok.clone(), tight: self.tight },
            Some(kind) => match budget.errors.get(&kind) {
                Some(table) => Chosen { table: table.clone(), tight: self.tight },
                None => Chosen { table: budget.ok.clone(), tight: false },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budgets::own;
    use driver_protocol::{Ok as Done, Refusal};

    #[test]
    fn only_a_client_that_is_measured_for_the_first_time_is_promised_nothing() {
        assert!(!Budget::measuring("x").promises());
        assert!(floor().promises());
        let told = "schema = 1\nclient = \"x\"\non_excess = \"warn\"\n";
        assert!(Budget::parse("b.toml", told).unwrap().promises());
    }

    #[test]
    fn a_failure_is_known_where_it_has_a_table_of_its_own() {
        let retained = own("retained").unwrap();
        for (operation, kind, known) in [
            ("exec", ErrorKind::NotFound, true),
            ("exec", ErrorKind::DataLoss, false),
            ("version", ErrorKind::NotFound, false),
            ("exce", ErrorKind::NotFound, false),
        ] {
            let failed = Outcome::Error(Refusal { kind, code: None, message: String::new() });
            assert_eq!(retained.knows(operation, &failed), known, "{operation} {kind}");
        }
        assert!(retained.knows("version", &Outcome::Ok(Done::Kill {})), "success needs none");
    }

    #[test]
    fn however_an_operation_ends_its_table_is_among_those_that_are_named() {
        let retained = own("retained").unwrap();
        let tables = retained.however("exec");
        for failed in ErrorKind::ALL.map(Some).into_iter().chain([None]) {
            assert!(tables.contains(&retained.table("exec", failed).table), "{failed:?}");
        }
        assert_eq!(retained.however("exce"), []);
    }
}
