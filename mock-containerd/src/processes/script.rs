//! What a scripted process does.

use std::collections::BTreeMap;
use std::time::Duration;

use super::signal;

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

/// What is played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plot {
    /// What somebody wrote down.
    Scene {
        /// Said at once, before anything else.
        output: Vec<u8>,
        /// The same on standard error.
        error_output: Vec<u8>,
        /// Then it waits for this.
        end: End,
    },
    /// One of the commands that the mock knows, with its words.
    Command(Vec<String>),
}

/// What a scripted process does about a signal.
///
/// ```
/// use std::time::Duration;
/// use mock_containerd::{ProcessScript, Reaction};
///
/// let slow = Reaction::exits(0).after(Duration::from_secs(3)).prints("closing\n");
/// let reload = Reaction::continues().prints("reloaded\n");
/// let server = ProcessScript::runs_until_killed().on("TERM", slow).on("HUP", reload);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    pub(crate) output: Vec<u8>,
    pub(crate) delay: Duration,
    pub(crate) exit: Option<u32>,
}

impl Reaction {
    /// It ends with this status.
    pub fn exits(status: u32) -> Self {
        Self { output: Vec::new(), delay: Duration::ZERO, exit: Some(status) }
    }

    /// It goes on as if nothing had been.
    pub fn continues() -> Self {
        Self { output: Vec::new(), delay: Duration::ZERO, exit: None }
    }

    /// Takes a while before it ends or goes on.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Writes this to standard output first.
    pub fn prints(mut self, output: impl Into<Vec<u8>>) -> Self {
        self.output = output.into();
        self
    }
}

/// A script for one process.
///
/// ```
/// use std::time::Duration;
/// use mock_containerd::ProcessScript;
///
/// let worker = ProcessScript::exits(3).after(Duration::from_millis(5)).prints("ready\n");
/// let server = ProcessScript::runs_until_killed().ends_on_term(0);
/// let greedy = ProcessScript::runs_until_killed().runs_out_of_memory(Duration::from_secs(1));
/// let shell = ProcessScript::runs("trap 'exit 4' TERM; while true; do sleep 1; done");
/// assert_ne!(worker, server);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessScript {
    pub(crate) plot: Plot,
    pub(crate) reactions: BTreeMap<u32, Reaction>,
    pub(crate) out_of_memory: Option<Duration>,
    pub(crate) forks: u32,
    start_failure: Option<String>,
}

impl ProcessScript {
    fn new(plot: Plot) -> Self {
        let reactions = BTreeMap::new();
        Self { plot, reactions, out_of_memory: None, forks: 0, start_failure: None }
    }

    fn scene(end: End) -> Self {
        Self::new(Plot::Scene { output: Vec::new(), error_output: Vec::new(), end })
    }

    pub(crate) fn command(argv: Vec<String>) -> Self {
        Self::new(Plot::Command(argv))
    }

    /// Exits at once with this status.
    pub fn exits(status: u32) -> Self {
        Self::scene(End::After(Duration::ZERO, status))
    }

    /// Goes on until somebody kills it.
    pub fn runs_until_killed() -> Self {
        Self::scene(End::Never)
    }

    /// Copies standard input to standard output, and exits with 0 when it ends.
    pub fn copies_stdin() -> Self {
        Self::scene(End::WithStdin)
    }

    /// Does what the mock's shell makes of this line: see [`Scripts`](crate::Scripts).
    pub fn runs(line: impl Into<String>) -> Self {
        Self::command(vec!["sh".to_owned(), "-c".to_owned(), line.into()])
    }

    /// Can be created, and fails to start with this cause.
    pub fn fails_to_start(cause: impl Into<String>) -> Self {
        Self { start_failure: Some(cause.into()), ..Self::exits(0) }
    }

    /// Exits only after a while.
    pub fn after(mut self, delay: Duration) -> Self {
        if let Plot::Scene { end: End::After(after, _), .. } = &mut self.plot {
            *after = delay;
        }
        self
    }

    /// Writes this to standard output first. A line of [`runs`](Self::runs) prints for itself.
    pub fn prints(mut self, text: impl Into<Vec<u8>>) -> Self {
        if let Plot::Scene { output, .. } = &mut self.plot {
            *output = text.into();
        }
        self
    }

    /// Writes this to standard error first. A line of [`runs`](Self::runs) prints for itself.
    pub fn prints_error(mut self, text: impl Into<Vec<u8>>) -> Self {
        if let Plot::Scene { error_output, .. } = &mut self.plot {
            *error_output = text.into();
        }
        self
    }

    /// Handles a signal, by its name or number. Without a handler an init ignores it, and an exec
    /// dies of it, as Linux has it. KILL and STOP cannot be handled.
    ///
    /// # Panics
    ///
    /// If there is no such signal, or if it cannot be handled.
    pub fn on(mut self, name: &str, reaction: Reaction) -> Self {
        let number = signal::number(name).expect("a signal by name or number");
        assert!(signal::can_be_handled(number), "{name} cannot be handled");
        self.reactions.insert(number, reaction);
        self
    }

    /// Handles SIGTERM by exiting with this status. Without a handler, an init ignores it.
    pub fn ends_on_term(self, status: u32) -> Self {
        self.on("TERM", Reaction::exits(status))
    }

    /// Is killed for its use of memory after a while: `/tasks/oom`, then an exit with 137.
    pub fn runs_out_of_memory(mut self, after: Duration) -> Self {
        self.out_of_memory = Some(after);
        self
    }

    /// Has so many children, whose pids stand in Tasks/ListPids while it runs.
    pub fn forks(mut self, children: u32) -> Self {
        self.forks = children;
        self
    }

    pub(crate) fn start_failure(&self) -> Option<&str> {
        self.start_failure.as_deref()
    }
}
