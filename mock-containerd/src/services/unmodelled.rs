//! Services that exist, and of which nothing is modelled: every method answers Unimplemented, by
//! the generated default stubs.

use crate::stubs::containerd::services as stubs;

/// Implements every service without a model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unmodelled;

impl stubs::sandbox::v1::controller_server::Controller for Unmodelled {}
