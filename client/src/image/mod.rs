//! Images: archives come in, layers are unpacked, and a handle keeps what containers need to know.
//!
//! | file | holds |
//! |---|---|
//! | `archive`, `gunzip` | a tar as it passes by |
//! | `layout` | what an archive says is in it |
//! | `manifest` | descriptors, indexes, manifests, and the labels that keep their children |
//! | `config` | how an image wants to be run |
//! | `chain` | names of snapshots |
//! | `documents` | from a target to its manifest and configuration |
//! | `content`, `lease` | blobs on the wire, and what keeps them until something names them |
//! | `import`, `unpack`, `store`, `handle` | the operations |

mod archive;
mod chain;
mod config;
mod content;
mod documents;
mod gunzip;
mod handle;
mod import;
mod layout;
mod lease;
mod manifest;
mod store;
mod unpack;

pub use archive::Archive;
pub use config::ImageConfig;
pub(crate) use handle::Retained;
pub use handle::{Collect, Image};
pub(crate) use lease::Lease;
pub use manifest::{Descriptor, Platform};
pub use store::ImageRecord;
