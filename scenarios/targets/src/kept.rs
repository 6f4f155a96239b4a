//! A private daemon that faults may end: it is started again, and those who ask it wait so long.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex as Locked, MutexGuard};
use std::time::Duration;

use driver_protocol::ContainerId;
use laconic_scenarios::TargetFault;
use mock_containerd::faults::{Daemon, Taking, TasksAfter};
use rustix::process::Signal;
use tokio::sync::{Mutex, RwLock, RwLockReadGuard, watch};
use tokio::time::{Instant, interval};

use crate::daemon::{DaemonError, MetricsError, PrivateDaemon, RunId};
use crate::daemon::{kill_shim, lose_tasks, signal_shim};
use crate::observer::Observer;

/// How long a daemon may take to find out that a shim is dead, and how often it is asked: that it has
/// cleared away nothing tells.
const FINDS_OUT_LIMIT: Duration = Duration::from_secs(10);
const ASK_EVERY: Duration = Duration::from_millis(10);

/// How it stands.
#[derive(Clone)]
enum Life {
    /// It serves; how this process ends.
    Serves(watch::Receiver<Option<String>>),
    /// It is being started again.
    Away,
    /// It did not come back.
    Lost(String),
}

/// What it counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Calls started, by `/service/Method`, in all its lives.
    pub(crate) started: BTreeMap<String, u64>,
    /// How often it was ended before its last life.
    pub(crate) restarts: u64,
    /// Of how many of these lives it could not be read before.
    pub(crate) unread: u64,
}

impl Told {
    fn add(&mut self, started: BTreeMap<String, u64>) {
        for (path, count) in started {
            *self.started.entry(path).or_default() += count;
        }
    }
}

pub(crate) struct KeptDaemon {
    // Taken when it is stopped.
    daemon: Mutex<Option<PrivateDaemon>>,
    socket: PathBuf,
    rootfs: PathBuf,
    run_id: RunId,
    has_criu: bool,
    life: watch::Sender<Life>,
    /// Held while the daemon is asked something: it is not ended meanwhile.
    asking: RwLock<()>,
    /// Who asks, and hears events.
    observer: Locked<Option<Arc<Observer>>>,
    earlier: Locked<Told>,
}

impl KeptDaemon {
    pub(crate) fn new(daemon: PrivateDaemon) -> Self {
        Self {
            socket: daemon.socket().to_owned(),
            rootfs: daemon.rootfs().to_owned(),
            run_id: daemon.run_id().clone(),
            has_criu: daemon.has_criu(),
            life: watch::Sender::new(Life::Serves(daemon.ending())),
            daemon: Mutex::new(Some(daemon)),
            asking: RwLock::default(),
            observer: Locked::default(),
            earlier: Locked::default(),
        }
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(crate) fn rootfs(&self) -> &Path {
        &self.rootfs
    }

    pub(crate) fn has_criu(&self) -> bool {
        self.has_criu
    }

    fn earlier(&self) -> MutexGuard<'_, Told> {
        self.earlier.lock().expect("nothing panics while it holds the counts")
    }

    /// How often it was ended so far, or is about to be.
    pub(crate) fn restarts(&self) -> u64 {
        self.earlier().restarts
    }

    /// Who is to hear its events again when it is back; `None`: nobody any more.
    pub(crate) fn heard_by(&self, observer: Option<Arc<Observer>>) {
        *self.observer.lock().expect("nothing panics while it holds the observer") = observer;
    }

    fn observer(&self) -> Option<Arc<Observer>> {
        self.observer.lock().expect("nothing panics while it holds the observer").clone()
    }

    /// Waits until it serves; it is not ended as long as what this returns is held.
    pub(crate) async fn asking(&self) -> Result<RwLockReadGuard<'_, ()>, TargetFault> {
        let mut life = self.life.subscribe();
        loop {
            let there = life.wait_for(|life| !matches!(life, Life::Away)).await;
            if let Life::Lost(why) = &*there.expect("it is told by what is asked") {
                return Err(TargetFault::Died(why.clone()));
            }
            let guard = self.asking.read().await;
            if !matches!(*self.life.borrow(), Life::Away) {
                return Ok(guard);
            }
        }
    }

    /// Done when it has died by itself, with how.
    pub(crate) async fn died(&self) -> String {
        let mut lives = self.life.subscribe();
        loop {
            let life = lives.borrow_and_update().clone();
            let mut ending = match life {
                Life::Lost(why) => return why,
                Life::Away => {
                    let _ = lives.changed().await;
                    continue;
                }
                Life::Serves(ending) => ending,
            };
            let ended = ending.wait_for(Option::is_some).await;
            let how = ended.map_or_else(|_| None, |how| how.clone());
            // Else it was ended on purpose.
            if matches!(*lives.borrow(), Life::Serves(_)) && !lives.has_changed().unwrap_or(false) {
                return how.unwrap_or_else(|| "nobody knows how".to_owned());
            }
        }
    }

    /// What it counted in all its lives.
    pub(crate) async fn told(&self) -> Result<Told, MetricsError> {
        let mut told = self.earlier().clone();
        let daemon = self.daemon.lock().await;
        told.add(daemon.as_ref().expect("it is stopped last").metrics().await?);
        Ok(told)
    }

    /// Ends it and all that came of it.
    pub(crate) async fn stop(&self) -> Result<(), DaemonError> {
        let daemon = self.daemon.lock().await.take();
        daemon.expect("it is stopped once").stop().await
    }

    async fn end_and_start(&self, tasks: TasksAfter) -> Result<(), String> {
        let _nobody_asks = self.asking.write().await;
        let mut daemon = self.daemon.lock().await;
        let Some(daemon) = daemon.as_mut() else { return Ok(()) };
        // Whatever was answered has been counted; what was given up is not known to have been.
        match daemon.metrics().await {
            Ok(counted) => self.earlier().add(counted),
            Err(_) => self.earlier().unread += 1,
        }
        daemon.kill().await;
        if tasks == TasksAfter::Lost {
            lose_tasks(&self.run_id).await;
        }
        daemon.resume().await.map_err(|error| error.to_string())?;
        if let Some(observer) = self.observer() {
            observer.listen_again().await.map_err(|fault| fault.to_string())?;
        }
        self.life.send_replace(Life::Serves(daemon.ending()));
        Ok(())
    }

    /// Until the daemon shows no task any more.
    async fn finds_out(&self, namespace: &str, id: &str) {
        let Some(observer) = self.observer() else { return };
        let (container, limit) = (ContainerId::new(id), Instant::now() + FINDS_OUT_LIMIT);
        let mut ask = interval(ASK_EVERY);
        // What is about to be restarted finds out then; and it waits for the answer that waits for this.
        while Instant::now() < limit && matches!(*self.life.borrow(), Life::Serves(_)) {
            ask.tick().await;
            let _asking = self.asking.read().await;
            if let Ok(None) = observer.task(namespace, &container).await {
                return;
            }
        }
    }
}

impl Daemon for KeptDaemon {
    fn kill_shim<'d>(&'d self, namespace: &'d str, id: &'d str) -> Taking<'d, bool> {
        Box::pin(async move {
            let killed = kill_shim(&self.run_id, namespace, id).await;
            if killed {
                self.finds_out(namespace, id).await;
            }
            killed
        })
    }

    fn hang_shim(&self, namespace: &str, id: &str) -> bool {
        signal_shim(&self.run_id, namespace, id, Signal::STOP)
    }

    fn wake_shim(&self, namespace: &str, id: &str) -> bool {
        signal_shim(&self.run_id, namespace, id, Signal::CONT)
    }

    fn restart(self: Arc<Self>, tasks: TasksAfter) -> Taking<'static, bool> {
        self.life.send_replace(Life::Away);
        self.earlier().restarts += 1;
        Box::pin(async move {
            match self.end_and_start(tasks).await {
                Ok(()) => true,
                Err(why) => {
                    let why = format!("it did not come back after it was restarted: {why}");
                    self.life.send_replace(Life::Lost(why));
                    false
                }
            }
        })
    }
}
