//! What the API tells a process while it is played.

use super::Size;

/// Held by the state; the player looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Controls {
    /// Its task is paused: it does nothing, and what it was waiting for happens meanwhile.
    pub(crate) frozen: bool,
    /// CloseIO was called.
    pub(crate) stdin_closed: bool,
    /// Of its terminal.
    pub(crate) size: Size,
}
