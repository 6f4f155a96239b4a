//! The words that drivers and harness share: which operations there are, what each may answer,
//! and how a driver is asked. No rules live here: what is *right* is decided by the scenarios.
//!
//! ```
//! use driver_protocol::{ContainerId, Operation, Target};
//!
//! let pause = Operation::Pause(Target { container: ContainerId::new("c0") });
//! assert_eq!(pause.name(), "pause");
//! assert_eq!(serde_json::to_string(&pause).unwrap(), r#"{"pause":{"container":"c0"}}"#);
//! ```

/// The JSON Schema of a line of the protocol.
pub const SCHEMA: &str = include_str!("../protocol.schema.json");

mod driver;
mod error;
mod ids;
mod images;
mod message;
mod notice;
mod operation;
mod outcome;

pub use driver::{Close, Connect, Driver, DriverFactory, DriverFault, Pending};
pub use error::{Code, ErrorKind, Refusal};
pub use ids::{ContainerId, ExecId};
pub use images::{CreateFromImage, ImageFound, ImageNames, ImageTarget, Import, RemoveImage};
pub use message::{
    Capability, FromDriver, Greeting, Hello, Limits, Nothing, PROTOCOL, Request, RequestId,
    ToDriver,
};
pub use notice::Notice;
pub use operation::{
    Checkpoint, Create, Exec, ExecKill, ExecResize, ExecTarget, ExitStatusOf, Kill, Many,
    Operation, Resize, StartTask, Target, Update,
};
pub use outcome::{
    Digest, Ending, ExitStatus, Exited, Found, Gathered, Lifecycle, Ok, Outcome, Restored, Started,
    Stats, TaskState, Version, Waited,
};
