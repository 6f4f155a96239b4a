//! The spans that subscribers see: alone in its program, for whether a span is wanted is remembered
//! for all threads.

use std::sync::{Arc, Mutex};

use laconic_client::{Client, Io, NewContainer, NewExec};
use mock_containerd::{MockContainerd, Profile};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps the spans of calls, as text.
#[derive(Clone, Default)]
struct Keeper {
    spans: Arc<Mutex<Vec<String>>>,
}

struct Fields<'t>(&'t mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!(" {field}={value:?}"));
    }
}

impl Subscriber for Keeper {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().starts_with("laconic_client")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut spans = self.spans.lock().unwrap();
        let mut text = span.metadata().name().to_owned();
        span.record(&mut Fields(&mut text));
        spans.push(text);
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let at = usize::try_from(span.into_u64()).unwrap() - 1;
        values.record(&mut Fields(&mut self.spans.lock().unwrap()[at]));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn every_call_is_a_span_that_says_what_it_was_for_and_how_it_went() {
    let keeper = Keeper::default();
    let _guard = tracing::subscriber::set_default(keeper.clone());
    let mock = MockContainerd::builder().profile(Profile::V2_1).in_memory();
    let client = Client::builder("spans").with_connector(mock).await.unwrap();
    let new = NewContainer::new("c0", ["sleep", "inf"]);
    let task = client.create(new).await.unwrap().start(Io::Null).await.unwrap();
    keeper.spans.lock().unwrap().clear();
    let args = vec!["/no/such".to_owned()];
    let missing = NewExec { id: "e0".to_owned(), args, io: Io::Null, terminal: false };
    task.exec(missing).await.unwrap_err();
    let spans = keeper.spans.lock().unwrap().clone();
    let rpc = |operation: &str, method: &str, code: &str| {
        let path = format!("/containerd.services.tasks.v1.Tasks/{method}");
        format!(
            "rpc operation={operation:?} container=\"c0\" exec=\"e0\" method={path:?} code={code}"
        )
    };
    let expected = [
        rpc("register", "Exec", "\"Ok\""),
        rpc("start", "Start", "Unknown"),
        rpc("delete", "DeleteProcess", "\"Ok\""),
    ];
    assert_eq!(spans, expected);
}
