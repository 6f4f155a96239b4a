//! Who is waiting for which answer, and what has gone wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use driver_protocol::{DriverFault, Notice, Outcome, RequestId};
use tokio::sync::{mpsc, oneshot};

pub(super) type Answer = Result<Outcome, DriverFault>;

/// An open request.
#[derive(Debug)]
struct Asked {
    operation: &'static str,
    /// `None`: whoever asked has gone; the answer is still owed.
    asker: Option<oneshot::Sender<Answer>>,
}

/// The state of a conversation. Rules only: it neither reads nor writes.
#[derive(Debug)]
pub(super) struct Talk {
    state: Mutex<State>,
    notices: mpsc::UnboundedSender<Notice>,
}

#[derive(Debug, Default)]
struct State {
    open: BTreeMap<RequestId, Asked>,
    answered: BTreeSet<RequestId>,
    fault: Option<DriverFault>,
}

impl Talk {
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Notice>) {
        let (notices, told) = mpsc::unbounded_channel();
        (Self { state: Mutex::default(), notices }, told)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it looks a request up")
    }

    pub(super) fn fault(&self) -> Option<DriverFault> {
        self.state().fault.clone()
    }

    /// Opens a request.
    pub(super) fn ask(
        &self,
        id: RequestId,
        operation: &'static str,
    ) -> Result<oneshot::Receiver<Answer>, DriverFault> {
        let mut state = self.state();
        if let Some(fault) = &state.fault {
            return Err(fault.clone());
        }
        let (asker, answer) = oneshot::channel();
        state.open.insert(id, Asked { operation, asker: Some(asker) });
        Ok(answer)
    }

    /// Nobody waits for this one any more. Whether it is still open.
    pub(super) fn give_up(&self, id: RequestId) -> bool {
        let mut state = self.state();
        let open = state.open.get_mut(&id);
        open.map(|asked| asked.asker = None).is_some()
    }

    /// An outcome has come.
    pub(super) fn answer(&self, id: RequestId, outcome: Outcome) -> Result<(), DriverFault> {
        let mut state = self.state();
        let Some(asked) = state.open.remove(&id) else {
            let ids: Vec<String> = state.open.keys().map(|id| id.0.to_string()).collect();
            let got = match state.answered.contains(&id) {
                true => format!("a second outcome for the request {}", id.0),
                false => format!("an outcome for {}, which was not asked", id.0),
            };
            let expected = match ids.as_slice() {
                [] => "no outcome: nothing is open".to_owned(),
                ids => format!("the outcome of an open request ({})", ids.join(", ")),
            };
            return Err(DriverFault::Protocol { expected, got });
        };
        state.answered.insert(id);
        if let Outcome::Ok(ok) = &outcome
            && ok.operation() != asked.operation
        {
            return Err(DriverFault::Protocol {
                expected: format!("the outcome of {} for the request {}", asked.operation, id.0),
                got: format!("one of {}", ok.operation()),
            });
        }
        if let Some(asker) = asked.asker {
            // Whoever gave up in this moment does not want to know.
            let _ = asker.send(Ok(outcome));
        }
        Ok(())
    }

    pub(super) fn notice(&self, notice: Notice) {
        // The driver's handle holds the other end; without it, nobody wants to know.
        let _ = self.notices.send(notice);
    }

    /// From now on there are no answers.
    pub(super) fn fail(&self, fault: &DriverFault) {
        let mut state = self.state();
        state.fault.get_or_insert_with(|| fault.clone());
        for (_, asked) in std::mem::take(&mut state.open) {
            if let Some(asker) = asked.asker {
                let _ = asker.send(Err(fault.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver_protocol::Ok as Done;

    fn got(fault: DriverFault) -> String {
        fault.to_string()
    }

    #[test]
    fn an_answer_reaches_whoever_asked() {
        let (talk, _) = Talk::new();
        let mut answer = talk.ask(RequestId(1), "pause").unwrap();
        talk.answer(RequestId(1), Outcome::Ok(Done::Pause {})).unwrap();
        assert_eq!(answer.try_recv().unwrap(), Ok(Outcome::Ok(Done::Pause {})));
    }

    #[test]
    fn unknown_and_repeated_ids_are_told_apart() {
        let (talk, _) = Talk::new();
        let _first = talk.ask(RequestId(1), "pause").unwrap();
        let _second = talk.ask(RequestId(2), "pause").unwrap();
        let unknown = talk.answer(RequestId(9), Outcome::Ok(Done::Pause {})).unwrap_err();
        assert!(got(unknown).contains("open request (1, 2), got an outcome for 9, which was not"));
        talk.answer(RequestId(1), Outcome::Ok(Done::Pause {})).unwrap();
        let again = talk.answer(RequestId(1), Outcome::Ok(Done::Pause {})).unwrap_err();
        assert!(got(again).contains("got a second outcome for the request 1"));
    }

    #[test]
    fn an_outcome_of_another_operation_is_a_fault() {
        let (talk, _) = Talk::new();
        let _answer = talk.ask(RequestId(1), "pause").unwrap();
        let wrong = talk.answer(RequestId(1), Outcome::Ok(Done::Resume {})).unwrap_err();
        assert!(got(wrong).contains("expected the outcome of pause"));
    }

    #[test]
    fn a_request_that_was_given_up_may_still_be_answered() {
        let (talk, _) = Talk::new();
        drop(talk.ask(RequestId(1), "wait").unwrap());
        assert!(talk.give_up(RequestId(1)));
        talk.answer(RequestId(1), Outcome::Ok(Done::Pause {})).unwrap_err();
        assert!(!talk.give_up(RequestId(1)));
    }

    #[test]
    fn after_a_fault_every_request_gets_it() {
        let (talk, _) = Talk::new();
        let mut open = talk.ask(RequestId(1), "wait").unwrap();
        let fault = DriverFault::Gone { cause: "exit status: 1".to_owned() };
        talk.fail(&fault);
        assert_eq!(open.try_recv().unwrap(), Err(fault.clone()));
        assert_eq!(talk.ask(RequestId(2), "wait").unwrap_err(), fault);
    }
}
