//! Lets calls through whose `:authority` is the path of the socket.
//!
//! gRPC's C core (Python, C++, Ruby, PHP) sends the path of a Unix socket as the authority. Go's
//! servers take any text there; the HTTP/2 library below resets the stream, and can be told no
//! better. So a layer of bytes stands before it: such an authority becomes one of as many bytes, in
//! its place, so that no length and no size of a dynamic table changes, and nothing is encoded anew.
//!
//! `stream.rs` is the layer, `frames.rs` finds whole header blocks, `fields.rs` the authority in one,
//! `huffman.rs` reads and writes coded text.

mod fields;
mod frames;
mod huffman;
mod stream;
#[cfg(test)]
mod tests;

pub(crate) use stream::AnyAuthority;
