//! Services that exist, and of which nothing is modelled: every method answers Unimplemented, by
//! the generated default stubs.

use crate::stubs::containerd::services as stubs;

/// Implements every service without a model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unmodelled;

impl stubs::content::v1::content_server::Content for Unmodelled {}
impl stubs::diff::v1::diff_server::Diff for Unmodelled {}
impl stubs::images::v1::images_server::Images for Unmodelled {}
impl stubs::sandbox::v1::controller_server::Controller for Unmodelled {}
impl stubs::sandbox::v1::store_server::Store for Unmodelled {}
impl stubs::snapshots::v1::snapshots_server::Snapshots for Unmodelled {}
impl stubs::streaming::v1::streaming_server::Streaming for Unmodelled {}
impl stubs::transfer::v1::transfer_server::Transfer for Unmodelled {}
