//! The one place that knows the names of our own drivers.

use std::path::{Path, PathBuf};

use driver_protocol::{DriverFactory, Pending};
use laconic_client::{Builder, Client};
use laconic_drivers::{RetainedFactory, RetainedThrough, StatelessFactory, StatelessThrough};
use laconic_targets::Exchange;
use mock_containerd::InMemory;
use tonic::transport::{Channel, Endpoint};

use crate::exit::usage;

/// The drivers that run unless somebody names others.
pub(crate) const DEFAULTS: [&str; 2] = ["retained", "stateless"];

/// The factory of a name.
pub(crate) fn driver(name: &str) -> anyhow::Result<Box<dyn DriverFactory>> {
    match name {
        "retained" => Ok(Box::new(RetainedFactory)),
        "stateless" => Ok(Box::new(StatelessFactory)),
        other => Err(usage(format!(
            "there is no driver {other:?}; there are {}",
            DEFAULTS.join(" and ")
        ))),
    }
}

/// The factory of a name, for mocks in memory.
pub(crate) fn driver_in_memory(
    name: &str,
    exchange: Exchange,
) -> anyhow::Result<Box<dyn DriverFactory>> {
    let at = move |address: &Path| -> InMemory {
        exchange.at(address).expect("clients are told of addresses of the exchange alone")
    };
    match name {
        "retained" => Ok(Box::new(RetainedThrough(
            move |address: PathBuf, builder: Builder| -> Pending<'static, Result<Client, _>> {
                let mock = at(&address);
                Box::pin(async move { builder.with_connector(mock).await })
            },
        ))),
        "stateless" => Ok(Box::new(StatelessThrough(
            move |address: PathBuf| -> Pending<'static, Result<Channel, _>> {
                let mock = at(&address);
                let endpoint = Endpoint::from_static("http://localhost");
                Box::pin(async move { endpoint.connect_with_connector(mock).await })
            },
        ))),
        // The names are those of `driver`.
        other => Err(usage(format!("{other} does not play in memory"))),
    }
}
