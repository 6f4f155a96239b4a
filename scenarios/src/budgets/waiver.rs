//! Exceptions for a time: who allows what, why, and until when.

use driver_protocol::ErrorKind;
use toml::de::{DeTable, DeValue};

use super::file::{File, Key, Value, is_short_name};
use super::{Allowance, Budget, BudgetError, Place, Spend, Table};

/// More calls than a limit allows, for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// How many more.
    pub allow: u64,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it holds: `2027-06-30`.
    pub until: String,
    /// Where it stands.
    pub at: Place,
}

impl Waiver {
    /// What is said of a count that it allows.
    pub fn told(&self) -> String {
        format!("waived until {} by {}: {}", self.until, self.owner, self.reason)
    }
}

impl File<'_> {
    /// After all else is read: a rule must be there to be waived.
    pub(super) fn waivers(
        &self,
        key: Key<'_, '_>,
        value: Value<'_, '_>,
        budget: &mut Budget,
    ) -> Result<(), BudgetError> {
        let list = value.get_ref().as_array();
        let list = list.ok_or_else(|| self.error(key, "write [[waiver]]"))?;
        for one in list {
            let at = self.place(one.span().start);
            let Some(rows) = one.get_ref().as_table() else {
                return Err(BudgetError { at, what: "write [[waiver]]".to_owned() });
            };
            let (rule_key, rule, waiver) = self.waiver(at, rows)?;
            let waived = find(budget, rule);
            let waived = waived.map_err(|what| self.error(rule_key, what))?;
            if waived.waiver.is_some() {
                return Err(self.error(rule_key, format!("{rule} is waived already")));
            }
            waived.waiver = Some(waiver);
        }
        Ok(())
    }

    fn waiver<'t, 's>(
        &self,
        at: Place,
        rows: &'t DeTable<'s>,
    ) -> Result<(Key<'t, 's>, &'t str, Waiver), BudgetError> {
        const KEYS: [&str; 5] = ["rule", "allow", "reason", "owner", "until"];
        if let Some(key) = rows.keys().find(|key| !KEYS.contains(&key.get_ref().as_ref())) {
            return Err(self.error(key, format!("unknown key {:?}", key.get_ref())));
        }
        let get = |name: &str| {
            rows.get_key_value(name).ok_or_else(|| BudgetError {
                at: at.clone(),
                what: format!("{name} is missing: a waiver has {}", KEYS.join(", ")),
            })
        };
        let text = |name: &str| {
            let (key, value) = get(name)?;
            match self.text_of(key, value)?.trim() {
                "" => Err(self.error(key, format!("{name} is empty"))),
                text => Ok(text.to_owned()),
            }
        };
        let (rule_key, rule) = get("rule")?;
        let rule = self.text_of(rule_key, rule)?;
        let (key, allow) = get("allow")?;
        let allow = allow.get_ref().as_integer().and_then(|n| n.as_str().parse().ok());
        let allow = allow.filter(|more| *more > 0);
        let allow = allow.ok_or_else(|| self.error(key, "allow is a number of calls"))?;
        let (reason, owner) = (text("reason")?, text("owner")?);
        let (key, until) = get("until")?;
        let date = match until.get_ref() {
            DeValue::Datetime(at) if at.time.is_none() => at.date,
            _ => None,
        };
        let date = date.ok_or_else(|| self.error(key, "until is a date: 2027-06-30"))?;
        let until = date.to_string();
        if (u64::from(date.year), date.month, date.day) < today() {
            let what =
                format!("the waiver of {rule} ended with {until}: renew it, or mend the client");
            return Err(self.error(key, what));
        }
        Ok((rule_key, rule, Waiver { allow, reason, owner, until, at }))
    }
}

/// The limit that a rule names.
fn find<'b>(budget: &'b mut Budget, rule: &str) -> Result<&'b mut Allowance, String> {
    let nothing = || format!("{rule} is no rule of this budget");
    if let Some(name) = rule.strip_prefix("flow.").filter(|name| !name.contains(':')) {
        let flow = budget.flows.get_mut(name).ok_or_else(nothing)?;
        return match &mut flow.spend {
            Spend::Total(total) => Ok(total),
            Spend::Each(_) => Err(format!("{rule} has limits by method: flow.{name}:Tasks/Exec")),
        };
    }
    let form = "a rule is operation.exec:Tasks/Start, operation.exec.error.not-found:Tasks/Exec, \
                connect:…, background:… or flow.NAME";
    let (section, rpc) = rule.split_once(':').ok_or(form)?;
    if !is_short_name(rpc) {
        return Err(format!("{rpc:?} is no RPC such as \"Tasks/Exec\""));
    }
    let table: &mut Table = match *section.split('.').collect::<Vec<_>>() {
        ["connect"] => &mut budget.connect,
        ["background"] => &mut budget.background,
        ["operation", name] => &mut budget.operations.get_mut(name).ok_or_else(nothing)?.ok,
        ["operation", name, "error", kind] => {
            let operation = budget.operations.get_mut(name).ok_or_else(nothing)?;
            let kind = ErrorKind::from_name(kind).ok_or_else(nothing)?;
            operation.errors.get_mut(&kind).ok_or_else(nothing)?
        }
        ["flow", name] => match &mut budget.flows.get_mut(name).ok_or_else(nothing)?.spend {
            Spend::Each(table) => table,
            Spend::Total(_) => return Err(format!("flow.{name} has a total: waive that")),
        },
        _ => return Err(form.to_owned()),
    };
    let unlisted = table.allowance(rpc);
    Ok(table.rows.entry(rpc.to_owned()).or_insert(unlisted))
}

/// Year, month and day, in UTC.
#[expect(
    clippy::disallowed_methods,
    reason = "people write dates, and they pass by the wall clock"
)]
fn today() -> (u64, u8, u8) {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    date(since.map_or(0, |since| since.as_secs()))
}

/// The date so many seconds after 1970-01-01 began.
fn date(seconds: u64) -> (u64, u8, u8) {
    let mut days = seconds / 86_400;
    let leap = |year: u64| {
        (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
    };
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, u8::try_from(days + 1).expect("a month has 31 days at most"))
}

#[cfg(test)]
mod tests {
    use super::{Budget, date, today};

    #[test]
    fn days_are_dates_also_around_the_ends_of_february_and_of_leap_years() {
        for (days, expected) in [
            (0, (1970, 1, 1)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (11_322, (2000, 12, 31)),
            (11_323, (2001, 1, 1)),
            (20_781, (2026, 11, 24)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(date(days * 86_400), expected, "its first second");
            assert_eq!(date(days * 86_400 + 86_399), expected, "its last second");
        }
    }

    #[test]
    fn a_waiver_holds_through_its_last_day() {
        let is_taken = || {
            let (year, month, day) = today();
            let text = format!(
                "schema = 1\nclient = \"x\"\n[operation.exec]\n[[waiver]]\n\
                 rule = \"operation.exec:Tasks/Exec\"\nallow = 1\nreason = \"it reloads\"\n\
                 owner = \"@name\"\nuntil = {year}-{month:02}-{day:02}\n"
            );
            Budget::parse("b.toml", &text).is_ok()
        };
        // Midnight may pass in between, once.
        assert!(is_taken() || is_taken());
    }
}
