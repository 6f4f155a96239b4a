//! The parts of an operation: what each of them may be answered, and what it leaves.

use driver_protocol::{ErrorKind, ExitStatus, Lifecycle, Outcome};

use super::history::Act;
use super::meanwhile::Meanwhile;
use super::spot::Spot;
use crate::model::answer::{ABSENT, Answer, NO_BINARY, TAKEN, WRONG_STATE};
use crate::model::rules::{self, State};
use crate::model::state::{Container, Exec, Phase, Task};
use crate::model::{KILL, Move, Program};

/// The bundle of another one stands there: containerd 2.1 has no code for that.
const FOLDER_EXISTS: Answer = Answer::Refused(&[ErrorKind::Unknown]);

/// The shim that was asked has gone with its task, or runc finds nothing any more, or the pipes of what was
/// to be started went with it.
const SHIM_GONE: Answer = Answer::Refused(&[
    ErrorKind::Unavailable,
    ErrorKind::Unknown,
    ErrorKind::FailedPrecondition,
    ErrorKind::NotFound,
    ErrorKind::Internal,
]);

/// The same, of a call that was under way.
pub(super) const NOBODY_ANSWERS: Answer = Answer::Refused(&[ErrorKind::Unavailable]);

/// What is taken as well, when no order is found without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Loose {
    /// A record may be deleted under a task.
    pub(super) deleted: bool,
    /// What went wrong may be the reason.
    pub(super) faults: bool,
}

/// How far an operation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Stage {
    /// A start has made the task.
    Made,
    /// Its starting was refused: what was made before is removed, if it is still there.
    Undoing,
    /// A task that never ran is being deleted: it is shown as stopped until it is gone.
    Removing,
    /// An exec is registered.
    Registered,
    /// A forced deletion has sent its signal.
    Struck,
    /// A deletion has found no task.
    Looked,
}

/// What may come of the next part: how far the operation is then, `None` that it is answered as it was,
/// and where the container is.
pub(super) type Next = (Option<Stage>, Spot);

struct Now<'n> {
    act: &'n Act,
    spot: &'n Spot,
    meanwhile: Meanwhile,
}

/// What may come next of an operation, at one place.
pub(super) fn next(
    (act, meanwhile): (&Act, Meanwhile),
    stage: Option<Stage>,
    spot: &Spot,
    loose: Loose,
) -> Vec<Next> {
    if spot.adrift {
        return vec![(None, spot.clone())];
    }
    let now = Now { act, spot, meanwhile };
    let mut next = now.cut_off();
    next.extend(now.parts(stage, loose.deleted));
    if meanwhile.astray && now.knows_nothing() {
        next.push((None, spot.clone()));
    }
    if act.excused && loose.faults {
        // It came to nothing, to something or to half of it; or what was told is old.
        next.push((None, spot.clone()));
        next.push((None, Spot::adrift()));
    }
    next
}

impl Now<'_> {
    fn parts(&self, stage: Option<Stage>, loose: bool) -> Vec<Next> {
        match (&self.act.play, stage) {
            (Move::Start { c }, None) => self.make(*c),
            (Move::Start { c }, Some(Stage::Made)) => self.start(*c),
            (Move::Start { .. }, Some(Stage::Undoing)) => self.undo(),
            (Move::Exec { e, .. }, None) => self.register(*e),
            (Move::Exec { e, process, .. }, Some(Stage::Registered)) => {
                self.start_exec(*e, *process)
            }
            (Move::Exec { e, .. }, Some(_)) => vec![(None, self.spot.unregistered(*e))],
            (Move::ForceDelete { c }, None) => self.strike(*c),
            (Move::ForceDelete { c }, Some(Stage::Struck)) => self.remove(*c),
            (Move::DeleteTask { c }, None) => self.remove_unforced(*c),
            (_, Some(Stage::Removing)) => self.removed(),
            (Move::Delete { .. }, None) => self.look(loose),
            (Move::Delete { .. }, Some(_)) => self.delete(loose),
            (Move::CreateTask { .. }, _) => [self.at_once(&self.act.play), self.taken()].concat(),
            (play, _) => self.at_once(play),
        }
    }

    fn outcome(&self) -> &Outcome {
        &self.act.outcome
    }

    /// What the rules answer here, as far as it was answered so.
    fn fitting(&self, play: &Move) -> Vec<Next> {
        let answers = rules::answers(play, &self.spot.state).into_iter();
        answers
            .filter(|(answer, _)| answer.is(self.outcome()))
            .map(|(_, left)| (None, self.spot.with(left)))
            .collect()
    }

    /// Ended by a refusal that changes nothing.
    fn refused(&self, answers: &[Answer]) -> Vec<Next> {
        let so = answers.iter().any(|answer| answer.is(self.outcome()));
        so.then(|| (None, self.spot.clone())).into_iter().collect()
    }

    /// It came to nothing, or to a state that nobody can tell: an exec that was registered has gone with its
    /// task.
    fn cut_off(&self) -> Vec<Next> {
        let unknown = Answer::State(Some(Lifecycle::Unknown)).is(self.outcome());
        if !self.meanwhile.removed || !(unknown || SHIM_GONE.is(self.outcome())) {
            return Vec::new();
        }
        let exec = self.act.play.exec();
        vec![(None, exec.map_or_else(|| self.spot.clone(), |exec| self.spot.unregistered(exec)))]
    }

    /// Answered by a client that has not heard of what it is asked about.
    fn knows_nothing(&self) -> bool {
        let unknown = |done: &driver_protocol::Ok| {
            done.exited().is_some_and(|exited| exited.status == ExitStatus::Unknown)
        };
        match self.outcome() {
            Outcome::Error(_) => ABSENT.is(self.outcome()),
            Outcome::Ok(done) => unknown(done),
        }
    }

    fn task(&self) -> Option<&Task> {
        self.spot.state.as_ref()?.task.as_ref()
    }

    fn at_once(&self, play: &Move) -> Vec<Next> {
        let added = play.exec().filter(|exec| self.spot.added.contains(exec));
        let Some(exec) = added else { return self.fitting(play) };
        let mut next = self.refused(&[ABSENT, WRONG_STATE]);
        let taken = matches!(play, Move::ExecCloseStdin { .. } | Move::ExecResize { .. });
        if taken && Answer::Ok.is(self.outcome()) {
            next.push((None, self.spot.clone()));
        }
        if let (Move::DeleteExec { .. }, Outcome::Ok(_)) = (play, self.outcome()) {
            next.push((None, self.spot.unregistered(exec)));
        }
        next
    }

    fn make(&self, c: u8) -> Vec<Next> {
        let answers = rules::answers(&Move::CreateTask { c }, &self.spot.state).into_iter();
        let made = answers.filter_map(|(answer, left)| match answer {
            Answer::Ok => Some((Some(Stage::Made), self.spot.with(left))),
            refused => refused.is(self.outcome()).then(|| (None, self.spot.with(left))),
        });
        made.chain(self.taken()).collect()
    }

    /// While a task is made or removed, its id is taken.
    fn taken(&self) -> Vec<Next> {
        if self.meanwhile.contested { self.refused(&[TAKEN, FOLDER_EXISTS]) } else { Vec::new() }
    }

    fn start(&self, c: u8) -> Vec<Next> {
        let answers = rules::answers(&Move::StartTask { c }, &self.spot.state).into_iter();
        answers
            .filter(|(answer, _)| answer.is(self.outcome()))
            .map(|(answer, left)| match answer {
                Answer::Ok => (None, self.spot.with(left)),
                _ => (Some(Stage::Undoing), self.spot.with(left)),
            })
            .collect()
    }

    /// Only its own: a client that knows that another task has come leaves it alone.
    fn undo(&self) -> Vec<Next> {
        let mut next = vec![(None, self.spot.clone())];
        next.extend(self.removing());
        next
    }

    /// What is there is on its way out, and its execs with it.
    fn removing(&self) -> Option<Next> {
        let container = self.spot.state.as_ref().filter(|one| one.task.is_some())?;
        let stopped = container.with(|task| match task.phase {
            Phase::Stopped(_) => {}
            _ => *task = task.stop(128 + KILL),
        });
        Some((Some(Stage::Removing), self.spot.with(Some(stopped))))
    }

    /// It is gone: by this, and by no other, where it was answered that it is.
    fn removed(&self) -> Vec<Next> {
        if self.task().is_none() && matches!(self.outcome(), Outcome::Ok(_)) {
            return Vec::new();
        }
        let left = self.spot.state.as_ref().map(|container| match container.task {
            // How it ended is told as one likes: it never ran.
            Some(_) => Container { free: true, last: None, ..container.without_task() },
            None => container.clone(),
        });
        vec![(None, self.spot.with(left))]
    }

    fn register(&self, e: u8) -> Vec<Next> {
        let Some(task) = self.task() else { return self.fitting(&self.act.play) };
        match task.phase {
            _ if self.spot.added.contains(&e) => {
                let mut next = self.fitting(&self.act.play);
                next.retain(|_| matches!(self.outcome(), Outcome::Error(_)));
                next.extend(self.refused(&[TAKEN]));
                next
            }
            Phase::Created | Phase::Running if !task.execs.contains_key(&e) => {
                let mut registered = self.spot.clone();
                registered.added.insert(e);
                vec![(Some(Stage::Registered), registered)]
            }
            // The shim reserves the id before it looks at the state.
            _ if self.meanwhile.registering => {
                [self.fitting(&self.act.play), self.refused(&[TAKEN])].concat()
            }
            _ => self.fitting(&self.act.play),
        }
    }

    fn start_exec(&self, e: u8, process: Program) -> Vec<Next> {
        let refused = |answers: &[Answer]| -> Vec<Next> {
            let so = answers.iter().any(|answer| answer.is(self.outcome()));
            so.then(|| (Some(Stage::Undoing), self.spot.clone())).into_iter().collect()
        };
        let registered = self.spot.added.contains(&e);
        let Some(task) = self.task().filter(|_| registered) else {
            return refused(&[ABSENT, WRONG_STATE, NO_BINARY]);
        };
        if let Phase::Paused | Phase::Stopped(_) = task.phase {
            return refused(&[WRONG_STATE, NO_BINARY]);
        }
        let first = self.spot.state.as_ref().and_then(|container| container.program.ends_with());
        let ends = task.doom.is_some() || first.is_some();
        // It may be killed with its task before it is looked for.
        if process == Program::IsMissing && !(ends && Answer::Ok.is(self.outcome())) {
            return refused(&[NO_BINARY]);
        }
        let mut next = Vec::new();
        if self.meanwhile.frozen {
            next.extend(refused(&[WRONG_STATE]));
        }
        if ends {
            next.extend(refused(&[WRONG_STATE, NO_BINARY]));
        }
        // Whose end was told by now never comes to run.
        if Answer::Ok.is(self.outcome()) && !self.spot.told.contains(&Some(e)) {
            let mut started = self.spot.with(self.with_exec(e, process));
            started.added.remove(&e);
            next.push((None, started));
        }
        next
    }

    fn with_exec(&self, e: u8, process: Program) -> State {
        let container = self.spot.state.as_ref()?;
        let mut started = container.with(|task| {
            task.execs.insert(e, Exec { program: process, exited: None, doom: None, held: true });
        });
        started.past.remove(&e);
        Some(started)
    }

    fn strike(&self, c: u8) -> Vec<Next> {
        let kill = Move::Kill { c, signal: KILL };
        if self.task().is_none() {
            return self.remove(c);
        }
        let answers = rules::answers(&kill, &self.spot.state).into_iter();
        answers.map(|(_, left)| (Some(Stage::Struck), self.spot.with(left))).collect()
    }

    fn remove_unforced(&self, c: u8) -> Vec<Next> {
        let mut next = self.fitting(&Move::DeleteTask { c });
        let never_ran = self.task().is_some_and(|task| task.phase == Phase::Created);
        // Its shim may have gone before it said so, where another asked it for the same.
        let unanswered = self.meanwhile.contested && NOBODY_ANSWERS.is(self.outcome());
        if never_ran && (unanswered || matches!(self.outcome(), Outcome::Ok(_))) {
            next.extend(self.removing());
        } else if unanswered {
            next.extend(self.gone());
        }
        if self.meanwhile.contested {
            next.extend(self.refused(&[ABSENT]));
        }
        next
    }

    fn gone(&self) -> Option<Next> {
        let container = self.spot.state.as_ref()?;
        let stopped = matches!(self.task()?.phase, Phase::Stopped(_));
        stopped.then(|| (None, self.spot.with(Some(container.without_task()))))
    }

    /// How it ended the client may know though another has deleted it.
    fn remove(&self, c: u8) -> Vec<Next> {
        let mut next = self.remove_unforced(c);
        if self.task().is_none() {
            next.extend(self.fitting(&Move::Wait { c }));
        }
        next
    }

    fn look(&self, loose: bool) -> Vec<Next> {
        let looked = (Some(Stage::Looked), self.spot.clone());
        match &self.spot.state {
            None => self.refused(&[ABSENT]),
            Some(container) if container.task.is_some() => {
                let mut next = self.refused(&[WRONG_STATE]);
                // What it takes for there it has learned before.
                next.extend(loose.then_some(looked));
                next
            }
            Some(_) => vec![looked],
        }
    }

    fn delete(&self, loose: bool) -> Vec<Next> {
        let done = matches!(self.outcome(), Outcome::Ok(_));
        match &self.spot.state {
            None => self.refused(&[ABSENT]),
            Some(container) if container.task.is_none() => {
                done.then(|| (None, Spot::default())).into_iter().collect()
            }
            Some(_) => (done && loose).then(|| (None, Spot::adrift())).into_iter().collect(),
        }
    }
}
