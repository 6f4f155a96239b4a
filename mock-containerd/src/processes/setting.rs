//! What a process finds around it: read from its spec.

/// Rows and columns of a terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) rows: u32,
    pub(crate) columns: u32,
}

/// Whose process it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) more_gids: Vec<u32>,
}

/// Everything but the command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Setting {
    /// `NAME=value`, in the order of the spec.
    pub(crate) env: Vec<String>,
    pub(crate) cwd: String,
    pub(crate) hostname: String,
    pub(crate) user: User,
    pub(crate) terminal: bool,
    /// What the terminal begins with.
    pub(crate) size: Size,
    /// Process 1 of its namespace: the kernel drops signals that it does not handle.
    pub(crate) is_init: bool,
}

impl Setting {
    /// Its pid as it sees it itself. An exec has any but the first.
    pub(crate) fn own_pid(&self) -> u32 {
        if self.is_init { 1 } else { 7 }
    }

    /// Where it looks for commands.
    pub(crate) fn path(&self) -> Option<&str> {
        self.env.iter().rev().find_map(|line| line.strip_prefix("PATH="))
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &str {
        if self.cwd.is_empty() { "/" } else { &self.cwd }
    }
}
