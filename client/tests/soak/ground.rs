//! A private containerd, the client, and who kills the one under the other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laconic_client::{Client, Connection, ExitNews};
use laconic_targets::daemon::PrivateDaemon;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::ends::Said;
use crate::left::descriptors;
use crate::lives::{Lives, LivesShared};
use crate::outages::Outage;
use crate::private;

/// How long the client may take to be whole again once the daemon is back.
const BACK_LIMIT: Duration = Duration::from_secs(60);
const WORKERS: u64 = 4;
const BEFORE_KILL_MS_MAX: u64 = 300;
const DOWN_MS_MAX: u64 = 600;

/// How much is played, and where.
#[derive(Clone, Debug)]
pub(crate) struct Size {
    pub(crate) version: String,
    pub(crate) lives: u64,
    pub(crate) kills: u64,
    pub(crate) seed: u64,
}

impl Size {
    /// By the environment (`ci/full soak` sets it); else a sample.
    pub(crate) fn asked_for() -> Self {
        let number = |name: &str, usual: u64| match std::env::var(name) {
            Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text}")),
            Err(_) => usual,
        };
        Self {
            version: std::env::var("SOAK_VERSION").unwrap_or_else(|_| "1.6".to_owned()),
            lives: number("SOAK_LIFECYCLES", 60),
            kills: number("SOAK_KILLS", 2),
            seed: number("SOAK_SEED", 1),
        }
    }
}

pub(crate) struct Ground {
    daemon: PrivateDaemon,
    pub(crate) io_root: TempDir,
    pub(crate) lives: Lives,
    pub(crate) news: watch::Receiver<Vec<ExitNews>>,
    hearing: JoinHandle<()>,
    pub(crate) descriptors_before: usize,
    pub(crate) taken: Duration,
}

impl Ground {
    pub(crate) async fn open(size: &Size) -> Option<Self> {
        let daemon = private::daemon("the soak", &size.version).await?;
        let io_root = tempfile::tempdir().unwrap();
        let namespace = format!("laconic-{}-soak", daemon.run_id().as_str());
        let builder = Client::builder(&namespace).io_root(io_root.path());
        let client = builder.connect(daemon.socket()).await.unwrap();
        let rootfs = daemon.rootfs().to_owned();
        let lives = Arc::new(LivesShared {
            client: client.clone(),
            namespace,
            rootfs,
            said: Said::new(),
            seed: size.seed,
            outages: Default::default(),
            books: Mutex::default(),
        });
        let (told, news) = watch::channel(Vec::new());
        let hearing = tokio::spawn(async move {
            loop {
                let next = client.next_exit().await;
                told.send_modify(|news| news.push(next));
            }
        });
        let descriptors_before = descriptors();
        let taken = Duration::ZERO;
        Some(Self { daemon, io_root, lives, news, hearing, descriptors_before, taken })
    }

    pub(crate) fn daemon(&self) -> &PrivateDaemon {
        &self.daemon
    }

    /// All lives, with the kills spread over them.
    pub(crate) async fn play(&mut self, size: &Size) {
        let begun = Instant::now();
        let next = Arc::new(AtomicU64::new(0));
        let (done, mut progress) = watch::channel(0);
        let mut workers = JoinSet::new();
        for _ in 0..WORKERS {
            let (lives, next, done) = (self.lives.clone(), next.clone(), done.clone());
            let count = size.lives;
            workers.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    lives.live(number).await;
                    done.send_modify(|done| *done += 1);
                }
            });
        }
        drop(done);
        let mut random = fastrand::Rng::with_seed(size.seed);
        for kill in 1..=size.kills {
            let due = size.lives * kill / (size.kills + 1);
            // It ends with the last worker.
            if progress.wait_for(|done| *done >= due).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(random.u64(..BEFORE_KILL_MS_MAX))).await;
            self.kill_and_resume(Duration::from_millis(random.u64(..DOWN_MS_MAX))).await;
        }
        while let Some(ended) = workers.join_next().await {
            ended.unwrap();
        }
        self.taken = begun.elapsed();
    }

    async fn kill_and_resume(&mut self, down: Duration) {
        let mut connection = self.lives.client.connection();
        let Connection::Live { resyncs } = *connection.borrow_and_update() else {
            panic!("the client was not whole before the daemon was killed");
        };
        let killed_ns = self.lives.said.now_ns();
        self.daemon.kill().await;
        tokio::time::sleep(down).await;
        self.daemon.resume().await.unwrap();
        let up_ns = self.lives.said.now_ns();
        let back =
            |now: &Connection| matches!(now, Connection::Live { resyncs: now } if *now > resyncs);
        let back = tokio::time::timeout(BACK_LIMIT, connection.wait_for(back)).await;
        let late =
            || panic!("the client was not whole within {BACK_LIMIT:?} of the daemon's start");
        back.unwrap_or_else(|_| late()).unwrap();
        let live_ns = self.lives.said.now_ns();
        self.lives.outages.add(Outage { killed_ns, up_ns, live_ns });
    }

    pub(crate) async fn leave(self) {
        self.hearing.abort();
        drop(self.lives);
        self.daemon.stop().await.unwrap();
    }
}
