//! Puts the pieces of words together into fields.

use super::pattern::Pattern;

/// A piece of a word, with its variables put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Stays whole. Not quoted, it may be a pattern.
    Fixed { text: String, quoted: bool },
    /// Falls apart at the separators.
    Loose(String),
    /// Between two of `"$@"`.
    Break,
}

impl Piece {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Fixed { text, .. } | Self::Loose(text) => text,
            Self::Break => " ",
        }
    }
}

pub(super) fn joined(pieces: &[Piece]) -> String {
    pieces.iter().map(Piece::text).collect()
}

pub(super) fn pattern(pieces: &[Piece]) -> Pattern {
    let quoted = |piece: &Piece| matches!(piece, Piece::Fixed { quoted: true, .. });
    let chars =
        pieces.iter().flat_map(|piece| piece.text().chars().map(|next| (next, quoted(piece))));
    Pattern::new(&chars.collect::<Vec<_>>())
}

fn is_blank(next: char) -> bool {
    matches!(next, ' ' | '\t' | '\n')
}

/// Words. What falls apart and is empty leaves nothing.
pub(super) fn fields(pieces: Vec<Piece>, separators: &str) -> Vec<String> {
    let mut fields = Vec::new();
    // The field that is being put together, if anything has begun it.
    let mut open: Option<String> = None;
    // A blank ended a field: a separator that follows ends no other.
    let mut closed = false;
    for piece in pieces {
        match piece {
            Piece::Fixed { text, .. } => {
                open.get_or_insert_default().push_str(&text);
                closed = false;
            }
            Piece::Break => fields.extend(open.take()),
            Piece::Loose(text) => {
                for next in text.chars() {
                    if !separators.contains(next) {
                        open.get_or_insert_default().push(next);
                        closed = false;
                    } else if is_blank(next) {
                        closed |= open.is_some();
                        fields.extend(open.take());
                    } else if !std::mem::take(&mut closed) {
                        fields.push(open.take().unwrap_or_default());
                    }
                }
            }
        }
    }
    fields.extend(open);
    fields
}

/// A line that `read` has read: its characters, and whether each is escaped. So many fields, of which
/// the last takes the rest.
pub(super) fn line(chars: &[(char, bool)], separators: &str, count: usize) -> Vec<String> {
    let separates = |at: &(char, bool)| !at.1 && separators.contains(at.0);
    let blank = |at: &(char, bool)| separates(at) && is_blank(at.0);
    let skip = |rest: &mut &[(char, bool)]| {
        while rest.first().is_some_and(blank) {
            *rest = &rest[1..];
        }
    };
    let (mut rest, mut fields) = (chars, Vec::new());
    skip(&mut rest);
    while fields.len() + 1 < count {
        let end = rest.iter().position(separates).unwrap_or(rest.len());
        fields.push(rest[..end].iter().map(|(next, _)| next).collect());
        rest = &rest[end..];
        skip(&mut rest);
        if rest.first().is_some_and(separates) {
            rest = &rest[1..];
            skip(&mut rest);
        }
    }
    while rest.last().is_some_and(blank) {
        rest = &rest[..rest.len() - 1];
    }
    fields.push(rest.iter().map(|(next, _)| next).collect());
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loose(text: &str, separators: &str) -> Vec<String> {
        fields(vec![Piece::Loose(text.to_owned())], separators)
    }

    #[test]
    fn blanks_run_together_and_other_separators_do_not() {
        assert_eq!(loose(" a  b ", " \t\n"), ["a", "b"]);
        assert_eq!(loose("a,b,,c,", ","), ["a", "b", "", "c"]);
        assert_eq!(loose("a , b", " ,"), ["a", "b"]);
        assert_eq!(loose("a b", ""), ["a b"]);
        assert!(loose("  ", " ").is_empty());
    }

    #[test]
    fn the_last_variable_of_a_line_takes_the_rest() {
        let read = |text: &str, separators, count| {
            line(&text.chars().map(|next| (next, false)).collect::<Vec<_>>(), separators, count)
        };
        assert_eq!(read(" a  b c ", " \t", 2), ["a", "b c"]);
        assert_eq!(read("a:b c:d", ":", 2), ["a", "b c:d"]);
        assert_eq!(read(" a ", "", 1), [" a "]);
        assert_eq!(read("a", " ", 3), ["a", "", ""]);
    }
}
