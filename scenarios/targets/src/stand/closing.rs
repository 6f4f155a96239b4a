//! The end of a stand: its counts are compared with those of the server and of the proxy, and it is ended
//! whatever they say.

use std::time::Duration;

use laconic_scenarios::{Closing, TargetFault};
use rpc_ledger::{Counts, Ledger};
use run_record::Verdict;

use super::Stand;
use crate::observer::fault;
use crate::reconcile::{Proxied, compare_layer, cross_check};
use crate::server::Server;

/// How long connections that were closed may take to end everywhere.
const REST_LIMIT_MS: u64 = 10_000;

impl Stand {
    /// Compares the counts, and ends the server whatever they say.
    pub(super) async fn close(mut self) -> Result<Closing, TargetFault> {
        self.observer.take();
        let compared = self.compare().await;
        drop(self.detour.take());
        if let Server::Real(daemon) = self.server {
            daemon.stop().await.map_err(|error| TargetFault::Stop(error.to_string()))?;
        }
        compared
    }

    async fn compare(&self) -> Result<Closing, TargetFault> {
        let limit = Duration::from_millis(REST_LIMIT_MS);
        if let Server::Real(daemon) = &self.server {
            drop(daemon.asking().await?);
            daemon.heard_by(None);
        }
        let restless =
            TargetFault::Restless { what: "a connection".to_owned(), limit_ms: REST_LIMIT_MS };
        tokio::time::timeout(limit, self.rest()).await.map_err(|_| restless)?;
        self.check_sight()?;
        let (player, observer) = (self.player.ledger().counts(), self.spy.ledger().counts());
        let (daemon, mut verdicts) = match &self.server {
            Server::Mock(mock) => {
                let layer = layer_at_rest(mock.ledger(), limit).await;
                let verdict = compare_layer(&[&player, &observer], &layer);
                (Some(layer.started_by_short_name()), vec![verdict])
            }
            Server::Real(daemon) => {
                let told = daemon.told().await;
                let told = told.map_err(|error| fault("read the daemon's metrics", error))?;
                let proxied = self.proxied(limit).await;
                let verdict = cross_check(&[&player, &observer], proxied.as_ref(), &told);
                let short = |path: &String| rpc_ledger::Rpc::from_path(path).short();
                let started = &told.started;
                let started = started.iter().map(|(path, count)| (short(path), *count)).collect();
                (Some(started), vec![verdict])
            }
            // Somebody else's daemon serves others, too: its own counts say nothing about us.
            Server::Address(_) => (None, vec![Verdict::skip("cross-check", "not our own daemon")]),
        };
        if let (Some(detour), Some(proxied)) = (&self.detour, self.proxied(limit).await) {
            let tapped = detour.counts();
            let tapped: Vec<&Counts> = tapped.iter().collect();
            verdicts.push(compare_layer(&tapped, &proxied.came));
        }
        let unfired = match &self.server {
            Server::Mock(mock) => mock.faults().unfired(),
            _ => self.detour.iter().flat_map(|detour| detour.faulty().unfired()).collect(),
        };
        Ok(Closing {
            unfired,
            player: player.started_by_short_name(),
            observer: observer.started_by_short_name(),
            daemon,
            verdicts,
        })
    }

    /// Until every connection of the taps has ended and was read to its end.
    async fn rest(&self) {
        loop {
            let ledgers = [self.player.ledger(), self.spy.ledger()];
            let changed = ledgers.map(Ledger::changed);
            for tap in self.taps() {
                tap.caught_up(tap.mark()).await;
            }
            if ledgers.iter().all(|ledger| ledger.in_flight() == 0) {
                return;
            }
            futures_util::future::select_all(changed).await;
        }
    }

    /// What went by the proxy, if anything did.
    async fn proxied(&self, limit: Duration) -> Option<Proxied> {
        let detour = self.detour.as_ref().filter(|detour| detour.was_taken())?;
        let came = layer_at_rest(detour.proxy.ledger(), limit).await;
        let passed = layer_at_rest(detour.proxy.forwarded(), limit).await;
        Some(Proxied { came, passed })
    }
}

async fn layer_at_rest(ledger: &Ledger, limit: Duration) -> Counts {
    let resting = async {
        loop {
            let changed = ledger.changed();
            if ledger.in_flight() == 0 {
                return;
            }
            changed.await;
        }
    };
    // What does not come to rest shows in the comparison.
    let _ = tokio::time::timeout(limit, resting).await;
    ledger.counts()
}
