//! What a rule of a budget says, and where.

use driver_protocol::ErrorKind;

use super::{Allowance, Budget, Place, Spend, Table};

/// A rule, as one budget has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Where it stands; in another file than the budget's own: it is the base's.
    pub at: Place,
    /// What it allows, by method or `in all`; what is not listed is not allowed.
    pub rows: Vec<(String, Allowance)>,
    /// The operations that it is about; none: those that belong to no operation.
    pub operations: Vec<String>,
}

impl Budget {
    /// `operation.exec`, `operation.exec.error.not-found`, `flow.exec-cycle`, `connect` or `background`,
    /// and of each but a total one method alone behind a colon. `None`: it has no such rule.
    pub fn explain(&self, rule: &str) -> Option<Explained> {
        let (section, rpc) = match rule.split_once(':') {
            Some((section, rpc)) => (section, Some(rpc)),
            None => (rule, None),
        };
        let of = |table: &Table, operations: &[&str]| {
            let rows = match rpc {
                Some(rpc) => vec![(rpc.to_owned(), table.allowance(rpc))],
                None => table.rows.iter().map(|(rpc, row)| (rpc.clone(), row.clone())).collect(),
            };
            let at = rpc.map_or_else(|| table.at.clone(), |rpc| table.allowance(rpc).at);
            let operations = operations.iter().map(|name| (*name).to_owned()).collect();
            Some(Explained { at, rows, operations })
        };
        match *section.split('.').collect::<Vec<_>>() {
            ["connect"] => of(&self.connect, &[]),
            ["background"] => of(&self.background, &[]),
            ["operation", name] => of(&self.operations.get(name)?.ok, &[name]),
            ["operation", name, "error", kind] => {
                let kind = ErrorKind::from_name(kind)?;
                of(self.operations.get(name)?.errors.get(&kind)?, &[name])
            }
            ["flow", name] => {
                let flow = self.flows.get(name)?;
                let operations: Vec<&str> = flow.of.iter().map(String::as_str).collect();
                match (&flow.spend, rpc) {
                    (Spend::Each(table), _) => of(table, &operations),
                    (Spend::Total(_), Some(_)) => None,
                    (Spend::Total(total), None) => Some(Explained {
                        at: flow.at.clone(),
                        rows: vec![("in all".to_owned(), total.clone())],
                        operations: flow.of.clone(),
                    }),
                }
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::budgets::own;

    #[test]
    fn a_rule_is_found_with_its_line_whichever_file_sets_it() {
        let retained = own("retained").unwrap();
        let exec = retained.explain("operation.exec").unwrap();
        assert_eq!(exec.at.file, "scenarios/budgets/floor.toml");
        assert_eq!(exec.rows.len(), 2);
        let refused = retained.explain("operation.exec.error.not-found:Tasks/Exec").unwrap();
        assert_eq!(refused.at.file, "scenarios/budgets/retained.toml");
        let unlisted = retained.explain("operation.exec:Containers/Get").unwrap();
        assert_eq!((unlisted.at, unlisted.rows.len()), (exec.at, 1));
        let flow = retained.explain("flow.exec-cycle").unwrap();
        assert_eq!(flow.operations, ["exec", "exec-wait", "delete-exec"]);
        for none in ["exec", "operation.exce", "flow.exec", "flow.exec-cycle:Tasks/Exec", ""] {
            assert_eq!(retained.explain(none), None, "{none}");
        }
    }

    #[test]
    fn a_rule_can_be_asked_for_as_a_whole_and_by_one_method() {
        let retained = own("retained").unwrap();
        for (rule, rpc, limit) in [
            ("connect", "Events/Publish", "1..=8"),
            ("background", "Tasks/List", "0..=1"),
            ("operation.exec", "Tasks/Start", "1"),
            ("operation.exec.error.not-found", "Tasks/Exec", "0..=1"),
        ] {
            let one = retained.explain(&format!("{rule}:{rpc}")).expect(rule).rows;
            assert_eq!((one.len(), one[0].1.limit.to_string().as_str()), (1, limit), "{rule}");
            assert!(retained.explain(rule).expect(rule).rows.contains(&one[0]), "{rule}");
        }
    }
}
