//! Reads a budget file. People write it: whatever is wrong with it is said with file and line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use driver_protocol::{ErrorKind, Operation as Asked};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Allowance, Budget, Excess, Flow, Limit, LimitError, Operation, Table};

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// As it was given.
    pub file: String,
    /// From 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Why a budget file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{at}: {what}")]
pub struct BudgetError {
    /// Where.
    pub at: Place,
    /// What is wrong.
    pub what: String,
}

pub(super) type Key<'t, 's> = &'t Spanned<std::borrow::Cow<'s, str>>;
pub(super) type Value<'t, 's> = &'t Spanned<DeValue<'s>>;

pub(super) struct File<'f> {
    name: &'f str,
    text: &'f str,
    on_excess: Excess,
}

/// Reads `text`; `base` finds the budget that a `base = "…"` names.
pub(super) fn read(
    name: &str,
    text: &str,
    base: impl Fn(&str) -> Option<Budget>,
) -> Result<Budget, BudgetError> {
    let mut file = File { name, text, on_excess: Excess::Error };
    let root = DeTable::parse(text).map_err(|error| BudgetError {
        at: file.place(error.span().map_or(0, |span| span.start)),
        what: error.message().to_owned(),
    })?;
    let root = root.get_ref();

    file.expect_schema(root)?;
    if let Some((key, value)) = root.get_key_value("on_excess") {
        file.on_excess = file.excess(key, value)?;
    }
    let mut budget = file.begin(root, base)?;
    let mut waivers = None;
    for (key, value) in root {
        match key.get_ref().as_ref() {
            "schema" | "client" | "base" | "on_excess" => {}
            "tight" => {
                budget.tight = value
                    .get_ref()
                    .as_bool()
                    .ok_or_else(|| file.error(key, "tight is true or false"))?;
            }
            "operation" => {
                let replaced = file.operations(value, &mut budget)?;
                // What a base's flow may cost says nothing where its operations cost otherwise.
                let differs = |flow: &Flow| flow.of.iter().any(|name| replaced.contains(name));
                budget.flows.retain(|_, flow| flow.at.file == name || !differs(flow));
            }
            "flow" => file.flows(key, value, &mut budget.flows)?,
            "connect" => budget.connect = file.table(key, value)?,
            "background" => budget.background = file.table(key, value)?,
            "fault" => file.faults(value, &mut budget.retries)?,
            "waiver" => waivers = Some((key, value)),
            other => return Err(file.error(key, format!("unknown key {other:?}"))),
        }
    }
    if let Some((key, value)) = waivers {
        file.waivers(key, value, &mut budget)?;
    }
    Ok(budget)
}

impl File<'_> {
    pub(super) fn place(&self, offset: usize) -> Place {
        let line = 1 + self.text.as_bytes()[..offset.min(self.text.len())]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        Place { file: self.name.to_owned(), line }
    }

    pub(super) fn error(&self, key: Key<'_, '_>, what: impl Into<String>) -> BudgetError {
        BudgetError { at: self.place(key.span().start), what: what.into() }
    }

    fn expect_schema(&self, root: &DeTable<'_>) -> Result<(), BudgetError> {
        let at = |line| Place { file: self.name.to_owned(), line };
        let Some((key, value)) = root.get_key_value("schema") else {
            return Err(BudgetError { at: at(1), what: "schema = 1 is missing".into() });
        };
        match value.get_ref().as_integer().map(|number| number.as_str()) {
            Some("1") => Ok(()),
            _ => Err(self.error(key, "this laconic reads schema = 1")),
        }
    }

    fn begin(
        &self,
        root: &DeTable<'_>,
        base: impl Fn(&str) -> Option<Budget>,
    ) -> Result<Budget, BudgetError> {
        let top = Place { file: self.name.to_owned(), line: 1 };
        let client = match root.get_key_value("client") {
            Some((key, value)) => self.text_of(key, value)?.to_owned(),
            None => {
                return Err(BudgetError { at: top, what: "client = \"…\" is missing".into() });
            }
        };
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.text.as_bytes());
        let mut budget = match root.get_key_value("base") {
            Some((key, value)) => {
                let wanted = self.text_of(key, value)?;
                base(wanted)
                    .ok_or_else(|| self.error(key, format!("no budget is called {wanted:?}")))?
            }
            None => Budget {
                client: String::new(),
                tight: false,
                operations: BTreeMap::new(),
                vary: BTreeMap::new(),
                connect: Table::empty(top.clone(), self.on_excess),
                background: Table::empty(top, self.on_excess),
                flows: BTreeMap::new(),
                retries: BTreeMap::new(),
                unlisted: self.on_excess,
                path: String::new(),
                hash: String::new(),
            },
        };
        hasher.update(budget.hash.as_bytes());
        budget.client = client;
        budget.path = self.name.to_owned();
        budget.hash = hasher.finalize().to_hex().to_string();
        Ok(budget)
    }

    pub(super) fn text_of<'t>(
        &self,
        key: Key<'_, '_>,
        value: Value<'t, '_>,
    ) -> Result<&'t str, BudgetError> {
        value
            .get_ref()
            .as_str()
            .ok_or_else(|| self.error(key, format!("{} is a text", key.get_ref())))
    }

    pub(super) fn excess(
        &self,
        key: Key<'_, '_>,
        value: Value<'_, '_>,
    ) -> Result<Excess, BudgetError> {
        match self.text_of(key, value)? {
            "off" => Ok(Excess::Off),
            "warn" => Ok(Excess::Warn),
            "error" => Ok(Excess::Error),
            other => Err(self.error(key, format!("{other:?} is none of off, warn, error"))),
        }
    }

    fn operations(
        &self,
        value: Value<'_, '_>,
        budget: &mut Budget,
    ) -> Result<BTreeSet<String>, BudgetError> {
        let Some(tables) = value.get_ref().as_table() else {
            let at = self.place(value.span().start);
            return Err(BudgetError { at, what: "operation is a table of tables".into() });
        };
        let mut replaced = BTreeSet::new();
        for (key, value) in tables {
            let name = key.get_ref().as_ref();
            if !Asked::NAMES.contains(&name) {
                return Err(self.error(key, format!("there is no operation {name:?}")));
            }
            let own = value.get_ref().as_table();
            let others = ["error", "vary"];
            let is_other = |key: Key<'_, '_>| others.contains(&key.get_ref().as_ref());
            let without_limits =
                own.is_some_and(|table| !table.is_empty() && table.keys().all(is_other));
            let previous = budget.operations.remove(name);
            let ok = match &previous {
                Some(previous) if without_limits => previous.ok.clone(),
                _ => {
                    replaced.insert(name.to_owned());
                    self.limits(key, self.rows(key, value)?, &others)?
                }
            };
            let mut errors = previous.map(|previous| previous.errors).unwrap_or_default();
            if let Some((_, value)) = own.and_then(|table| table.get_key_value("error")) {
                self.errors(value, &mut errors)?;
            }
            if let Some((key, value)) = own.and_then(|table| table.get_key_value("vary")) {
                budget.vary.insert(name.to_owned(), self.vary(name, key, value)?);
            }
            budget.operations.insert(name.to_owned(), Operation { ok, errors });
        }
        Ok(replaced)
    }

    fn errors(
        &self,
        value: Value<'_, '_>,
        errors: &mut BTreeMap<ErrorKind, Table>,
    ) -> Result<(), BudgetError> {
        let Some(tables) = value.get_ref().as_table() else {
            let at = self.place(value.span().start);
            return Err(BudgetError { at, what: "error is a table of tables".into() });
        };
        for (key, value) in tables {
            let kind = ErrorKind::from_name(key.get_ref())
                .ok_or_else(|| self.error(key, format!("{} is no error kind", key.get_ref())))?;
            errors.insert(kind, self.table(key, value)?);
        }
        Ok(())
    }

    fn faults(
        &self,
        value: Value<'_, '_>,
        retries: &mut BTreeMap<ErrorKind, u64>,
    ) -> Result<(), BudgetError> {
        let Some(tables) = value.get_ref().as_table() else {
            let at = self.place(value.span().start);
            return Err(BudgetError { at, what: "fault is a table of tables".into() });
        };
        for (key, value) in tables {
            let kind = ErrorKind::from_name(key.get_ref())
                .ok_or_else(|| self.error(key, format!("{} is no error kind", key.get_ref())))?;
            let rules = value.get_ref().as_table();
            let rules =
                rules.ok_or_else(|| self.error(key, format!("{} is a table", key.get_ref())))?;
            for (key, value) in rules {
                if key.get_ref() != "retries_per_call" {
                    return Err(self.error(key, format!("unknown key {:?}", key.get_ref())));
                }
                let number = value.get_ref().as_integer().and_then(|n| n.as_str().parse().ok());
                let number = number.ok_or_else(|| self.error(key, "it is a number of calls"))?;
                retries.insert(kind, number);
            }
        }
        Ok(())
    }

    fn table(&self, key: Key<'_, '_>, value: Value<'_, '_>) -> Result<Table, BudgetError> {
        self.limits(key, self.rows(key, value)?, &[])
    }

    pub(super) fn rows<'t, 's>(
        &self,
        key: Key<'_, '_>,
        value: Value<'t, 's>,
    ) -> Result<&'t DeTable<'s>, BudgetError> {
        let rows = value.get_ref().as_table();
        rows.ok_or_else(|| self.error(key, format!("{} is a table", key.get_ref())))
    }

    /// Limits by method; `others` are keys that mean something else.
    pub(super) fn limits(
        &self,
        key: Key<'_, '_>,
        rows: &DeTable<'_>,
        others: &[&str],
    ) -> Result<Table, BudgetError> {
        let mut table = Table::empty(self.place(key.span().start), self.on_excess);
        for (key, value) in rows {
            let rpc = key.get_ref().as_ref();
            if others.contains(&rpc) {
                continue;
            }
            if !is_short_name(rpc) {
                let none = match others {
                    [] => "no".to_owned(),
                    others => format!("neither {} nor an", others.join(", ")),
                };
                let what = format!("{rpc:?} is {none} RPC such as \"Tasks/Exec\"");
                return Err(self.error(key, what));
            }
            let allowance = self.allowance(key, value)?;
            table.rows.insert(rpc.to_owned(), allowance);
        }
        Ok(table)
    }

    pub(super) fn allowance(
        &self,
        key: Key<'_, '_>,
        value: Value<'_, '_>,
    ) -> Result<Allowance, BudgetError> {
        let at = self.place(key.span().start);
        let mut allowance =
            Allowance { limit: Limit::NONE, at, on_excess: self.on_excess, waiver: None };
        let Some(table) = value.get_ref().as_table() else {
            allowance.limit = self.limit(key, value)?;
            return Ok(allowance);
        };
        let mut said = false;
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "exactly" => allowance.limit = self.limit(key, value)?.exactly(),
                "at_most" => allowance.limit = self.limit(key, value)?,
                "on_excess" => {
                    allowance.on_excess = self.excess(key, value)?;
                    continue;
                }
                other => return Err(self.error(key, format!("unknown key {other:?}"))),
            }
            if std::mem::replace(&mut said, true) {
                return Err(self.error(key, "exactly and at_most exclude each other"));
            }
        }
        if said { Ok(allowance) } else { Err(self.error(key, "exactly or at_most is missing")) }
    }

    fn limit(&self, key: Key<'_, '_>, value: Value<'_, '_>) -> Result<Limit, BudgetError> {
        let text = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().to_owned(),
            DeValue::String(text) => text.to_string(),
            _ => return Err(self.error(key, "a limit is a number or a text")),
        };
        Limit::parse(&text).map_err(|error: LimitError| self.error(key, error.to_string()))
    }
}

pub(super) fn is_short_name(text: &str) -> bool {
    match text.split_once('/') {
        Some((service, method)) => [service, method].iter().all(|part| {
            part.starts_with(|c: char| c.is_ascii_uppercase())
                && part.chars().all(|c| c.is_ascii_alphanumeric())
        }),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_alone(text: &str) -> Result<Budget, BudgetError> {
        read("b.toml", text, |_| None)
    }

    const TOP: &str = "schema = 1\nclient = \"x\"\n";

    #[test]
    fn an_unknown_key_is_told_with_file_and_line() {
        let error = read_alone(&format!("{TOP}tigth = true\n")).unwrap_err();
        assert_eq!(error.to_string(), "b.toml:3: unknown key \"tigth\"");
    }

    #[test]
    fn an_unknown_operation_is_told_with_file_and_line() {
        let error = read_alone(&format!("{TOP}\n[operation.exce]\n")).unwrap_err();
        assert_eq!(error.to_string(), "b.toml:4: there is no operation \"exce\"");
    }

    #[test]
    fn a_duplicate_key_is_told_with_its_line() {
        let error = read_alone(&format!("{TOP}client = \"y\"\n")).unwrap_err();
        assert_eq!(error.at.line, 3, "{error}");
    }

    #[test]
    fn a_limit_outside_the_grammar_is_told_with_its_line() {
        let text =
            format!("{TOP}[operation.exec]\n\"Tasks/Exec\" = 1\n\"Tasks/Start\" = \"few\"\n");
        let error = read_alone(&text).unwrap_err();
        assert!(error.to_string().starts_with("b.toml:5: \"few\" is not a limit"), "{error}");
    }

    #[test]
    fn an_allowance_carries_the_line_that_sets_it_and_an_unlisted_rpc_the_tables() {
        let text = format!("{TOP}[operation.exec]\n\"Tasks/Exec\" = 1\n");
        let budget = read_alone(&text).unwrap();
        let table = &budget.operations["exec"].ok;
        assert_eq!(table.allowance("Tasks/Exec").at.to_string(), "b.toml:4");
        let unlisted = table.allowance("Containers/Get");
        assert_eq!((unlisted.at.to_string().as_str(), unlisted.limit), ("b.toml:3", Limit::NONE));
    }

    #[test]
    fn a_table_with_only_errors_keeps_the_bases_limits_for_success() {
        let base = read_alone(&format!("{TOP}[operation.exec]\n\"Tasks/Exec\" = 1\n")).unwrap();
        let text = format!("{TOP}base = \"floor\"\n[operation.exec.error.not-found]\n");
        let budget = read("b.toml", &text, |_| Some(base.clone())).unwrap();
        let exec = &budget.operations["exec"];
        assert_eq!(exec.ok.rows.len(), 1);
        assert!(exec.errors[&ErrorKind::NotFound].rows.is_empty());
    }

    #[test]
    fn retries_of_calls_that_were_made_to_fail_are_read_and_wrong_ones_told_with_their_line() {
        let text = format!("{TOP}[fault.unavailable]\nretries_per_call = 2\n");
        assert_eq!(read_alone(&text).unwrap().retries, [(ErrorKind::Unavailable, 2)].into());
        for (from, to, told) in [
            ("unavailable", "unavailing", "b.toml:3: unavailing is no error kind"),
            ("retries_per", "tries_per", "b.toml:4: unknown key \"tries_per_call\""),
            ("= 2", "= -2", "b.toml:4: it is a number of calls"),
        ] {
            assert_eq!(read_alone(&text.replace(from, to)).unwrap_err().to_string(), told);
        }
    }

    #[test]
    fn a_method_is_a_service_and_a_name_of_letters_and_digits_that_begin_with_a_capital() {
        for (text, is) in [
            ("Tasks/Exec", true),
            ("Tasks/CloseIO2", true),
            ("Tasks", false),
            ("tasks/Exec", false),
            ("Tasks/exec", false),
            ("Tasks/", false),
            ("Tasks/Ex-ec", false),
            ("Tasks/Exec/More", false),
        ] {
            assert_eq!(is_short_name(text), is, "{text}");
        }
    }

    #[test]
    fn another_schema_and_a_missing_client_are_refused() {
        assert!(read_alone("schema = 2\nclient = \"x\"\n").is_err());
        assert!(read_alone("schema = 1\n").is_err());
        assert!(read_alone("client = \"x\"\n").is_err());
    }
}
