//! What operations that follow each other on one object may cost together.

use std::collections::BTreeMap;

use driver_protocol::Operation as Asked;
use toml::de::DeTable;

use super::file::{File, Key, Value};
use super::{Allowance, BudgetError, Place, Table};

/// A sequence of operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// By name, in order.
    pub of: Vec<String>,
    /// What all of it may cost.
    pub spend: Spend,
    /// Where it stands.
    pub at: Place,
}

/// How a flow's limit is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spend {
    /// So many calls, whichever.
    Total(Allowance),
    /// So many of each; what is not listed is 0.
    Each(Table),
}

impl File<'_> {
    pub(super) fn flows(
        &self,
        key: Key<'_, '_>,
        value: Value<'_, '_>,
        flows: &mut BTreeMap<String, Flow>,
    ) -> Result<(), BudgetError> {
        for (key, value) in self.rows(key, value)? {
            let flow = self.flow(key, self.rows(key, value)?)?;
            flows.insert(key.get_ref().to_string(), flow);
        }
        Ok(())
    }

    fn flow(&self, named: Key<'_, '_>, rows: &DeTable<'_>) -> Result<Flow, BudgetError> {
        let Some((of_key, of)) = rows.get_key_value("of") else {
            return Err(self.error(named, "of = [\"…\"] is missing: operations, in order"));
        };
        let of = self.sequence(of_key, of)?;
        let limits = |name: &str| !["of", "total", "on_excess"].contains(&name);
        let each = rows.keys().find(|key| limits(key.get_ref()));
        let total = rows.get_key_value("total");
        let spend = match (total, each) {
            (Some((key, _)), Some(_)) => {
                return Err(
                    self.error(key, "total and limits of single methods exclude each other")
                );
            }
            (None, None) => {
                return Err(self.error(named, "total, or a limit of each method, is missing"));
            }
            (Some((key, value)), None) => Spend::Total(self.allowance(key, value)?),
            (None, Some(_)) => Spend::Each(self.limits(named, rows, &["of", "on_excess"])?),
        };
        let mut flow = Flow { of, spend, at: self.place(named.span().start) };
        if let Some((key, value)) = rows.get_key_value("on_excess") {
            let excess = self.excess(key, value)?;
            match &mut flow.spend {
                Spend::Total(total) => total.on_excess = excess,
                Spend::Each(table) => {
                    table.on_excess = excess;
                    table.rows.values_mut().for_each(|row| row.on_excess = excess);
                }
            }
        }
        Ok(flow)
    }

    fn sequence(&self, key: Key<'_, '_>, value: Value<'_, '_>) -> Result<Vec<String>, BudgetError> {
        let list = value.get_ref().as_array();
        let list = list.ok_or_else(|| self.error(key, "of is a list of operations"))?;
        let mut of = Vec::new();
        for one in list {
            let at = self.place(one.span().start);
            let Some(name) = one.get_ref().as_str() else {
                return Err(BudgetError { at, what: "of is a list of operations".to_owned() });
            };
            if !Asked::NAMES.contains(&name) {
                return Err(BudgetError { at, what: format!("there is no operation {name:?}") });
            }
            of.push(name.to_owned());
        }
        match of.len() {
            0 | 1 => Err(self.error(key, "a flow is of two operations at least")),
            _ => Ok(of),
        }
    }
}
