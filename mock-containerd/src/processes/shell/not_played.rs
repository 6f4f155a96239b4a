//! Why a script cannot be played: what the shell does not have is said, never passed over.

use super::lexer::Token;

/// Why a script cannot be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotPlayed {
    pub(super) why: String,
    /// More text might mend it.
    pub(super) is_incomplete: bool,
}

impl NotPlayed {
    pub(super) fn new(why: String) -> Self {
        Self { why, is_incomplete: false }
    }

    pub(super) fn unexpected(what: &str) -> Self {
        Self::new(format!("syntax error: unexpected {what}"))
    }

    pub(super) fn incomplete(why: &str) -> Self {
        Self { why: format!("syntax error: {why}"), is_incomplete: true }
    }

    /// Nobody expects this here.
    pub(super) fn at(token: Option<&Token>) -> Self {
        match token {
            None => Self::incomplete("unexpected end of file"),
            Some(Token::Operator("\n")) => Self::unexpected("newline"),
            Some(Token::Operator(operator)) => Self::unexpected(&format!("{operator:?}")),
            Some(Token::Redirect(_)) => Self::unexpected("redirection"),
            Some(Token::Word(word)) => match word.bare() {
                Some(text) => Self::unexpected(&format!("{text:?}")),
                None => Self::unexpected("word"),
            },
        }
    }
}

/// It is said by name.
pub(super) fn missing<T>(feature: &str) -> Result<T, NotPlayed> {
    Err(NotPlayed::new(format!("the mock's shell does not have {feature}")))
}
