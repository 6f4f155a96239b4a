//! The passive reader: HTTP/2 frames and HPACK of one connection, both directions.

mod connection;
mod frame;
mod half;
mod spelled;
mod stream;

pub use connection::ConnectionReader;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client.
    ToServer,
    /// From the server.
    ToClient,
}

/// Why the reader cannot follow a connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Blind {
    /// The client does not begin as HTTP/2 does.
    #[error("the connection does not speak HTTP/2")]
    NotHttp2,
    /// A header block could not be decoded.
    #[error("HPACK error on stream {stream}: {cause}")]
    Hpack {
        /// On which stream.
        stream: u32,
        /// What the decoder says.
        cause: String,
    },
    /// A frame breaks HTTP/2's rules.
    #[error("malformed frame on stream {stream}: {what}")]
    Frame {
        /// On which stream.
        stream: u32,
        /// Which rule.
        what: &'static str,
    },
    /// The reader could not keep up with the relay.
    #[error("more chunks waited for the reader than its queue holds")]
    Overflow,
}
