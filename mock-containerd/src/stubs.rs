//! Server stubs, generated at build time from the protos inside the containerd-client package.

#![expect(
    unreachable_pub,
    clippy::too_many_lines,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]

include!(concat!(env!("OUT_DIR"), "/stubs.rs"));

/// The descriptors of everything above: names of methods, types of payloads, reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
