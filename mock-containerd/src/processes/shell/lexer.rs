//! Cuts a line into words, operators and redirections.

use std::iter::Peekable;
use std::str::Chars;

use super::syntax::{Part, Redirect, Word};

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    /// `;` `\n` `&` `&&` `|` `||` `(` `)`
    Operator(&'static str),
    Redirect(Redirect),
}

/// Why a line cannot be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotPlayed(pub(super) String);

type Characters<'a> = Peekable<Chars<'a>>;

fn missing<T>(feature: &str) -> Result<T, NotPlayed> {
    Err(NotPlayed(format!("the mock's shell does not have {feature}")))
}

/// All pieces of a line.
pub(super) fn tokens(line: &str) -> Result<Vec<Token>, NotPlayed> {
    let mut rest = line.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(&next) = rest.peek() {
        match next {
            ' ' | '\t' | '\r' => {
                rest.next();
            }
            '#' => while rest.next_if(|next| *next != '\n').is_some() {},
            '\n' | ';' | '&' | '|' | '(' | ')' => tokens.push(operator(&mut rest)?),
            '<' | '>' => tokens.push(redirect(None, &mut rest)?),
            _ => {
                let word = word(&mut rest)?;
                let descriptor = word.bare().filter(|text| matches!(*text, "0" | "1" | "2"));
                match (descriptor.map(str::to_owned), rest.peek()) {
                    (Some(descriptor), Some('<' | '>')) => {
                        tokens.push(redirect(Some(&descriptor), &mut rest)?);
                    }
                    _ => tokens.push(Token::Word(word)),
                }
            }
        }
    }
    Ok(tokens)
}

fn operator(rest: &mut Characters) -> Result<Token, NotPlayed> {
    let first = rest.next().expect("it was peeked at");
    let doubled = rest.next_if(|next| *next == first && matches!(first, '&' | '|' | ';')).is_some();
    Ok(Token::Operator(match (first, doubled) {
        ('\n', _) => "\n",
        ('(', _) => "(",
        (')', _) => ")",
        (';', false) => ";",
        ('&', false) => "&",
        ('&', true) => "&&",
        ('|', false) => "|",
        ('|', true) => "||",
        _ => return missing("case"),
    }))
}

fn redirect(descriptor: Option<&str>, rest: &mut Characters) -> Result<Token, NotPlayed> {
    let direction = rest.next().expect("it was peeked at");
    if rest.next_if(|next| matches!(next, '<' | '>' | '|')).is_some() {
        // `>>` to what is no file is `>`; a here-document or `<>` is something else.
        if direction == '<' {
            return missing("here-documents");
        }
    }
    let duplicate = rest.next_if(|next| *next == '&').is_some();
    while rest.next_if(|next| matches!(next, ' ' | '\t')).is_some() {}
    let target = word(rest)?;
    let Some(target) = target.bare() else {
        return missing("redirections other than to 1, 2 and /dev/null");
    };
    let redirect = match (descriptor.unwrap_or_default(), direction, duplicate, target) {
        ("" | "0", '<', false, "/dev/null") => Redirect::InputFromNothing,
        ("" | "1", '>', false, "/dev/null") => Redirect::OutputToNothing,
        ("" | "1", '>', true, "2") | ("" | "1", '>', false, "/dev/stderr") => {
            Redirect::OutputToError
        }
        ("2", '>', false, "/dev/null") => Redirect::ErrorToNothing,
        ("2", '>', true, "1") | ("2", '>', false, "/dev/stdout") => Redirect::ErrorToOutput,
        _ => return missing("redirections other than to 1, 2 and /dev/null"),
    };
    Ok(Token::Redirect(redirect))
}

fn word(rest: &mut Characters) -> Result<Word, NotPlayed> {
    let mut word = Word::default();
    while let Some(&next) = rest.peek() {
        match next {
            ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>' => break,
            '\'' => {
                rest.next();
                word.quoted = true;
                loop {
                    match rest.next() {
                        Some('\'') => break,
                        Some(next) => push(&mut word, next),
                        None => return Err(unterminated()),
                    }
                }
            }
            '"' => {
                rest.next();
                quoted(&mut word, rest)?;
            }
            '\\' => {
                rest.next();
                match rest.next() {
                    // The line goes on.
                    Some('\n') | None => {}
                    Some(next) => {
                        word.quoted = true;
                        push(&mut word, next);
                    }
                }
            }
            '$' => {
                rest.next();
                variable(&mut word, rest, false)?;
            }
            '`' => return missing("command substitution"),
            _ => {
                rest.next();
                push(&mut word, next);
            }
        }
    }
    Ok(word)
}

fn quoted(word: &mut Word, rest: &mut Characters) -> Result<(), NotPlayed> {
    word.quoted = true;
    loop {
        match rest.next().ok_or_else(unterminated)? {
            '"' => return Ok(()),
            '\\' => match rest.next().ok_or_else(unterminated)? {
                '\n' => {}
                next @ ('"' | '\\' | '$' | '`') => push(word, next),
                next => {
                    push(word, '\\');
                    push(word, next);
                }
            },
            '$' => variable(word, rest, true)?,
            '`' => return missing("command substitution"),
            next => push(word, next),
        }
    }
}

fn variable(word: &mut Word, rest: &mut Characters, quoted: bool) -> Result<(), NotPlayed> {
    let (mut name, mut or) = (String::new(), String::new());
    match rest.peek() {
        Some('(') => return missing("command substitution"),
        Some('{') => {
            rest.next();
            while let Some(next) = rest.next_if(|next| is_name(*next)) {
                name.push(next);
            }
            if name.is_empty() {
                name.extend(rest.next_if(|next| matches!(next, '?' | '$' | '!' | '#')));
            }
            let has_default = rest.next_if(|next| *next == ':').is_some();
            if has_default && rest.next_if(|next| *next == '-').is_none() {
                return missing("such an expansion of a variable");
            }
            while has_default && let Some(next) = rest.next_if(|next| !"}$`\"'\\".contains(*next)) {
                or.push(next);
            }
            if name.is_empty() || rest.next() != Some('}') {
                return missing("such an expansion of a variable");
            }
        }
        Some(special @ ('?' | '$' | '!' | '#')) => {
            name.push(*special);
            rest.next();
        }
        _ => {
            while let Some(next) = rest.next_if(|next| is_name(*next)) {
                name.push(next);
                if name.starts_with(|first: char| first.is_ascii_digit()) {
                    break;
                }
            }
        }
    }
    if name.is_empty() {
        push(word, '$');
    } else {
        word.parts.push(Part::Variable { name, or, quoted });
    }
    Ok(())
}

/// Whether it can stand in the name of a variable.
pub(super) fn is_name(next: char) -> bool {
    next.is_ascii_alphanumeric() || next == '_'
}

fn push(word: &mut Word, next: char) {
    match word.parts.last_mut() {
        Some(Part::Text(text)) => text.push(next),
        _ => word.parts.push(Part::Text(next.to_string())),
    }
}

fn unterminated() -> NotPlayed {
    NotPlayed("syntax error: unterminated quoted string".to_owned())
}
