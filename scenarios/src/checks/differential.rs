//! One case on two servers: what it came to on the one, held against what it came to on the other.
//!
//! Numbers that are nobody's doing (pids, times, bytes of metrics) are left out. Where the model knows
//! for sure what a move meets, the answers must be the same to the code; where several things are
//! possible (something ends by itself meanwhile), each may have met another, and from then on the
//! events of that container are not compared.

use std::collections::{BTreeMap, BTreeSet};

use driver_protocol::{ContainerId, Lifecycle, Ok as Done, Outcome, Restored, TaskState};
use run_record::{Compared, TargetRef, Verdict};

use super::events::never_ran;
use super::{Freedom, Owed, shown};
use crate::Event;
use crate::model::{Certain, Forecast, Process, container_id};

/// What a case came to on one server.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Which server; none before it was asked.
    pub server: Option<TargetRef>,
    /// Each move.
    pub moves: Vec<Traced>,
    /// Processes that may have ended in more than one way.
    pub open_ends: BTreeSet<Process>,
    /// All events, in order.
    pub events: Vec<Event>,
}

/// What a move came to.
#[derive(Clone, Debug)]
pub struct Traced {
    /// Its number within the case.
    pub step: u64,
    /// What was possible.
    pub forecast: Forecast,
    /// What it met, where that is sure.
    pub certain: Option<Certain>,
    /// What the client was told.
    pub outcome: Outcome,
    /// What the observer saw of the task; `None`: nobody looked.
    pub seen: Option<Option<Lifecycle>>,
}

/// Holds a case on a server against the same case on a reference.
pub fn judge_differential(reference: &Trace, subject: &Trace) -> (Verdict, Compared) {
    let mut judge = Judge {
        reference,
        subject,
        compared: Compared::default(),
        strayed: BTreeSet::new(),
        refused: BTreeSet::new(),
    };
    let difference = judge.moves().or_else(|| judge.events());
    let verdict = match difference {
        None => Verdict::pass(CHECK),
        Some(difference) => Verdict::fail(CHECK, difference),
    };
    (verdict, judge.compared)
}

const CHECK: &str = "differential";

struct Judge<'t> {
    reference: &'t Trace,
    subject: &'t Trace,
    compared: Compared,
    /// Containers that went different ways, as they are free to.
    strayed: BTreeSet<ContainerId>,
    /// Processes that were refused, for one reason here and perhaps another there.
    refused: BTreeSet<Process>,
}

impl Judge<'_> {
    fn moves(&mut self) -> Option<String> {
        let by_step: BTreeMap<u64, &Traced> =
            self.reference.moves.iter().map(|one| (one.step, one)).collect();
        for subject in &self.subject.moves {
            // What would be awaited for ever is dropped on the one server alone, where that may differ.
            let same = |one: &&&Traced| one.forecast.play() == subject.forecast.play();
            let Some(reference) = by_step.get(&subject.step).filter(same) else { continue };
            if let Some(difference) = self.step(reference, subject) {
                return Some(difference);
            }
        }
        None
    }

    fn step(&mut self, reference: &Traced, subject: &Traced) -> Option<String> {
        self.compared.steps += 1;
        let certain = reference.certain.is_some() && reference.certain == subject.certain;
        self.compared.certain += u64::from(certain);
        let differs = !same(&reference.outcome, &subject.outcome);
        let free = match certain {
            true => {
                let both = [&reference.outcome, &subject.outcome];
                let refused = both.iter().all(|one| matches!(one, Outcome::Error(_)));
                let two_ways = |met: &Certain| met.refuses_in_two_ways(subject.forecast.play());
                reference.forecast.leaves_free(both[0], both[1])
                    || (refused && subject.certain.as_ref().is_some_and(two_ways))
            }
            false => reference.forecast.allows_both(
                &subject.forecast,
                &reference.outcome,
                &subject.outcome,
            ),
        };
        // Of a start that came too late it depends on how late it was what is told of it.
        let refused = matches!(subject.outcome, Outcome::Error(_));
        if refused && !certain {
            self.refused.extend(subject.forecast.play().process());
        }
        if !differs && reference.seen == subject.seen {
            return None;
        }
        let (step, name) = (subject.step, subject.forecast.play().name());
        if differs && !free {
            let told = |one: &Traced| shown(&one.outcome);
            return Some(self.told(
                &format!("step {step}, {name}"),
                told(reference),
                told(subject),
            ));
        }
        let possible = |one: &Traced| one.forecast.may_leave(&one.outcome, one.seen);
        if reference.seen != subject.seen && !(possible(reference) && possible(subject)) {
            let told = |one: &Traced| format!("{:?}", one.seen.flatten());
            let what = format!("step {step}, {name}: the task");
            return Some(self.told(&what, told(reference), told(subject)));
        }
        self.compared.free += 1;
        if differs && let Some(slot) = subject.forecast.play().container() {
            self.strayed.insert(container_id(slot));
        }
        None
    }

    fn told(&self, what: &str, reference: String, subject: String) -> String {
        let name = |trace: &Trace| match &trace.server {
            Some(server) => format!("{}:{}", server.kind, server.profile),
            None => "nobody".to_owned(),
        };
        let (one, other) = (name(self.reference), name(self.subject));
        format!("{what}: {one}: {reference}; {other}: {subject}")
    }

    fn events(&mut self) -> Option<String> {
        let mut processes: BTreeSet<Process> = BTreeSet::new();
        for event in self.reference.events.iter().chain(&self.subject.events) {
            processes.insert((event.container.clone(), event.exec.clone()));
        }
        processes.retain(|process| {
            !self.strayed.contains(&process.0) && !self.refused.contains(process)
        });
        for process in &processes {
            let mut told =
                [self.reference, self.subject].map(|trace| self.events_of(trace, process));
            self.compared.events += told[1].len() as u64;
            if told[0] == told[1] {
                continue;
            }
            self.forgive(process, &mut told);
            if told[0] != told[1] {
                let (container, exec) = process;
                let of = exec.as_ref().map_or_else(String::new, |exec| format!("exec {exec} of "));
                let [one, other] = told.map(|events| events.join(", "));
                return Some(self.told(&format!("events of {of}{container}"), one, other));
            }
            self.compared.free += 1;
        }
        None
    }

    fn events_of(&self, trace: &Trace, process: &Process) -> Vec<String> {
        let open = [self.reference, self.subject].iter().any(|one| one.open_ends.contains(process));
        let of = trace.events.iter();
        let of = of.filter(|event| event.container == process.0 && event.exec == process.1);
        of.map(|event| match event.status {
            Some(status) if !open => format!("{} {status}", event.topic),
            _ => event.topic.clone(),
        })
        .collect()
    }

    /// What the reference is free to lose is not held against who did not.
    fn forgive(&self, process: &Process, told: &mut [Vec<String>; 2]) {
        let Some(server) = &self.reference.server else { return };
        let (container, exec) = process;
        let ended = |one: &&Traced| {
            let of = one.forecast.play().container().map(container_id);
            of.as_ref() == Some(container) && never_ran(&one.outcome)
        };
        let never_ran = self.reference.moves.iter().any(|one| ended(&one));
        let may_be_lost = |told: &String| {
            let mut topics = TOPICS.iter().filter(|topic| told.starts_with(**topic));
            topics.any(|topic| {
                let (container, exec) = (container.clone(), exec.clone());
                Freedom::with(server, &Owed { topic, container, exec, never_ran }).is_some()
            })
        };
        for events in told {
            events.retain(|told| !may_be_lost(told));
        }
    }
}

/// Topics that a server may be free to lose.
const TOPICS: [&str; 2] = ["/tasks/exit", "/tasks/delete"];

/// Whether two outcomes are one, but for what is a number of nobody's.
fn same(one: &Outcome, two: &Outcome) -> bool {
    let [one, two] = [one, two].map(comparable);
    match (one, two) {
        // Who was refused here by what the client had heard may be refused there by the server.
        (Outcome::Error(one), Outcome::Error(two)) if one.code.is_none() || two.code.is_none() => {
            one.kind == two.kind
        }
        (one, two) => one == two,
    }
}

/// An outcome without what is a number of nobody's.
fn comparable(outcome: &Outcome) -> Outcome {
    let mut outcome = outcome.clone();
    match &mut outcome {
        Outcome::Error(refusal) => refusal.message.clear(),
        Outcome::Ok(done) => plain(done),
    }
    outcome
}

fn plain(done: &mut Done) {
    let task = |task: &mut Option<TaskState>| task.iter_mut().for_each(|task| task.pid = 0);
    match done {
        Done::Load(found) => task(&mut found.task),
        Done::Restore { containers } => {
            containers.iter_mut().for_each(|one: &mut Restored| task(&mut one.task));
        }
        Done::CreateTask(started)
        | Done::StartTask(started)
        | Done::Start(started)
        | Done::Exec(started) => started.pid = 0,
        Done::Wait(waited) | Done::ExecWait(waited) => waited.exited.at_ns = None,
        Done::ExitStatus(exited)
        | Done::DeleteTask(exited)
        | Done::DeleteExec(exited)
        | Done::ForceDelete(exited) => exited.at_ns = None,
        Done::Status(task) => task.pid = 0,
        Done::Pids { pids } => {
            // A shell has children for a moment.
            pids.truncate(1);
            pids.fill(0);
        }
        Done::Stats(stats) => stats.bytes = 0,
        _ => {}
    }
}

#[cfg(test)]
mod tests;
