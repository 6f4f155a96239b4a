//! Plays all cases on one kind of server, and says what differs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::actor::Actor;
use crate::case::{Case, Expect};
use crate::chance::Chance;
use crate::judge::{self, Difference, What};
use crate::server::{Kind, Server};

/// Cases that are played at a time.
const AT_A_TIME: usize = 8;
/// How long events are awaited that may be lost, and others.
const LOST_LIMIT: Duration = Duration::from_secs(1);
const EVENT_LIMIT: Duration = Duration::from_secs(10);
/// An event too many shows itself in this time, or is not seen: shims tell theirs when they like.
const QUIET: Duration = Duration::from_millis(60);

/// What came of one case.
pub(crate) struct Played {
    id: String,
    about: String,
    differences: Vec<Difference>,
}

/// What came of all.
pub(crate) struct Report {
    played: Vec<Played>,
}

/// Plays each case; those that would disturb others at last, on servers of their own.
pub(crate) async fn play_all(kind: Arc<dyn Kind>, cases: Vec<Case>) -> Report {
    let (alone, together): (Vec<_>, Vec<_>) = cases.into_iter().partition(|case| case.alone);
    let server = Arc::new(kind.start().await);
    let permits = Arc::new(Semaphore::new(AT_A_TIME));
    let mut running = JoinSet::new();
    for case in together {
        let (server, permits) = (server.clone(), permits.clone());
        running.spawn(async move {
            let _permit = permits.acquire_owned().await.expect("nobody closes it");
            play(&server, &case).await
        });
    }
    let mut played = running.join_all().await;
    server.ground.end().await;
    let mut running = JoinSet::new();
    let permits = Arc::new(Semaphore::new(AT_A_TIME / 2));
    for case in alone {
        let (kind, permits) = (kind.clone(), permits.clone());
        running.spawn(async move {
            let _permit = permits.acquire_owned().await.expect("nobody closes it");
            let server = kind.start().await;
            let played = play(&server, &case).await;
            server.ground.end().await;
            played
        });
    }
    played.extend(running.join_all().await);
    played.sort_by(|one, other| one.id.cmp(&other.id));
    Report { played }
}

async fn play(server: &Server, case: &Case) -> Played {
    let namespace = format!("{}{}", server.prefix, case.id.to_lowercase());
    let folder = server.folder.join(&namespace);
    std::fs::create_dir_all(&folder).expect("the folder is ours");
    let (id, about) = (case.id.clone(), case.about.clone());
    let mut actor = match Actor::new(server, &namespace, &case.namespaces).await {
        Ok(actor) => actor,
        Err(error) => {
            let told = format!("the server is gone: {error:?}");
            let differences = vec![Difference { what: What::SetUp, told }];
            return Played { id, about, differences };
        }
    };
    let mut differences = go(server, case, &mut actor).await;
    // Names that only this run has would make each run differ from the last.
    for difference in &mut differences {
        for name in ["other", "ns", "dir", "rootfs", "root", "state", "socket"] {
            let value = actor.variables.get(name).and_then(|value| value.as_str());
            let value = value.expect("they are set as text");
            difference.told = difference.told.replace(value, &format!("<{name}>"));
        }
    }
    if !case.alone {
        actor.clean().await;
    }
    Played { id, about, differences }
}

async fn go(server: &Server, case: &Case, actor: &mut Actor<'_>) -> Vec<Difference> {
    let mut differences = Vec::new();
    for step in &case.setup {
        let (_, differs) = actor.play(step).await;
        differences.extend(differs.into_iter().map(|one| Difference { what: What::SetUp, ..one }));
    }
    actor.fence().await;
    let start = actor.log.len();
    let (expect, after) = case.held(server.version, server.stands_in);
    let filled = actor.variables.filled(&expect.into());
    let expect: Expect = serde_json::from_value(filled)
        .unwrap_or_else(|error| panic!("{}: expect: {error}", case.id));
    let (last, before) = case.call.split_last().expect("a case makes a call");
    for step in before {
        let (_, differs) = actor.play(step).await;
        differences.extend(differs.into_iter().map(|one| Difference { what: What::SetUp, ..one }));
    }
    let (answer, differs) = actor.play(last).await;
    // A call that has an expectation of its own is a stage: only the case's is asked.
    drop(differs);
    // What the call saved may be expected.
    let refilled = actor.variables.filled(&serde_json::json!(expect.response));
    let expect =
        Expect { response: serde_json::from_value(refilled).unwrap_or_default(), ..expect };
    differences.extend(judge::answer(&expect, &answer));
    // What a kill does, its exit event tells: how things stand is asked after it.
    if let Some(wanted) = &expect.events {
        let limit = if expect.may_be_lost.is_empty() { EVENT_LIMIT } else { LOST_LIMIT };
        actor.log.reaches(start + wanted.len(), limit).await;
    }
    for step in &after {
        let (_, differs) = actor.play(step).await;
        differences.extend(differs.into_iter().map(|one| match one.what {
            What::Message => one,
            _ => Difference { what: What::State, ..one },
        }));
    }
    if expect.events.is_some() {
        actor.fence().await;
        while actor.log.reaches(actor.log.len() + 1, QUIET).await {}
        differences.extend(judge::events(&expect, &actor.log.since(start)));
    }
    differences
}

impl Report {
    /// Everything but texts.
    pub(crate) fn wrong(&self) -> String {
        self.list(|what| what != What::Message)
    }

    /// Texts alone.
    pub(crate) fn texts(&self) -> String {
        self.list(|what| what == What::Message)
    }

    fn list(&self, shown: impl Fn(What) -> bool) -> String {
        let mut text = String::new();
        for played in &self.played {
            for difference in played.differences.iter().filter(|one| shown(one.what)) {
                let Played { id, about, .. } = played;
                let line = format!("{id} {about}\n    {difference}\n");
                // Once: a repeated step may say the same a thousand times.
                if !text.ends_with(&line) {
                    text.push_str(&line);
                }
            }
        }
        text
    }

    /// Takes those away that drew it; their ids.
    pub(crate) fn set_aside(&mut self, chance: &Chance) -> Vec<String> {
        let drew = |one: &Played| one.differences.iter().any(|told| chance.made(&told.told));
        self.played.extract_if(.., |one| drew(one)).map(|one| one.id).collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.played.len()
    }

    pub(crate) fn wrong_count(&self) -> usize {
        let wrong =
            |played: &&Played| played.differences.iter().any(|one| one.what != What::Message);
        self.played.iter().filter(wrong).count()
    }
}
