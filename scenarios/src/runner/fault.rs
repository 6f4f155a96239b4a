//! What ends a run early: faults of the harness, a driver's protocol or the target. Never a
//! verdict about a client.

use driver_protocol::DriverFault;

use crate::TargetFault;

/// Why a run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunFault {
    /// The driver failed as a driver.
    #[error("in {case}: {fault}")]
    Driver {
        /// Where.
        case: String,
        /// How.
        fault: DriverFault,
    },
    /// The target failed, or could not be observed.
    #[error("in {case}: {fault}")]
    Target {
        /// Where.
        case: String,
        /// How.
        fault: TargetFault,
    },
    /// Somebody asked for a stop.
    #[error("stopped in {case}")]
    Stopped {
        /// Where.
        case: String,
    },
}
