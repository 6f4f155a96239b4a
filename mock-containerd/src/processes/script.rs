//! What a scripted process does.

use std::time::Duration;

/// How it comes to its end by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With a status, after a while.
    After(Duration, u32),
    /// When its standard input ends; what comes in goes out.
    WithStdin,
    /// Never.
    Never,
}

/// A script for one process.
///
/// ```
/// use std::time::Duration;
/// use mock_containerd::ProcessScript;
///
/// let worker = ProcessScript::exits(3).after(Duration::from_millis(5)).prints("ready\n");
/// let server = ProcessScript::runs_until_killed().ends_on_term(0);
/// assert_ne!(worker, server);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessScript {
    pub(crate) end: End,
    pub(crate) output: Vec<u8>,
    start_failure: Option<String>,
    term_status: Option<u32>,
}

impl ProcessScript {
    fn new(end: End) -> Self {
        Self { end, output: Vec::new(), start_failure: None, term_status: None }
    }

    /// Exits at once with this status.
    pub fn exits(status: u32) -> Self {
        Self::new(End::After(Duration::ZERO, status))
    }

    /// Goes on until somebody kills it.
    pub fn runs_until_killed() -> Self {
        Self::new(End::Never)
    }

    /// Copies standard input to standard output, and exits with 0 when it ends.
    pub fn copies_stdin() -> Self {
        Self::new(End::WithStdin)
    }

    /// Can be created, and fails to start with this cause.
    pub fn fails_to_start(cause: impl Into<String>) -> Self {
        Self { start_failure: Some(cause.into()), ..Self::exits(0) }
    }

    /// Exits only after a while.
    pub fn after(mut self, delay: Duration) -> Self {
        if let End::After(after, _) = &mut self.end {
            *after = delay;
        }
        self
    }

    /// Writes this to standard output first.
    pub fn prints(mut self, output: impl Into<Vec<u8>>) -> Self {
        self.output = output.into();
        self
    }

    /// Handles SIGTERM by exiting with this status. Without a handler, an init ignores it.
    pub fn ends_on_term(mut self, status: u32) -> Self {
        self.term_status = Some(status);
        self
    }

    pub(crate) fn start_failure(&self) -> Option<&str> {
        self.start_failure.as_deref()
    }

    pub(crate) fn term_status(&self) -> Option<u32> {
        self.term_status
    }
}
