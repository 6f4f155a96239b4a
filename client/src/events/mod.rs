//! The event subscription: one per client, proven live before the client is used.

mod subscription;
mod told;

pub use subscription::Subscription;
pub(crate) use told::decode;
pub use told::{TaskEvent, Told};
