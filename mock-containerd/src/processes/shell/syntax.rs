//! What a line of shell is made of.

use std::sync::Arc;

/// A part of a word. What is quoted does not fall into words at its blanks, and is no pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// As it stands.
    Text(String),
    /// The same, quoted: no keyword. Even with nothing in it, it makes a word.
    Quoted(String),
    /// The value of a variable, or what is made of it.
    Variable { name: String, then: Then, quoted: bool },
    /// `$(…)`: what commands print.
    Output { list: Arc<List>, quoted: bool },
    /// `$((…))`
    Number { expression: Word, quoted: bool },
}

/// What is made of the value of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Value,
    /// `${#x}`
    Length,
    /// `-` `=` `?` `+`: another word for one that is unset, or with a colon for one that is empty.
    Otherwise {
        how: char,
        or_empty: bool,
        word: Word,
    },
    /// `%` `%%` `#` `##`: without what matches at its end.
    Trim {
        suffix: bool,
        longest: bool,
        pattern: Word,
    },
}

/// A word, before its variables are put in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) parts: Vec<Part>,
}

impl Word {
    /// A bare word that may be a keyword.
    pub(super) fn bare(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    pub(super) fn push(&mut self, next: char) {
        match self.parts.last_mut() {
            Some(Part::Text(text)) => text.push(next),
            _ => self.parts.push(Part::Text(next.to_string())),
        }
    }

    pub(super) fn push_quoted(&mut self, text: &str) {
        match self.parts.last_mut() {
            Some(Part::Quoted(quoted)) => quoted.push_str(text),
            _ => self.parts.push(Part::Quoted(text.to_owned())),
        }
    }
}

/// Where a stream goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Redirect {
    InputFromNothing,
    /// A here-document.
    InputFromText(Word),
    OutputToNothing,
    OutputToError,
    ErrorToNothing,
    ErrorToOutput,
    /// To where it goes already.
    Nowhere,
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

impl Item {
    /// `( … ) &` is one process, which signals come to.
    pub(super) fn within_job(mut self) -> Self {
        if let ([only], []) = (self.first.commands.as_mut_slice(), self.then.as_slice())
            && let Kind::Subshell(list) = &mut only.kind
        {
            only.kind = Kind::Group(std::mem::take(list));
        }
        self
    }
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

impl Command {
    /// `exec 2>&1`: the streams of the shell itself.
    pub(super) fn redirects_shell(&self) -> bool {
        match &self.kind {
            Kind::Simple { words, .. } => {
                matches!(words.as_slice(), [one] if one.bare() == Some("exec"))
            }
            _ => false,
        }
    }
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
    /// Without words it goes over the shell's own.
    For {
        name: String,
        words: Option<Vec<Word>>,
        body: List,
    },
    /// Patterns with their bodies.
    Case {
        word: Word,
        branches: Vec<(Vec<Word>, List)>,
    },
    /// `name() …`
    Function {
        name: String,
        body: Arc<Command>,
    },
}
