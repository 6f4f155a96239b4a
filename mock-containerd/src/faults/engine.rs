//! Decides what goes wrong: counts calls and events by rule and namespace, and keeps the list of
//! what fired.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use containerd_client::types::Envelope;
use http::Request;
use rpc_ledger::{ConnectionId, Rpc};

use super::fault::{Cut, DaemonFault, EventFault, Fault, When};
use super::file::Rule;
use super::lines::Line;
use super::plan::{Act, Progress};
use super::{Draw, Effect, Faults, Fired};

/// The list of what fired keeps the first so many.
const FIRED_KEPT: usize = 1 << 16;

/// What decides. Clones are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Engine {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Without any rule nothing is counted: that is how nearly all mocks run.
    armed: AtomicBool,
    // Never held over an await.
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    rules: Vec<Armed>,
    next_number: u64,
    /// What is drawn in these namespaces is drawn for these names.
    drawn_as: BTreeMap<String, u64>,
    /// Events that wait for the next one of their namespace.
    held: BTreeMap<String, Vec<Envelope>>,
    fired: Vec<Fired>,
    fired_dropped: u64,
}

#[derive(Debug)]
struct Armed {
    rule: Rule,
    /// Rules are told apart by it where something is drawn.
    number: u64,
    draw: Draw,
    seen: BTreeMap<String, Seen>,
    /// Whether anything has set it off.
    fired: bool,
}

/// A call that has come.
#[derive(Clone, Copy, Debug)]
struct Coming<'c> {
    path: &'c str,
    namespace: &'c str,
    connection: ConnectionId,
}

/// What a rule saw of one namespace.
#[derive(Debug, Default)]
struct Seen {
    number: u64,
    progress: Progress,
}

/// What is done to one call.
#[derive(Debug, Default)]
pub(super) struct Orders {
    pub(super) before: Vec<Act>,
    pub(super) after: Vec<Act>,
    /// Once it has been answered.
    pub(super) then: Vec<Order>,
}

/// Something to be done once a call has been answered.
#[derive(Debug)]
pub(crate) struct Order {
    pub(super) what: Then,
    /// Completed when it has been done.
    pub(super) fired: Fired,
}

#[derive(Clone, Debug)]
pub(super) enum Then {
    Cut(Cut),
    Daemon(DaemonFault),
}

/// An event on its way: now, or after a while.
#[derive(Debug, PartialEq)]
pub(crate) enum Passing {
    Now(Envelope),
    Later(Duration, Envelope),
}

impl Orders {
    fn none(&self) -> bool {
        self.before.is_empty() && self.after.is_empty() && self.then.is_empty()
    }
}

impl Engine {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.shared.book.lock().expect("nothing panics while it holds the book")
    }

    pub(super) fn add(&self, faults: Faults) {
        let mut book = self.book();
        let draw = Draw(faults.seed);
        for rule in faults.rules {
            book.next_number += 1;
            let number = book.next_number;
            book.rules.push(Armed { rule, number, draw, seen: BTreeMap::new(), fired: false });
        }
        self.shared.armed.store(!book.rules.is_empty(), Ordering::Release);
    }

    /// Takes all rules back. Returns the events that were held.
    pub(super) fn clear(&self) -> Vec<Envelope> {
        let mut book = self.book();
        book.rules.clear();
        self.shared.armed.store(false, Ordering::Release);
        std::mem::take(&mut book.held).into_values().flatten().collect()
    }

    pub(super) fn fired(&self) -> Vec<Fired> {
        self.book().fired.clone()
    }

    pub(super) fn fired_dropped(&self) -> u64 {
        self.book().fired_dropped
    }

    /// What fired in one namespace, in order.
    pub(super) fn fired_in(&self, namespace: &str) -> Vec<Fired> {
        let book = self.book();
        book.fired.iter().filter(|fired| fired.namespace == namespace).cloned().collect()
    }

    /// What is drawn in a namespace is drawn for this name from now on.
    pub(super) fn enter(&self, namespace: &str, name: &str) {
        self.book().drawn_as.insert(namespace.to_owned(), Draw::named(name));
    }

    /// Forgets a namespace. Returns the events that were held there.
    pub(super) fn leave(&self, namespace: &str) -> Vec<Envelope> {
        let mut book = self.book();
        book.drawn_as.remove(namespace);
        book.fired.retain(|fired| fired.namespace != namespace);
        for armed in &mut book.rules {
            armed.seen.remove(namespace);
        }
        book.held.remove(namespace).unwrap_or_default()
    }

    /// Rules that nothing has set off, as they are written.
    pub(super) fn unfired(&self) -> Vec<String> {
        let book = self.book();
        let unfired = book.rules.iter().filter(|armed| !armed.fired).map(|armed| &armed.rule);
        unfired.map(|rule| format!("{}: {}", rule.origin, rule.fault)).collect()
    }

    pub(super) fn note(&self, fired: Fired) {
        self.book().note(fired);
    }

    /// A call has come: what is done to it, if anything is.
    pub(super) fn call<B>(&self, request: &Request<B>, connection: ConnectionId) -> Option<Orders> {
        if !self.shared.armed.load(Ordering::Acquire) {
            return None;
        }
        let namespace = request.headers().get("containerd-namespace");
        let namespace = namespace.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let orders = self.orders(Coming { path: request.uri().path(), namespace, connection });
        (!orders.none()).then_some(orders)
    }

    fn orders(&self, coming: Coming<'_>) -> Orders {
        let short = Rpc::from_path(coming.path).short();
        let mut book = self.book();
        let salt = book.drawn_as.get(coming.namespace).copied().unwrap_or_default();
        let mut orders = Orders::default();
        let mut noted = Vec::new();
        for armed in &mut book.rules {
            armed.call(&short, coming, salt, &mut orders, &mut noted);
        }
        noted.into_iter().for_each(|fired| book.note(fired));
        orders
    }

    /// Cuts a connection or streams on it.
    pub(super) fn cut(&self, fired: Fired, what: Cut, line: &Line) {
        match what {
            Cut::Connection => {
                self.note(Fired { done: "connection cut".to_owned(), ..fired });
                line.cut();
            }
            Cut::Stream(short) => {
                let done = format!("{} open {short} reset", line.open(&short));
                self.note(Fired { done, ..fired });
                line.reset(&short);
            }
        }
    }

    /// An event is to be published: what is, in this order.
    pub(crate) fn event(&self, envelope: Envelope) -> Vec<Passing> {
        if !self.shared.armed.load(Ordering::Acquire) {
            return vec![Passing::Now(envelope)];
        }
        let mut book = self.book();
        let before = book.held.remove(&envelope.namespace).unwrap_or_default();
        let mut passing = match book.event(&envelope) {
            None => vec![Passing::Now(envelope)],
            Some(EventFault::Lose) => Vec::new(),
            Some(EventFault::Duplicate) => {
                vec![Passing::Now(envelope.clone()), Passing::Now(envelope)]
            }
            Some(EventFault::Delay(span)) => vec![Passing::Later(span, envelope)],
            Some(EventFault::SwapNext) => {
                book.held.entry(envelope.namespace.clone()).or_default().push(envelope);
                Vec::new()
            }
        };
        passing.extend(before.into_iter().map(Passing::Now));
        passing
    }

    /// An event has come: what is done to it, if anything is.
    pub(super) fn event_fault(&self, envelope: &Envelope) -> Option<EventFault> {
        let armed = self.shared.armed.load(Ordering::Acquire);
        armed.then(|| self.book().event(envelope)).flatten()
    }
}

impl Book {
    /// Each rule counts every event; of several that are set off the first is done.
    fn event(&mut self, envelope: &Envelope) -> Option<EventFault> {
        let mut noted = Vec::new();
        let fault = self.rules.iter_mut().filter_map(|armed| armed.event(envelope, &mut noted));
        let fault = fault.fold(None, |first, fault| first.or(Some(fault)));
        noted.into_iter().for_each(|fired| self.note(fired));
        fault
    }

    fn note(&mut self, fired: Fired) {
        if self.fired.len() < FIRED_KEPT {
            self.fired.push(fired);
        } else {
            self.fired_dropped += 1;
        }
    }
}

impl Armed {
    /// Counts it, if it is one of those that the rule is about.
    fn count(&mut self, about: bool, namespace: &str) -> Option<u64> {
        if !about {
            return None;
        }
        let seen = self.seen.entry(namespace.to_owned()).or_default();
        seen.number += 1;
        Some(seen.number)
    }

    fn fires(&mut self, occasion: String, namespace: &str, effect: Effect) -> Fired {
        self.fired = true;
        let (rule, origin) = (self.rule.fault.to_string(), self.rule.origin.to_string());
        let (namespace, connection) = (namespace.to_owned(), None);
        Fired { occasion, namespace, connection, effect, done: String::new(), rule, origin }
    }

    fn call(
        &mut self,
        short: &str,
        coming: Coming<'_>,
        salt: u64,
        orders: &mut Orders,
        noted: &mut Vec<Fired>,
    ) {
        let about = match &self.rule.fault {
            Fault::Rpc { on, .. } => on == short,
            Fault::Cut { after, .. } | Fault::Daemon { after, .. } => after.rpc == short,
            Fault::Event { .. } => false,
        };
        let Coming { namespace, connection, .. } = coming;
        let Some(number) = self.count(about, namespace) else { return };
        let occasion = format!("{short}#{number}");
        let (then, effect) = match &self.rule.fault {
            Fault::Event { .. } => return,
            Fault::Rpc { plan, when, .. } => {
                let (rule, draw, when) = (self.number, self.draw, *when);
                let seen = self.seen.entry(namespace.to_owned()).or_default();
                let drawn = |term: usize| {
                    let drawn = draw.below(100, [salt, rule, number, term as u64]);
                    u8::try_from(drawn).expect("below a hundred")
                };
                let act = plan.next(&mut seen.progress, drawn);
                if act == Act::Off {
                    return;
                }
                let (side, word) = match when {
                    When::Before => (&mut orders.before, "before the call"),
                    When::After => (&mut orders.after, "after the state changed"),
                };
                let done = format!("{act} {word}");
                let fired = self.fires(occasion, namespace, Effect::Call(act.clone()));
                noted.push(Fired { connection: Some(connection), done, ..fired });
                side.push(act);
                return;
            }
            Fault::Cut { after, what } if after.nth == number => {
                (Then::Cut(what.clone()), Effect::Cut(what.clone()))
            }
            Fault::Daemon { after, fault } if after.nth == number => {
                (Then::Daemon(fault.clone()), Effect::Daemon(fault.clone()))
            }
            Fault::Cut { .. } | Fault::Daemon { .. } => return,
        };
        let fired = self.fires(occasion, namespace, effect);
        let fired = Fired { connection: Some(connection), ..fired };
        orders.then.push(Order { what: then, fired });
    }

    fn event(&mut self, envelope: &Envelope, noted: &mut Vec<Fired>) -> Option<EventFault> {
        let Fault::Event { topic, nth, fault } = &self.rule.fault else { return None };
        let (nth, fault, about) = (*nth, *fault, *topic == envelope.topic);
        let number = self.count(about, &envelope.namespace)?;
        if number != nth {
            return None;
        }
        let occasion = format!("{}#{number}", envelope.topic);
        let fired = self.fires(occasion, &envelope.namespace, Effect::Event(fault));
        noted.push(Fired { done: fault.to_string(), ..fired });
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = "/containerd.services.tasks.v1.Tasks/Start";

    fn engine(faults: Faults) -> Engine {
        let engine = Engine::default();
        engine.add(faults);
        engine
    }

    fn coming<'c>(path: &'c str, namespace: &'c str) -> Coming<'c> {
        Coming { path, namespace, connection: ConnectionId::new(1) }
    }

    fn starts(engine: &Engine, namespace: &str, number: usize) -> Vec<String> {
        let acts = (0..number).map(|_| {
            let orders = engine.orders(coming(START, namespace));
            orders.before.first().map_or("off".to_owned(), Act::to_string)
        });
        acts.collect()
    }

    fn told(engine: &Engine, topics: &[&str]) -> Vec<String> {
        let told = topics.iter().flat_map(|topic| {
            let (topic, namespace) = ((*topic).to_owned(), "n".to_owned());
            engine.event(Envelope { topic, namespace, ..Envelope::default() })
        });
        told.map(|passing| match passing {
            Passing::Now(envelope) => envelope.topic,
            Passing::Later(span, envelope) => format!("{} after {span:?}", envelope.topic),
        })
        .collect()
    }

    #[test]
    fn calls_are_counted_by_namespace_and_method() {
        let faults = Faults::default().rpc("Tasks/Start", When::Before, "1*off->1*error(aborted)");
        let engine = engine(faults.unwrap());
        let kill = engine.orders(coming("/containerd.services.tasks.v1.Tasks/Kill", "a"));
        assert!(kill.none());
        for namespace in ["a", "b"] {
            assert_eq!(starts(&engine, namespace, 3), ["off", "error(aborted)", "off"]);
        }
        assert_eq!(engine.fired().len(), 2);
    }

    #[test]
    fn what_is_drawn_is_the_same_for_the_same_seed_whatever_the_namespaces_are_called() {
        let drawn = |seed, namespace| {
            let faults = Faults::default().seed(seed);
            let faults = faults.rpc("Tasks/Start", When::Before, "50%delay(1s)->off");
            starts(&engine(faults.unwrap()), namespace, 64)
        };
        assert_eq!(drawn(7, "a"), drawn(7, "b"));
        assert_ne!(drawn(7, "a"), drawn(8, "a"));
        let delayed = drawn(7, "a").iter().filter(|act| *act != "off").count();
        assert!((16..48).contains(&delayed), "{delayed} of 64");
    }

    #[test]
    fn a_namespace_with_a_name_draws_for_that_name_until_it_is_left() {
        let faults = Faults::default().seed(7);
        let faults = faults.rpc("Tasks/Start", When::Before, "50%error(aborted)->off");
        let engine = engine(faults.unwrap());
        let drawn = |namespace: &str, name| {
            engine.enter(namespace, name);
            starts(&engine, namespace, 64)
        };
        let first = drawn("a", "named/one");
        assert_eq!(first, drawn("b", "named/one"));
        assert_ne!(first, drawn("c", "named/other"));
        assert!(!engine.fired_in("a").is_empty());
        engine.leave("a");
        assert!(engine.fired_in("a").is_empty() && engine.unfired().is_empty());
        assert_eq!(drawn("a", "named/one"), first, "and counts from 1 again");
    }

    #[test]
    fn events_are_lost_doubled_delayed_and_swapped_by_topic_and_number() {
        let faults = Faults::default()
            .event("/a", 1, EventFault::Lose)
            .event("/a", 2, EventFault::Duplicate)
            .event("/b", 1, EventFault::SwapNext)
            .event("/b", 2, EventFault::Delay(Duration::from_secs(1)));
        let engine = engine(faults);
        let seen = told(&engine, &["/a", "/b", "/a", "/c", "/a", "/b"]);
        assert_eq!(seen, ["/a", "/a", "/b", "/c", "/a", "/b after 1s"]);
        assert_eq!(engine.fired().len(), 4);
        assert!(engine.unfired().is_empty());
    }

    #[test]
    fn rules_that_nothing_set_off_are_told_and_held_events_are_not_lost_when_all_is_cleared() {
        let faults =
            Faults::default().event("/b", 1, EventFault::SwapNext).event("/b", 9, EventFault::Lose);
        let engine = engine(faults);
        assert_eq!(told(&engine, &["/b"]), Vec::<String>::new());
        assert_eq!(engine.unfired(), ["by hand: lose /b#9"]);
        assert_eq!(engine.clear().len(), 1);
        assert_eq!(told(&engine, &["/b"]), ["/b"]);
    }
}
