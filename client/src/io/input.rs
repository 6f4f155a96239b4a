//! A process's standard input: our end of it, and whether the server was told to close its own.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::task::Waker;

use tokio::net::unix::pipe;

/// What is known of the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// This client has not asked for it.
    Elsewhere,
    /// Asked for; no reply yet.
    Asked,
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Close {
    Open,
    /// To be told to the server once the process is started.
    Wanted,
    Told,
}

/// Shared by whoever writes and whoever closes.
#[derive(Debug)]
pub(crate) struct Input {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) fifo: Option<pipe::Sender>,
    pub(super) writer: Option<Waker>,
    /// The shim's reader has met a writer of ours.
    pub(super) was_open: bool,
    start: Start,
    close: Close,
}

impl State {
    pub(super) fn is_closed(&self) -> bool {
        self.close != Close::Open
    }
}

impl Input {
    pub(super) fn at(path: PathBuf) -> Self {
        let (start, close) = (Start::Elsewhere, Close::Open);
        let (fifo, writer, was_open) = (None, None, false);
        Self { path, state: Mutex::new(State { fifo, writer, was_open, start, close }) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds an input's state")
    }

    pub(super) fn was_open(&self) -> bool {
        self.state().was_open
    }

    /// A start is asked for.
    pub(crate) fn starting(&self) -> Starting<'_> {
        self.state().start = Start::Asked;
        Starting(self)
    }

    /// Closes our end. `Some`: the server is to be told now, by whoever asked; not before the reply
    /// to the start, and not twice. `runs`: whether it was started, as far as that is known.
    pub(crate) fn close(&self, runs: bool) -> Option<Telling<'_>> {
        let mut state = self.state();
        state.fifo = None;
        if let Some(writer) = state.writer.take() {
            writer.wake();
        }
        let started = match state.start {
            Start::Elsewhere => runs,
            Start::Asked => false,
            Start::Done => true,
        };
        let first = state.close != Close::Told;
        state.close = if started || !first { Close::Told } else { Close::Wanted };
        (started && first).then(|| Telling { input: self, done: false })
    }

    /// It is of no use any more: there is nobody to tell.
    pub(crate) fn end(&self) {
        self.state().close = Close::Told;
        self.close(true);
    }
}

/// A start that goes on. Dropped: it failed, or nobody waits for it.
#[derive(Debug)]
pub(crate) struct Starting<'i>(&'i Input);

impl Starting<'_> {
    /// `true`: the input was closed before, and the server is to be told now.
    pub(crate) fn done(self) -> bool {
        let mut state = self.0.state();
        state.start = Start::Done;
        state.close == Close::Wanted
    }
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if state.start == Start::Asked {
            state.start = Start::Elsewhere;
        }
    }
}

/// The server is being told. Dropped before that is done, it may be told again.
#[derive(Debug)]
pub(crate) struct Telling<'i> {
    input: &'i Input,
    done: bool,
}

impl Telling<'_> {
    pub(crate) fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.input.state().close = Close::Wanted;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input() -> Input {
        Input::at("/nowhere".into())
    }

    #[test]
    fn the_server_is_told_once() {
        let input = input();
        input.close(true).unwrap().done();
        assert!(input.close(true).is_none());
    }

    #[test]
    fn what_is_closed_before_the_reply_to_the_start_is_told_after_it() {
        for early in [true, false] {
            let input = input();
            if early {
                assert!(input.close(false).is_none());
            }
            let starting = input.starting();
            // An event may tell of the start before the reply does.
            assert!(input.close(true).is_none());
            assert!(starting.done());
            input.close(true).unwrap().done();
            assert!(input.close(true).is_none());
        }
    }

    #[test]
    fn nothing_is_told_of_a_start_that_failed_until_another_succeeds() {
        let input = input();
        drop(input.starting());
        assert!(input.close(false).is_none());
        assert!(input.starting().done());
    }

    #[test]
    fn what_could_not_be_told_may_be_told_again() {
        let input = input();
        drop(input.close(true).unwrap());
        assert!(input.close(true).is_some());
    }
}
