//! The way to a server on which things go wrong: a proxy, and a tap of its own before it. Whoever takes
//! the other way meets the server as it is.

use std::path::Path;
use std::sync::Arc;

use mock_containerd::Faults;
use mock_containerd::faults::{Daemon, Proxy};
use rpc_ledger::{Counts, Ledger};
use rpc_spy::Tap;

use crate::injections::Faulty;
use crate::server::Server;

pub(crate) struct Detour {
    pub(crate) tap: Tap,
    pub(crate) proxy: Proxy,
}

impl Detour {
    /// Its tap counts where the other one does.
    pub(crate) async fn open(
        server: &Server,
        faults: Faults,
        folder: &Path,
        ledger: Ledger,
    ) -> Result<Self, String> {
        let mut proxy = Proxy::to(server.socket()).faults(faults);
        if let Server::Real(daemon) = server {
            proxy = proxy.daemon(daemon.clone() as Arc<dyn Daemon>);
        }
        let proxy = proxy.listen(&folder.join("proxy.sock")).await;
        let proxy = proxy.map_err(|error| error.to_string())?;
        let tap = Tap::start(&folder.join("faulty.sock"), proxy.socket(), ledger).await;
        Ok(Self { tap: tap.map_err(|error| error.to_string())?, proxy })
    }

    pub(crate) fn faulty(&self) -> Faulty<'_> {
        Faulty::Proxy(&self.proxy, &self.tap)
    }

    /// Whether anybody ever came this way.
    pub(crate) fn was_taken(&self) -> bool {
        !self.tap.connections().is_empty()
    }

    /// What the tap counted here alone.
    pub(crate) fn counts(&self) -> Vec<Counts> {
        let connections = self.tap.connections().into_iter();
        connections.map(|info| self.tap.ledger().counts_of(info.connection)).collect()
    }
}
