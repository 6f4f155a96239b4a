//! What a line of shell is made of.

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// As it stands.
    Text(String),
    /// The value of a variable; not quoted, it falls into words at its blanks. `or` stands for one
    /// that is unset or empty.
    Variable { name: String, or: String, quoted: bool },
}

/// A word, before its variables are put in. Quoted even in part, it is no keyword, and is a word
/// even if nothing is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) parts: Vec<Part>,
    pub(super) quoted: bool,
}

impl Word {
    /// A bare word that may be a keyword.
    pub(super) fn bare(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Text(text)] if !self.quoted => Some(text),
            _ => None,
        }
    }
}

/// Where a stream goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Redirect {
    InputFromNothing,
    OutputToNothing,
    OutputToError,
    ErrorToNothing,
    ErrorToOutput,
}

/// One thing after another.
pub(super) type List = Vec<Item>;

/// A chain, waited for or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) first: Pipeline,
    pub(super) then: Vec<(Link, Pipeline)>,
    pub(super) background: bool,
}

/// `&&` or `||`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    And,
    Or,
}

/// Commands, each reading what the one before writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pipeline {
    pub(super) negated: bool,
    pub(super) commands: Vec<Command>,
}

/// A command and where its streams go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) kind: Kind,
    pub(super) redirects: Vec<Redirect>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Simple {
        assignments: Vec<(String, Word)>,
        words: Vec<Word>,
    },
    /// `{ … }`
    Group(List),
    /// `( … )`: what it changes, it changes for itself.
    Subshell(List),
    /// Conditions with their bodies, and `else`.
    If {
        branches: Vec<(List, List)>,
        otherwise: List,
    },
    /// `until`: as long as the condition fails.
    While {
        condition: List,
        until: bool,
        body: List,
    },
    For {
        name: String,
        words: Vec<Word>,
        body: List,
    },
}
