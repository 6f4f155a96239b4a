//! A tap on a Unix socket: bytes pass unchanged both ways, and a passive reader of HTTP/2 and HPACK
//! on the side enters every gRPC call into a [`Ledger`](rpc_ledger::Ledger).
//!
//! The relay never parses and never waits for the reader. What the reader cannot follow makes a
//! connection *blind*: its bytes flow on, its counts are void, and [`Tap::blind`] says so.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use rpc_ledger::Ledger;
//! use rpc_spy::Tap;
//!
//! let folder = tempfile::tempdir()?;
//! let (listen, upstream) = (folder.path().join("tap.sock"), folder.path().join("containerd.sock"));
//! let tap = Tap::start(&listen, &upstream, Ledger::new()).await?;
//! assert_eq!(tap.ledger().counts().total_started(), 0);
//! # Ok(())
//! # }
//! ```

mod progress;
mod reader;
mod relay;
mod tap;

pub use reader::{Blind, ConnectionReader, Direction};
pub use tap::{BlindConnection, ConnectionInfo, Tap, TapError};
