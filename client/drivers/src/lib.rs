//! The retained driver and its stateless twin.
