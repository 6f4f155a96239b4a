//! What a method costs, as its documentation words it: `RPCs: 2 (Tasks/Exec, Tasks/Start); 3 (…) when
//! the start fails.` The first is what it costs as a rule; each further one says when. A count, and
//! how often a method is called, may hold names of numbers: `2 + b (Leases/Create, b × Content/Write,
//! Leases/Delete)`.

use std::collections::BTreeMap;

/// Short names of methods, and how often each is called.
pub(crate) type Calls = BTreeMap<String, u64>;
/// What the names of numbers stand for.
pub(crate) type Numbers<'n> = &'n [(&'n str, u64)];

/// One number, or so many times a named one; the sum of several is a count.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    times: u64,
    name: Option<String>,
}

/// What one case of a method costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    /// When it costs this; empty for what it costs as a rule.
    pub(crate) when: String,
    count: Vec<Term>,
    calls: Vec<(Term, String)>,
}

impl Term {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits = text.len() - text.trim_start_matches(|one: char| one.is_ascii_digit()).len();
        let (times, name) = text.split_at(digits);
        let named = name.chars().all(|one| one.is_ascii_lowercase());
        if text.is_empty() || !named {
            return Err(format!("{text:?} is neither a number nor one's name"));
        }
        let times = if times.is_empty() { Ok(1) } else { times.parse() };
        let times = times.map_err(|error| format!("{text:?}: {error}"))?;
        Ok(Self { times, name: (!name.is_empty()).then(|| name.to_owned()) })
    }

    fn value(&self, numbers: Numbers<'_>) -> u64 {
        let Some(name) = &self.name else { return self.times };
        let named = numbers.iter().find(|(one, _)| one == name);
        self.times * named.unwrap_or_else(|| panic!("the play says nothing of {name}")).1
    }
}

fn sum(terms: impl IntoIterator<Item = Term>) -> BTreeMap<Option<String>, u64> {
    let mut sum = BTreeMap::new();
    for Term { times, name } in terms {
        *sum.entry(name).or_default() += times;
    }
    sum.retain(|_, times| *times > 0);
    sum
}

impl Cost {
    /// All cases of a line of documentation, without its `RPCs:`.
    pub(crate) fn parse_all(line: &str) -> Result<Vec<Self>, String> {
        let line = line.strip_suffix('.').ok_or("it does not end with a full stop")?;
        let mut costs = Vec::new();
        for case in line.split(';') {
            let mut cost = Self::parse(case.trim())?;
            match costs.is_empty() {
                true => cost.when.clear(),
                false if cost.when.is_empty() => return Err(format!("{case:?} says not when")),
                false => {}
            }
            costs.push(cost);
        }
        Ok(costs)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (count, calls, when) = match text.split_once('(') {
            Some((count, rest)) => {
                let (calls, when) = rest.split_once(')').ok_or("a ) is missing")?;
                (count, calls, when)
            }
            // Without calls the count is 0, and what follows says when.
            None => match text.split_once([' ', ',']) {
                Some((count, when)) => (count, "", when),
                None => (text, "", ""),
            },
        };
        let count = count.split('+').map(Term::parse).collect::<Result<Vec<_>, _>>()?;
        let calls = calls.split(',').map(str::trim).filter(|call| !call.is_empty());
        let calls = calls.map(call).collect::<Result<Vec<_>, _>>()?;
        let cost = Self { when: when.trim().to_owned(), count, calls };
        let listed = cost.calls.iter().map(|(times, _)| times.clone());
        if sum(cost.count.clone()) != sum(listed) {
            return Err(format!("{text:?} does not list as many calls as it counts"));
        }
        Ok(cost)
    }

    /// The calls, where the numbers are these.
    pub(crate) fn calls(&self, numbers: Numbers<'_>) -> Calls {
        let mut calls = Calls::new();
        for (times, method) in &self.calls {
            *calls.entry(method.clone()).or_default() += times.value(numbers);
        }
        calls.retain(|_, times| *times > 0);
        calls
    }
}

fn call(text: &str) -> Result<(Term, String), String> {
    let (times, method) = match text.split_once('×') {
        Some((times, method)) => (Term::parse(times)?, method.trim()),
        None => (Term { times: 1, name: None }, text),
    };
    let shaped = method.split_once('/').is_some_and(|(service, name)| {
        [service, name].iter().all(|part| part.chars().all(|one| one.is_ascii_alphabetic()))
    });
    if shaped {
        Ok((times, method.to_owned()))
    } else {
        Err(format!("{text:?} is no Service/Method"))
    }
}

#[test]
fn a_line_says_what_a_method_costs_and_when() {
    let line = "2 + b (Leases/Create, b × Content/Write, Leases/Delete) for b blobs; 0 of none.";
    let costs = Cost::parse_all(line).unwrap();
    let whens: Vec<&str> = costs.iter().map(|cost| cost.when.as_str()).collect();
    assert_eq!(whens, ["", "of none"]);
    let calls: Vec<(String, u64)> = costs[0].calls(&[("b", 3)]).into_iter().collect();
    let expected = [("Content/Write", 3), ("Leases/Create", 1), ("Leases/Delete", 1)];
    assert_eq!(calls, expected.map(|(method, times)| (method.to_owned(), times)));
    assert_eq!(costs[1].calls(&[]), Calls::new());
}

#[test]
fn a_line_that_cannot_be_held_against_anything_is_refused() {
    for (line, why) in [
        ("1 (Tasks/Kill)", "full stop"),
        ("2 (Tasks/Kill).", "as many calls as it counts"),
        ("1 + b (Tasks/Kill).", "as many calls as it counts"),
        ("1.", "as many calls as it counts"),
        ("one (Tasks/Kill).", "as many calls as it counts"),
        ("1 (Kill).", "no Service/Method"),
        ("1 (Tasks/Kill.", "is missing"),
        ("0; 1 (Tasks/Kill).", "says not when"),
        ("free.", "as many calls as it counts"),
        ("No more than 1 (Tasks/Kill).", "neither a number"),
    ] {
        let error = Cost::parse_all(line).unwrap_err();
        assert!(error.contains(why), "{line}: {error}");
    }
}
