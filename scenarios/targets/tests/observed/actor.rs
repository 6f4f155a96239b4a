//! Plays the steps of one case.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::transport::Channel;

use crate::answer::Answer;
use crate::call::Call;
use crate::exchange::{Open, messages, next, next_bytes, to_the_end};
use crate::files::Ends;
use crate::judge::{self, Difference};
use crate::log::{Log, OURS, Watcher, owns, publish, told};
use crate::pool;
use crate::process::{alive, asleep};
use crate::server::Server;
use crate::stages::stage;
use crate::step::{Await, Headers, Rpc, Step, Subscribe, Verb};
use crate::variables::Variables;
use crate::wire;

/// How long an answer may take that must come.
const LIMIT: Duration = Duration::from_secs(20);
/// How long a step waits for an event that it must cause, and for one that may be lost.
const EVENT_LIMIT: Duration = Duration::from_secs(10);

/// One client in a namespace of its own, with what it holds.
pub(crate) struct Actor<'a> {
    server: &'a Server,
    channel: Channel,
    pub(crate) log: Arc<Log>,
    /// Events that steps have waited for already.
    awaited: Vec<usize>,
    pub(crate) namespace: String,
    pub(crate) variables: Variables,
    streams: BTreeMap<String, Open>,
    background: BTreeMap<String, JoinHandle<Answer>>,
    ends: Ends,
    /// After a restart.
    watcher: Option<Watcher>,
}

impl<'a> Actor<'a> {
    /// Fails when nobody listens: an earlier case has killed the server.
    pub(crate) async fn new(
        server: &'a Server,
        namespace: &str,
        more: &[String],
    ) -> Result<Self, tonic::transport::Error> {
        let channel = containerd_client::connect(&server.socket).await?;
        let log = server.watcher.log(namespace, more);
        let mut variables = Variables::default();
        variables.set("ns", namespace);
        variables.set("other", format!("{namespace}-other"));
        variables.set("version", server.version);
        // How errors of a shim end: 2.x does not say that their class is unknown.
        variables.set("unknown", if server.version == "2.1" { "" } else { ": unknown" });
        variables.set("sandboxing", server.sandboxing.as_str());
        variables.set("socket", server.socket.display().to_string());
        for (name, path) in [
            ("rootfs", &server.rootfs),
            ("root", &server.root),
            ("state", &server.state),
            ("dir", &server.folder.join(namespace)),
        ] {
            variables.set(name, path.display().to_string());
        }
        Ok(Self {
            server,
            channel,
            log,
            awaited: Vec::new(),
            namespace: namespace.to_owned(),
            variables,
            streams: BTreeMap::new(),
            background: BTreeMap::new(),
            ends: Ends::default(),
            watcher: None,
        })
    }

    fn watcher(&self) -> &Watcher {
        self.watcher.as_ref().unwrap_or(&self.server.watcher)
    }

    /// Done when what was published until now has come.
    pub(crate) async fn fence(&self) -> bool {
        self.watcher().fence(&self.channel, &self.log, EVENT_LIMIT).await
    }

    /// Plays one step; its answer and what differs from what it expects.
    pub(crate) async fn play(&mut self, json: &Value) -> (Answer, Vec<Difference>) {
        let step = match Step::parse(&self.variables.filled(json)) {
            Ok(step) => step,
            Err(error) => return judged(&Default::default(), Answer::impossible(error)),
        };
        let Step { verb, expect, until, save } = step;
        let (given, mut differences) = match verb {
            Verb::Do(name, parameters) => match stage(&name, &parameters) {
                Ok(steps) => self.play_all(&steps).await,
                Err(error) => (Answer::impossible(error), Vec::new()),
            },
            Verb::Repeat(repeat) => {
                let (mut last, mut all) = (Answer::ok(Vec::new()), Vec::new());
                for number in 0..repeat.repeat {
                    self.variables.set("n", number);
                    let (answer, differences) = self.play_all(&repeat.steps).await;
                    last = answer;
                    all.extend(differences);
                }
                // Or the next repeat would be filled with what this one has ended with.
                self.variables.unset("n");
                (last, all)
            }
            verb => (self.act(verb).await, Vec::new()),
        };
        for (name, pointer) in save {
            let value = given.last().pointer(&pointer).cloned().unwrap_or_default();
            self.variables.set(&name, value);
        }
        for topic in until {
            self.until(&topic).await;
        }
        let (given, own) = judged(&expect, given);
        differences.extend(own);
        (given, differences)
    }

    /// Plays steps; the last one's answer.
    async fn play_all(&mut self, steps: &[Value]) -> (Answer, Vec<Difference>) {
        let (mut last, mut all) = (Answer::ok(Vec::new()), Vec::new());
        for step in steps {
            let (answer, differences) = Box::pin(self.play(step)).await;
            last = answer;
            all.extend(differences);
        }
        (last, all)
    }

    /// Waits for the first event of a topic that no step has waited for. `?` before the topic:
    /// the event may be lost.
    async fn until(&mut self, topic: &str) {
        let (topic, limit) = match topic.strip_prefix('?') {
            Some(topic) => (topic, Duration::from_secs(1)),
            None => (topic, EVENT_LIMIT),
        };
        let mut known = 0;
        loop {
            let events = self.log.since(0);
            let fresh = events
                .iter()
                .enumerate()
                .find(|(at, event)| event["topic"] == topic && !self.awaited.contains(at));
            if let Some((at, _)) = fresh {
                self.awaited.push(at);
                return;
            }
            known = known.max(events.len());
            if !self.log.reaches(known + 1, limit).await {
                return;
            }
        }
    }

    async fn act(&mut self, verb: Verb) -> Answer {
        match verb {
            Verb::Rpc(rpc) => self.rpc(rpc).await,
            Verb::Await(wait) => self.awaited(&wait).await,
            Verb::Open(open) => match pool::method(&open.open) {
                Err(error) => Answer::impossible(error),
                Ok(method) => {
                    let headers = self.headers(&open.headers);
                    let call = Call::open(self.channel.clone(), &pool::path(&method), headers);
                    let (input, output) = (method.input(), method.output());
                    let opened = Open { call, input, output, probe: String::new() };
                    self.streams.insert(open.r#as, opened);
                    Answer::ok(Vec::new())
                }
            },
            Verb::Send(send) => match self.streams.get_mut(&send.send) {
                None => Answer::impossible(format!("no stream is called {}", send.send)),
                Some(open) => match wire::message(&open.input, &send.with) {
                    Err(error) => Answer::impossible(error),
                    Ok(message) => {
                        open.call.send(message.encode_to_vec().into());
                        next(open, limit(send.within_ms)).await
                    }
                },
            },
            Verb::Next(wanted) => match self.streams.get_mut(&wanted.next) {
                None => Answer::impossible(format!("no stream is called {}", wanted.next)),
                Some(open) => next(open, limit(wanted.within_ms)).await,
            },
            Verb::HalfClose(name) => match self.streams.get_mut(&name) {
                None => Answer::impossible(format!("no stream is called {name}")),
                Some(open) => {
                    open.call.half_close();
                    Answer::ok(Vec::new())
                }
            },
            Verb::Hold(name) => self.reads(&name, false),
            Verb::Release(name) => self.reads(&name, true),
            Verb::Break(name) => {
                self.streams.remove(&name);
                Answer::ok(Vec::new())
            }
            Verb::Subscribe(subscribe) => self.subscribe(subscribe).await,
            Verb::Received(name) => self.received(&name).await,
            Verb::Path(verb) => match tokio::time::timeout(LIMIT, self.ends.act(verb)).await {
                Ok(Ok(value)) => Answer::ok(vec![value]),
                Ok(Err(error)) => Answer::impossible(error),
                Err(_) => Answer::blocks(Vec::new()),
            },
            Verb::Alive(process) => Answer::ok(vec![alive(process.alive).await]),
            Verb::Asleep(processes) => {
                asleep(processes.asleep.iter().map(|process| process.pid), LIMIT).await
            }
            Verb::Deed(deed) => self.deed(deed).await,
            Verb::Do(..) | Verb::Repeat(_) => Answer::impossible("made of other steps"),
        }
    }

    /// What came of a call in the background; it goes on when the time is over.
    async fn awaited(&mut self, wait: &Await) -> Answer {
        let Some(running) = self.background.get_mut(&wait.r#await) else {
            return Answer::impossible(format!("nothing is called {}", wait.r#await));
        };
        match tokio::time::timeout(limit(wait.within_ms), running).await {
            Err(_) => Answer::blocks(Vec::new()),
            Ok(answer) => {
                self.background.remove(&wait.r#await);
                answer.unwrap_or_else(Answer::impossible)
            }
        }
    }

    fn reads(&self, name: &str, reads: bool) -> Answer {
        let Some(open) = self.streams.get(name) else {
            return Answer::impossible(format!("no stream is called {name}"));
        };
        open.call.read(reads);
        Answer::ok(Vec::new())
    }

    async fn deed(&mut self, deed: crate::step::Deed) -> Answer {
        let starts = matches!(deed, crate::step::Deed::Start);
        if let Err(error) = self.server.ground.perform(deed, self.namespace.clone()).await {
            return Answer::impossible(error);
        }
        if starts {
            self.channel = match containerd_client::connect(&self.server.socket).await {
                Ok(channel) => channel,
                Err(error) => return Answer::impossible(error),
            };
            let watcher = Watcher::start(&self.channel).await;
            watcher.adopt(&self.log);
            self.watcher = Some(watcher);
        }
        Answer::ok(Vec::new())
    }

    fn headers(&self, headers: &Headers) -> MetadataMap {
        let mut map = MetadataMap::new();
        let own = json!(self.namespace);
        let namespaces = match headers.namespace.as_ref().unwrap_or(&own) {
            Value::Array(list) => list.clone(),
            Value::Null => Vec::new(),
            one => vec![one.clone()],
        };
        for namespace in namespaces {
            let value = namespace.as_str().unwrap_or_default();
            map.append("containerd-namespace", MetadataValue::try_from(value).expect("ASCII"));
        }
        let more = [("containerd-lease", &headers.lease), ("grpc-timeout", &headers.timeout)];
        for (name, value) in more {
            if let Some(value) = value {
                map.insert(name, MetadataValue::try_from(value).expect("ASCII"));
            }
        }
        map
    }

    async fn rpc(&mut self, rpc: Rpc) -> Answer {
        let known = if rpc.rpc.starts_with('/') { None } else { Some(pool::method(&rpc.rpc)) };
        let (path, input, output) = match known.transpose() {
            Err(error) => return Answer::impossible(error),
            Ok(Some(method)) => (pool::path(&method), Some(method.input()), Some(method.output())),
            Ok(None) => (rpc.rpc.clone(), None, None),
        };
        let messages = match messages(&rpc, input.as_ref()) {
            Ok(messages) => messages,
            Err(error) => return Answer::impossible(format!("{}: {error}", rpc.rpc)),
        };
        let mut call = Call::open(self.channel.clone(), &path, self.headers(&rpc.headers));
        for message in messages {
            call.send(message);
        }
        call.half_close();
        let limit = limit(rpc.within_ms);
        let Some(name) = rpc.background else { return to_the_end(call, output, limit).await };
        self.background.insert(name, tokio::spawn(to_the_end(call, output, Duration::MAX)));
        Answer::ok(Vec::new())
    }

    /// Subscribes; the subscription is proven live by a probe that passes beside the filters.
    async fn subscribe(&mut self, subscribe: Subscribe) -> Answer {
        let probe = format!("{OURS}{}", subscribe.subscribe);
        let mut filters = subscribe.filters;
        if !filters.is_empty() {
            filters.push(format!("namespace=={},topic~=\"^{probe}\"", self.namespace));
        }
        let method = pool::method("Events/Subscribe").expect("containerd has it");
        let headers = self.headers(&subscribe.headers);
        // On a connection of its own: a subscriber that does not read must not hold up the rest.
        let channel = match containerd_client::connect(&self.server.socket).await {
            Ok(channel) => channel,
            Err(error) => return Answer::impossible(error),
        };
        let mut call = Call::open(channel, &pool::path(&method), headers);
        let message = wire::message(&method.input(), &json!({ "filters": filters }));
        call.send(message.expect("filters are text").encode_to_vec().into());
        call.half_close();
        let output = method.output();
        let mut open = Open { call, input: method.input(), output, probe };
        let mut patience = Duration::from_millis(20);
        while patience < LIMIT {
            publish(&self.channel, &self.namespace, &open.probe).await;
            let answer = next(&mut open, patience).await;
            match answer.code.as_str() {
                "BLOCKS" => patience *= 2,
                "OK" => {
                    self.streams.insert(subscribe.subscribe, open);
                    return Answer::ok(Vec::new());
                }
                _ => return answer,
            }
        }
        Answer::blocks(Vec::new())
    }

    /// What a subscription has brought about the case, up to now.
    async fn received(&mut self, name: &str) -> Answer {
        let Some(open) = self.streams.get_mut(name) else {
            return Answer::impossible(format!("no subscription is called {name}"));
        };
        let last = format!("{}/last", open.probe);
        // Probes of the beginning may still be on their way: the last one has a name of its own.
        publish(&self.channel, &self.namespace, &last).await;
        let mut events = Vec::new();
        loop {
            let answer = next_bytes(open, LIMIT).await;
            let event = match answer {
                Ok(Some(bytes)) => told(&bytes),
                Ok(None) => return Answer::ok(events),
                Err(answer) => return *answer,
            };
            let own = owns(&self.namespace, event["namespace"].as_str().unwrap_or_default());
            match event["topic"].as_str() {
                Some(topic) if own && topic == last => return Answer::ok(events),
                Some(topic) if topic.starts_with(OURS) => {}
                _ if own => events.push(event),
                _ => {}
            }
        }
    }

    /// Ends what the case has started.
    pub(crate) async fn clean(mut self) {
        self.streams.clear();
        for namespace in [self.namespace.clone(), format!("{}-other", self.namespace)] {
            let (listed, _) = self
                .play(&json!({ "rpc": "Tasks/List", "with": {}, "namespace": namespace }))
                .await;
            for task in listed.last()["tasks"].as_array().into_iter().flatten() {
                let id = &task["id"];
                for (rpc, with) in [
                    ("Tasks/Kill", json!({ "container_id": id, "signal": 9, "all": true })),
                    ("Tasks/Wait", json!({ "container_id": id })),
                    ("Tasks/Delete", json!({ "container_id": id })),
                ] {
                    let step = json!({ "rpc": rpc, "with": with, "namespace": namespace, "within_ms": 2000 });
                    self.play(&step).await;
                }
            }
        }
        self.server.watcher.forget(&self.log);
    }
}

fn judged(expect: &crate::case::Expect, answer: Answer) -> (Answer, Vec<Difference>) {
    let differences = judge::answer(expect, &answer);
    (answer, differences)
}

fn limit(within_ms: Option<u64>) -> Duration {
    within_ms.map_or(LIMIT, Duration::from_millis)
}
