//! Compares what came with what was observed.

use std::fmt;

use serde_json::Value;

use crate::answer::Answer;
use crate::case::Expect;
use crate::pattern::{fits, whole};

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    SetUp,
    Code,
    /// Listed, not refused: texts are for people.
    Message,
    Response,
    State,
    Events,
}

/// One difference from what was observed.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    pub(crate) what: What,
    pub(crate) told: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.what, self.told)
    }
}

const SHOWN_MAX: usize = 1200;

fn short(value: &Value) -> String {
    let text = value.to_string();
    let end = text.char_indices().nth(SHOWN_MAX).map_or(text.len(), |(at, _)| at);
    text[..end].to_owned()
}

/// Code, text and messages of a step.
pub(crate) fn answer(expect: &Expect, answer: &Answer) -> Vec<Difference> {
    let differs = |what, told| vec![Difference { what, told }];
    let right = expect.code.as_ref().map_or(answer.code == "OK", |codes| codes.has(&answer.code));
    if !right {
        let Answer { code, message, .. } = answer;
        let wanted = &expect.code;
        let last = short(answer.last());
        return differs(What::Code, format!("{code} {message:?} {last}, not {wanted:?}"));
    }
    let mut differences = Vec::new();
    if let Some(pattern) = expect.message.as_ref().filter(|one| !whole(one, &answer.message)) {
        let told = format!("{:?}, not {pattern:?}", answer.message);
        differences.extend(differs(What::Message, told));
    }
    if let Some(pattern) = expect.response.as_ref().filter(|one| !fits(one, answer.last())) {
        let told = format!("{}, not {pattern}", short(answer.last()));
        differences.extend(differs(What::Response, told));
    }
    if let Some(details) = expect.details.filter(|details| *details != answer.details) {
        differences.extend(differs(What::Response, format!("details: not {details}")));
    }
    let all = Value::Array(answer.replies.clone());
    if let Some(pattern) = expect.replies.as_ref().filter(|one| !fits(one, &all)) {
        differences.extend(differs(What::Response, format!("{}, not {pattern}", short(&all))));
    }
    differences
}

/// The events that came from the call on.
pub(crate) fn events(expect: &Expect, seen: &[Value]) -> Option<Difference> {
    let wanted = expect.events.as_ref()?;
    let right = if expect.events_in_any_order {
        any_order(wanted, seen, &expect.may_be_lost)
    } else {
        in_order(wanted, seen, &expect.may_be_lost)
    };
    let told = || {
        let seen: Vec<String> = seen.iter().map(short).collect();
        format!("[{}], not {}", seen.join(", "), Value::Array(wanted.clone()))
    };
    (!right).then(|| Difference { what: What::Events, told: told() })
}

fn lost(pattern: &Value, may_be_lost: &[String]) -> bool {
    may_be_lost.iter().any(|topic| pattern["topic"] == topic.as_str())
}

fn in_order(wanted: &[Value], seen: &[Value], may_be_lost: &[String]) -> bool {
    let mut seen = seen.iter().peekable();
    let all = wanted.iter().all(|pattern| {
        let came = seen.next_if(|event| fits(pattern, event)).is_some();
        came || lost(pattern, may_be_lost)
    });
    all && seen.next().is_none()
}

fn any_order(wanted: &[Value], seen: &[Value], may_be_lost: &[String]) -> bool {
    let mut wanted: Vec<&Value> = wanted.iter().collect();
    let known = seen.iter().all(|event| {
        let at = wanted.iter().position(|pattern| fits(pattern, event));
        at.map(|at| wanted.remove(at)).is_some()
    });
    known && wanted.into_iter().all(|pattern| lost(pattern, may_be_lost))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn expect(json: &Value) -> Expect {
        serde_json::from_value(json.clone()).unwrap()
    }

    #[test]
    fn an_event_too_many_too_few_or_out_of_order_is_a_difference() {
        let (exit, delete) = (json!({"topic": "/tasks/exit"}), json!({"topic": "/tasks/delete"}));
        let wanted = expect(&json!({"events": [exit, delete]}));
        assert!(events(&wanted, &[exit.clone(), delete.clone()]).is_none());
        assert!(events(&wanted, &[delete.clone(), exit.clone()]).is_some());
        assert!(events(&wanted, std::slice::from_ref(&exit)).is_some());
        assert!(events(&wanted, &[exit.clone(), delete.clone(), exit.clone()]).is_some());
        let free = expect(&json!({"events": [exit, delete], "events_in_any_order": true,
            "may_be_lost": ["/tasks/delete"]}));
        assert!(events(&free, &[delete.clone(), exit.clone()]).is_none());
        assert!(events(&free, std::slice::from_ref(&exit)).is_none());
        assert!(events(&free, &[delete]).is_some());
    }

    #[test]
    fn a_code_that_differs_hides_the_text_that_differs_with_it() {
        let wanted = expect(&json!({"code": "NOT_FOUND", "message": "~x"}));
        let other = Answer { code: "UNKNOWN".to_owned(), ..Answer::default() };
        let whats: Vec<_> = answer(&wanted, &other).iter().map(|one| one.what).collect();
        assert_eq!(whats, [What::Code]);
    }
}
