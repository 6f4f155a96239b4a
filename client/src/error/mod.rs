//! Errors that name the operation, the object and the cause.

mod failure;
mod kind;
pub mod state_errors;

pub use failure::Error;
pub use kind::Kind;
