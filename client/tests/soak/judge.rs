//! What the client said, held against what the processes said; and what is left.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use laconic_client::{ExitNews, ExitStatus};

use crate::ends::name;
use crate::ground::{Ground, Size};
use crate::left::{descriptors, left};
use crate::lives::{Entry, LivesShared};

const KILLED: u32 = 137;
/// How long the last news may take, and then how long nothing may be told twice.
const NEWS_LIMIT: Duration = Duration::from_secs(30);
const QUIET: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(crate) struct Verdict {
    lines: Vec<String>,
    pub(crate) faults: Vec<String>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

/// The true status of one, and when it ended; `None`: it was killed and cannot say.
fn truth(lives: &LivesShared, entry: &Entry) -> (u32, Option<i64>) {
    match lives.said.told(&name(&entry.container, entry.exec.as_deref())) {
        Some((code, at)) => (code, Some(at)),
        None => (KILLED, entry.ended_ns),
    }
}

/// Why what the client said of one is wrong.
fn wrong(lives: &LivesShared, entries: &[Entry], entry: &Entry, version: &str) -> Option<String> {
    let (code, _) = truth(lives, entry);
    match entry.waited {
        ExitStatus::Code(waited) if waited == code => None,
        ExitStatus::Code(waited) => Some(format!("said {code}, and the client {waited}")),
        ExitStatus::Unknown if version == "1.6" => {
            Some(format!("said {code}, and 1.6 has it; the client does not know"))
        }
        ExitStatus::Unknown => {
            // An exec is forgotten with its task alone.
            let init =
                entries.iter().find(|one| one.container == entry.container && one.exec.is_none());
            let ended = init.and_then(|init| truth(lives, init).1);
            let hidden = ended.is_some_and(|at| lives.outages.may_have_hidden(at));
            (!hidden)
                .then(|| format!("said {code}; the daemon lived, and the client does not know"))
        }
    }
}

fn of(news: &ExitNews) -> String {
    name(&news.container, news.exec.as_deref())
}

/// Every process that was started is told once, and the same as to who waited.
fn judge_news(entries: &[Entry], not_started: &[String], news: &[ExitNews]) -> Vec<String> {
    let mut told: BTreeMap<String, Vec<ExitStatus>> = BTreeMap::new();
    for one in news {
        told.entry(of(one)).or_default().push(one.exit.status);
    }
    let mut faults = Vec::new();
    for entry in entries {
        let name = name(&entry.container, entry.exec.as_deref());
        let told = told.remove(&name).unwrap_or_default();
        if told != [entry.waited] {
            faults.push(format!("{name} ended with {}, and the news were {told:?}", entry.waited));
        }
    }
    // What was half started may have run.
    let may: BTreeSet<&String> = not_started.iter().collect();
    for (name, told) in told {
        if told.len() > 1 || !may.contains(&name) {
            faults.push(format!("{name} was not started, and the news were {told:?}"));
        }
    }
    faults
}

async fn all_news(ground: &mut Ground, least: usize) -> Vec<ExitNews> {
    // Who is missing is found by whoever judges.
    let _ =
        tokio::time::timeout(NEWS_LIMIT, ground.news.wait_for(|news| news.len() >= least)).await;
    tokio::time::sleep(QUIET).await;
    ground.news.borrow().clone()
}

/// What helps to find out why: the outages, and what happened to those of whom something is said.
fn circumstances(ground: &Ground, faults: &[String]) -> Vec<String> {
    let lives = &ground.lives;
    let text = faults.join("\n");
    let of_it = |name: &str| {
        let container = name.split('.').next().unwrap_or(name);
        text.split(|c: char| !c.is_alphanumeric()).any(|word| word == container)
    };
    let outages = lives.outages.all().into_iter().map(|outage| format!("{outage:?}"));
    let journal = std::mem::take(&mut lives.books.lock().unwrap().journal);
    let lines = journal.into_iter().filter(|(name, _)| of_it(name));
    let lines = lines.map(|(name, line)| format!("{line} [{name}]"));
    outages.chain(lines).chain([ground.daemon().log_tail()]).collect()
}

pub(crate) async fn judge(ground: &mut Ground, size: &Size) -> Verdict {
    let lives = ground.lives.clone();
    lives.client.undone().await;
    let (entries, not_started, mut faults) = {
        let books = lives.books.lock().unwrap();
        (books.entries.clone(), books.not_started.clone(), books.faults.clone())
    };
    let news = all_news(ground, entries.len()).await;
    for entry in &entries {
        let wrong = wrong(&lives, &entries, entry, &size.version);
        let name = name(&entry.container, entry.exec.as_deref());
        faults.extend(wrong.map(|wrong| format!("{name} ({:?}) {wrong}", entry.ends)));
    }
    faults.extend(judge_news(&entries, &not_started, &news));
    let without_cause = lives.outages.without_cause();
    faults.extend(without_cause.into_iter().map(|what| format!("{what}, and the daemon lived")));
    let version = lives.client.version().await.unwrap().version;
    let (lost, left) = left(ground, &not_started).await;
    faults.extend(left.iter().map(|what| format!("left: {what}")));
    let (before, after) = (ground.descriptors_before, descriptors());
    if before != after {
        faults.push(format!("descriptors: {before} before, {after} after"));
    }
    let killed = lives.outages.all().len();
    if killed as u64 != size.kills {
        faults.push(format!("the daemon was killed {killed} times"));
    }
    let unknown = entries.iter().filter(|one| one.waited == ExitStatus::Unknown).count();
    let wrote =
        |entry: &&Entry| lives.said.told(&name(&entry.container, entry.exec.as_deref())).is_some();
    let wrote = entries.iter().filter(wrote).count();
    let lines = vec![
        format!(
            "containerd {version}: {} lifecycles (seed {}), killed and started again {killed} times, \
             in {} s",
            size.lives,
            size.seed,
            ground.taken.as_secs()
        ),
        format!(
            "{} processes started; {wrote} wrote their status, {} were killed; {unknown} told as unknown",
            entries.len(),
            entries.len() - wrote,
        ),
        format!(
            "{} calls without an answer, all while the daemon was away; {} starts among them, undone",
            lives.outages.unanswered_count(),
            not_started.len()
        ),
        format!(
            "left: {} tasks, containers, shims, mounts and FIFOs; descriptors: {before} before, \
             {after} after",
            left.len()
        ),
        format!(
            "{} left that the daemon itself lost: shims of which it removed the bundle",
            lost.len()
        ),
        format!("faults: {}", faults.len()),
    ];
    if !faults.is_empty() {
        faults.extend(circumstances(ground, &faults));
    }
    Verdict { lines, faults }
}
