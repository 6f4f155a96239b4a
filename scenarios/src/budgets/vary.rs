//! At which `n` a limit is proven: two points are on many lines, three on one.

use std::collections::BTreeSet;

use super::BudgetError;
use super::file::{File, Key, Value};

/// The operations that act on several containers at once.
pub const VARIED: [&str; 2] = ["restore", "stats-all"];

/// With fewer, whatever was seen would be on a line.
const POINTS_MIN: usize = 3;
/// Every client makes, and ends, so many containers on every target.
const CONTAINERS_MAX: u64 = 256;

impl File<'_> {
    /// `{ n = "containers", at = [1, 8, 64] }`.
    pub(super) fn vary(
        &self,
        operation: &str,
        key: Key<'_, '_>,
        value: Value<'_, '_>,
    ) -> Result<BTreeSet<u64>, BudgetError> {
        if !VARIED.contains(&operation) {
            let what = format!(
                "{operation} acts on one container: {} can be varied",
                VARIED.join(" and ")
            );
            return Err(self.error(key, what));
        }
        let form = "write vary = { n = \"containers\", at = [1, 8, 64] }";
        let mut at = None;
        let mut counted = false;
        for (key, value) in self.rows(key, value).map_err(|_| self.error(key, form))? {
            match key.get_ref().as_ref() {
                "n" if self.text_of(key, value)? == "containers" => counted = true,
                "n" => return Err(self.error(key, "n counts containers: n = \"containers\"")),
                "at" => at = Some(self.points(key, value)?),
                other => return Err(self.error(key, format!("unknown key {other:?}: {form}"))),
            }
        }
        at.filter(|_| counted).ok_or_else(|| self.error(key, form))
    }

    fn points(&self, key: Key<'_, '_>, value: Value<'_, '_>) -> Result<BTreeSet<u64>, BudgetError> {
        let list = value.get_ref().as_array();
        let list = list.ok_or_else(|| self.error(key, "at is a list of numbers: [1, 8, 64]"))?;
        let mut points = BTreeSet::new();
        for one in list {
            let number = one.get_ref().as_integer().and_then(|n| n.as_str().parse().ok());
            let number = number.filter(|n| (1..=CONTAINERS_MAX).contains(n));
            let number = number.ok_or_else(|| {
                let at = self.place(one.span().start);
                BudgetError { at, what: format!("n is a number from 1 to {CONTAINERS_MAX}") }
            })?;
            if !points.insert(number) {
                let at = self.place(one.span().start);
                return Err(BudgetError { at, what: format!("{number} stands there twice") });
            }
        }
        if points.len() < POINTS_MIN {
            let what = format!("at has {} points, a line needs {POINTS_MIN}", points.len());
            return Err(self.error(key, what));
        }
        Ok(points)
    }
}
