//! Whether what is known is up to date.

/// How a client stands to its daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Events come, and all that is known is up to date.
    Live {
        /// How often the stream was lost and all was compared anew.
        resyncs: u64,
    },
    /// The stream of events is lost: it is opened again, and then all is compared anew. Waits go
    /// on meanwhile; states are not told.
    Lost {
        /// How often it was tried in vain.
        attempts: u32,
    },
}
