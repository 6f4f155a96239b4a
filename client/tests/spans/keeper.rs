//! A subscriber that keeps the client's spans.

use std::cell::RefCell;
use std::collections::BTreeMap;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// A span, as it was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) name: &'static str,
    /// By its place.
    pub(crate) parent: Option<usize>,
    pub(crate) fields: BTreeMap<&'static str, String>,
}

impl Span {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

thread_local! {
    /// A test runs on one thread, and so does all that it starts.
    static KEPT: RefCell<(Vec<Span>, Vec<usize>)> = RefCell::default();
}

pub(crate) struct Keeper;

impl Keeper {
    /// Whether a span is wanted is remembered for all threads: so there is one for all.
    pub(crate) fn set() {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| tracing::subscriber::set_global_default(Self).unwrap());
    }

    /// Those of this thread, each by its place.
    pub(crate) fn spans() -> Vec<Span> {
        KEPT.with_borrow(|(spans, _)| spans.clone())
    }
}

struct Fields<'t>(&'t mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

fn id(place: usize) -> Id {
    Id::from_u64(place as u64 + 1)
}

fn place(id: &Id) -> usize {
    usize::try_from(id.into_u64()).unwrap() - 1
}

impl Subscriber for Keeper {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().starts_with("laconic_client")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        KEPT.with_borrow_mut(|(spans, entered)| {
            let here = span.is_contextual().then(|| entered.last().copied()).flatten();
            let parent = span.parent().map(place).or(here);
            let mut told = Span { name: span.metadata().name(), parent, ..Span::default() };
            span.record(&mut Fields(&mut told.fields));
            spans.push(told);
            id(spans.len() - 1)
        })
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        KEPT.with_borrow_mut(|(spans, _)| {
            values.record(&mut Fields(&mut spans[place(span)].fields));
        });
    }

    fn enter(&self, span: &Id) {
        KEPT.with_borrow_mut(|(_, entered)| entered.push(place(span)));
    }

    fn exit(&self, span: &Id) {
        KEPT.with_borrow_mut(|(_, entered)| {
            let last = entered.iter().rposition(|one| *one == place(span));
            entered.remove(last.expect("it was entered"));
        });
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
}
