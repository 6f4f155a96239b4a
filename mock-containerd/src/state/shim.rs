//! Shims that die or hang, and the daemon that restarts: what becomes of tasks.

use std::collections::BTreeMap;

use containerd_client::types::v1::{Process as Shown, Status};
use tokio::sync::watch;

use super::process::Phase;
use super::{Failure, Key, State, key, of_namespace};
use crate::Profile;
use crate::clock::GO_ZERO;
use crate::processes::Ending;

/// A shim that answers no more.
#[derive(Debug)]
pub(super) struct Hung {
    /// What exited meanwhile: it is told when the shim goes on.
    exits: Vec<(String, u32, Ending)>,
    /// Those who wait for an answer hear here that it is gone, by its end, or that it goes on.
    back: watch::Sender<bool>,
}

pub(super) type AllHung = BTreeMap<Key, Hung>;

impl State {
    /// The shim dies, and its task or sandbox with it. `false`: there is none of the two.
    pub(crate) fn kill_shim(&mut self, namespace: &str, id: &str) -> bool {
        let there = self.has_task(namespace, id);
        self.crash_shim(namespace, id);
        self.crash_sandbox(namespace, id);
        there
    }

    /// The shim stops answering. `false`: there is no such task.
    pub(crate) fn hang_shim(&mut self, namespace: &str, id: &str) -> bool {
        let place = key(namespace, id);
        if !self.tasks.contains_key(&place) {
            return false;
        }
        let hung = || Hung { exits: Vec::new(), back: watch::Sender::new(false) };
        self.hung.entry(place).or_insert_with(hung);
        true
    }

    /// The shim goes on. `false`: it did not hang.
    pub(crate) fn wake_shim(&mut self, namespace: &str, id: &str) -> bool {
        let place = key(namespace, id);
        let Some(hung) = self.hung.remove(&place) else { return false };
        for (exec, pid, ending) in hung.exits {
            self.exits(&place, &exec, pid, ending);
        }
        hung.back.send_replace(true);
        true
    }

    /// All shims of a namespace go on.
    pub(crate) fn wake_shims(&mut self, namespace: &str) {
        let ids: Vec<String> =
            of_namespace(&self.hung, namespace).map(|(id, _)| id.to_owned()).collect();
        for id in ids {
            self.wake_shim(namespace, &id);
        }
    }

    /// For a call that needs the shim's answer: what to wait for while the shim hangs. A container
    /// that is not recorded is not looked for at its shim.
    pub(crate) fn hung(&self, namespace: &str, id: &str) -> Option<watch::Receiver<bool>> {
        if self.hung.is_empty() {
            return None;
        }
        let place = key(namespace, id);
        self.containers.contains_key(&place).then_some(())?;
        self.hung.get(&place).map(|hung| hung.back.subscribe())
    }

    /// The error of a call to a shim that died over it.
    pub(crate) fn shim_closed(&self) -> Failure {
        Failure::shim(self.profile, "ttrpc: closed")
    }

    /// A task as it is shown when its shim does not answer in time.
    pub(crate) fn unanswered(id: &str) -> Shown {
        Shown {
            id: id.to_owned(),
            status: Status::Unknown.into(),
            exited_at: Some(GO_ZERO),
            ..Shown::default()
        }
    }

    /// Tasks of a namespace whose shims hang.
    pub(crate) fn all_hung(&self, namespace: &str) -> Vec<(String, watch::Receiver<bool>)> {
        let hung = of_namespace(&self.hung, namespace);
        hung.map(|(id, hung)| (id.to_owned(), hung.back.subscribe())).collect()
    }

    /// Keeps an exit for later, when its shim hangs.
    pub(super) fn exits_unseen(
        &mut self,
        place: &Key,
        exec: &str,
        pid: u32,
        ending: Ending,
    ) -> bool {
        let Some(hung) = self.hung.get_mut(place) else { return false };
        hung.exits.push((exec.to_owned(), pid, ending));
        true
    }

    /// The daemon stops and starts. `lost`: the shims died meanwhile, and nobody was there to tell.
    pub(crate) fn daemon_restarts(&mut self, lost: bool) {
        let profile = self.profile;
        self.sandboxes_after_restart(lost);
        // Streams that no transfer uses are known to the daemon alone.
        self.garbage.streams.extend(std::mem::take(&mut self.streams).into_keys());
        // A shim without a process counts as leaked from 1.7 on, and is removed.
        self.tasks.retain(|place, task| {
            let stopped = matches!(task.init.phase, Phase::Stopped(_));
            let stays = !lost && (!stopped || profile == Profile::V1_6);
            if !stays {
                task.close();
                self.hung.remove(place);
            }
            stays
        });
    }
}
