//! The one place that knows the names of our own drivers.

use driver_protocol::DriverFactory;
use laconic_drivers::{RetainedFactory, StatelessFactory};

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
