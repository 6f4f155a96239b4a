//! What this client has of a process: whether a handle was given out, and its ends of the streams.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use containerd_client::types::v1::Process as Shown;
use tokio::runtime::Handle as Runtime;
use tokio::task::AbortHandle;

use super::folder::Folder;
use super::{FifoPaths, Input, Made, Output};
use crate::registry::Incarnation;

/// Kept with the incarnation and not in handles, so that a handle can be dropped and had again.
#[derive(Debug, Default)]
pub(crate) struct Hold(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    given: bool,
    tie: Weak<Tie>,
    /// The streams are, or were, open here.
    open: bool,
    input: Option<Arc<Input>>,
    stdin_untaken: bool,
    /// Those that nobody has taken, nor reads to drop it.
    outputs: [Option<OwnedFd>; 2],
    drains: Vec<AbortHandle>,
    told: Option<FifoPaths>,
    folder: Option<Folder>,
    ended: bool,
}

/// What of the streams can be taken.
#[derive(Debug, Default)]
pub(super) struct Untaken {
    pub(super) input: Option<Arc<Input>>,
    pub(super) outputs: [Option<OwnedFd>; 2],
}

/// All handles of a process hold it: with the last one goes whoever might take its streams.
#[derive(Debug)]
pub(crate) struct Tie {
    of: Weak<Incarnation>,
    runtime: Runtime,
}

impl Drop for Tie {
    fn drop(&mut self) {
        if let Some(of) = self.of.upgrade() {
            of.hold.drain(&of, &self.runtime);
        }
    }
}

impl Hold {
    // Never held over an await, and nothing else is locked under it.
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().expect("nothing panics while it holds the streams")
    }

    /// Whether this client has given out a handle.
    pub(crate) fn is_given(&self) -> bool {
        self.held().given
    }

    /// As if a handle had been given out.
    #[cfg(test)]
    pub(crate) fn be_given(&self) {
        self.held().given = true;
    }

    /// A handle is given out.
    pub(crate) fn give(&self, of: &Arc<Incarnation>, runtime: &Runtime) -> Arc<Tie> {
        let mut held = self.held();
        held.given = true;
        held.tie.upgrade().unwrap_or_else(|| {
            let tie = Arc::new(Tie { of: Arc::downgrade(of), runtime: runtime.clone() });
            held.tie = Arc::downgrade(&tie);
            tie
        })
    }

    /// The process exists, with these streams.
    pub(crate) fn open(&self, made: Made) {
        let Made { input, outputs, folder } = made;
        let mut held = self.held();
        held.open = true;
        held.stdin_untaken = input.is_some();
        held.input = input;
        held.outputs = outputs;
        if let Some(folder) = folder {
            held.folder = Some(folder.keep());
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.held().open
    }

    pub(crate) fn input(&self) -> Option<Arc<Input>> {
        self.held().input.clone()
    }

    /// The server tells where its streams are.
    pub(crate) fn tell(&self, process: &Shown) {
        let mut held = self.held();
        if held.open || held.told.is_some() {
            return;
        }
        let told = FifoPaths::shown(process);
        held.folder = Folder::of(&told);
        held.told = Some(told);
    }

    /// Where the server has told that they are.
    pub(super) fn told(&self) -> Option<FifoPaths> {
        self.held().told.clone()
    }

    /// Whether there is output to be taken.
    pub(super) fn has_output(&self) -> bool {
        self.held().outputs.iter().any(Option::is_some)
    }

    pub(super) fn take(&self) -> Untaken {
        let mut held = self.held();
        let input = held.input.clone().filter(|_| held.stdin_untaken);
        held.stdin_untaken = false;
        Untaken { input, outputs: std::mem::take(&mut held.outputs) }
    }

    /// What was taken is not wanted, and is there to be taken again.
    pub(super) fn give_back(&self, fifo: OwnedFd, place: usize) {
        let mut held = self.held();
        if !held.ended {
            held.outputs[place] = Some(fifo);
        }
    }

    /// What nobody has taken is read and dropped from now on: the process must not block for a
    /// reader that never comes.
    pub(crate) fn drain(&self, of: &Arc<Incarnation>, runtime: &Runtime) {
        let _inside = runtime.enter();
        let outputs = std::mem::take(&mut self.held().outputs);
        for (place, fifo) in outputs.into_iter().enumerate() {
            // One that cannot be read is as good as one that was taken and dropped.
            let Some(Ok(output)) = fifo.map(|fifo| Output::new(fifo, of, place)) else { continue };
            self.drain_rest(output, runtime);
        }
    }

    /// So is what is left of this.
    pub(super) fn drain_rest(&self, output: Output, runtime: &Runtime) {
        self.held().drains.push(runtime.spawn(output.drain()).abort_handle());
    }

    /// The process is no more: nothing stays but what was taken.
    pub(crate) fn end(&self) {
        let mut held = self.held();
        held.ended = true;
        held.outputs = [None, None];
        held.drains.drain(..).for_each(|drain| drain.abort());
        if let Some(input) = &held.input {
            input.end();
        }
        if let Some(folder) = held.folder.take() {
            folder.remove();
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.drains.iter().for_each(AbortHandle::abort);
    }
}
