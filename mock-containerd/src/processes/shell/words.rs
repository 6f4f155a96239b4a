//! Reads words: quotes, and all that a dollar begins.

use std::sync::Arc;

use super::lexer::{Token, ends_word};
use super::not_played::{NotPlayed, missing};
use super::parser::{Reader, is_name};
use super::syntax::{Part, Then, Word};

/// Where text in quotes ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// `"`
    Quote,
    /// A here-document ends with its text, and quotes are text there.
    End,
}

impl Word {
    /// The name of a here-document, and whether variables are put into that.
    pub(super) fn quoted_or_bare(&self) -> Option<(String, bool)> {
        let mut name = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) | Part::Quoted(text) => name.push_str(text),
                _ => return None,
            }
        }
        let plain = self.parts.iter().all(|part| matches!(part, Part::Text(_)));
        (!self.parts.is_empty()).then_some((name, plain))
    }
}

impl Reader {
    /// Up to a blank or an operator.
    pub(super) fn word(&mut self) -> Result<Word, NotPlayed> {
        let mut word = Word::default();
        if self.source.peek() == Some('~') {
            self.source.next();
            match self.source.peek() {
                Some(next) if next != '/' && !ends_word(next) => word.push('~'),
                _ => word.parts.push(Part::Variable {
                    name: "HOME".to_owned(),
                    then: Then::Value,
                    quoted: true,
                }),
            }
        }
        while let Some(next) = self.source.peek().filter(|next| !ends_word(*next)) {
            self.source.next();
            self.part(&mut word, next)?;
        }
        Ok(word)
    }

    /// What begins with this character, outside of quotes.
    fn part(&mut self, word: &mut Word, next: char) -> Result<(), NotPlayed> {
        match next {
            '\'' => {
                let mut text = String::new();
                loop {
                    match self.source.next().ok_or_else(unterminated)? {
                        '\'' => break,
                        next => text.push(next),
                    }
                }
                word.push_quoted(&text);
            }
            '"' => self.quoted(word, Until::Quote)?,
            '\\' => match self.source.next() {
                // The line goes on.
                Some('\n') => {}
                None => word.push('\\'),
                Some(next) => word.push_quoted(next.encode_utf8(&mut [0; 4])),
            },
            '$' => self.dollar(word, false)?,
            '`' => self.backquoted(word, false)?,
            next => word.push(next),
        }
        Ok(())
    }

    fn quoted(&mut self, word: &mut Word, until: Until) -> Result<(), NotPlayed> {
        let begun = word.parts.len();
        loop {
            let next = match self.source.next() {
                None if until == Until::End => return Ok(()),
                next => next.ok_or_else(unterminated)?,
            };
            match next {
                '"' if until == Until::Quote => {
                    if word.parts.len() == begun {
                        word.push_quoted("");
                    }
                    return Ok(());
                }
                '\\' => match self.source.peek() {
                    Some('\n') => drop(self.source.next()),
                    Some(next @ ('\\' | '$' | '`')) => {
                        self.source.next();
                        word.push_quoted(next.encode_utf8(&mut [0; 4]));
                    }
                    Some('"') if until == Until::Quote => {
                        self.source.next();
                        word.push_quoted("\"");
                    }
                    _ => word.push_quoted("\\"),
                },
                '$' => self.dollar(word, true)?,
                '`' => self.backquoted(word, true)?,
                next => word.push_quoted(next.encode_utf8(&mut [0; 4])),
            }
        }
    }

    /// The body of a here-document.
    pub(super) fn document(&mut self) -> Result<Word, NotPlayed> {
        let mut word = Word::default();
        self.quoted(&mut word, Until::End)?;
        Ok(word)
    }

    fn dollar(&mut self, word: &mut Word, quoted: bool) -> Result<(), NotPlayed> {
        let part = match self.source.peek() {
            Some('(') => {
                self.source.next();
                match self.source.takes('(') {
                    true => Part::Number { expression: self.deeper(Self::expression)?, quoted },
                    false => Part::Output { list: self.deeper(Self::output)?, quoted },
                }
            }
            Some('{') => {
                self.source.next();
                self.deeper(|reader| reader.braced(quoted))?
            }
            Some('\'') if !quoted => return missing("$'…'"),
            Some(special) if "?$!#@*-".contains(special) => {
                self.source.next();
                Part::Variable { name: special.to_string(), then: Then::Value, quoted }
            }
            Some(next) if is_name(next) => {
                let name = if next.is_ascii_digit() {
                    self.source.next();
                    next.to_string()
                } else {
                    self.name()
                };
                Part::Variable { name, then: Then::Value, quoted }
            }
            _ => {
                if quoted {
                    word.push_quoted("$");
                } else {
                    word.push('$');
                }
                return Ok(());
            }
        };
        word.parts.push(part);
        Ok(())
    }

    fn name(&mut self) -> String {
        std::iter::from_fn(|| self.source.next_if(is_name)).collect()
    }

    /// After `$(`.
    fn output(&mut self) -> Result<Arc<super::syntax::List>, NotPlayed> {
        let list = self.list()?;
        match self.take()? {
            Some(Token::Operator(")")) => Ok(Arc::new(list)),
            other => Err(NotPlayed::at(other.as_ref())),
        }
    }

    /// Within backquotes a backslash stands before a backquote, a dollar or itself.
    fn backquoted(&mut self, word: &mut Word, quoted: bool) -> Result<(), NotPlayed> {
        let mut text = String::new();
        loop {
            match self.source.next().ok_or_else(unterminated)? {
                '`' => break,
                '\\' => match self.source.next().ok_or_else(unterminated)? {
                    next @ ('`' | '$' | '\\') => text.push(next),
                    '"' if quoted => text.push('"'),
                    next => text.extend(['\\', next]),
                },
                next => text.push(next),
            }
        }
        let list = self.deeper(|reader| reader.within(&text, Self::script))?;
        word.parts.push(Part::Output { list: Arc::new(list), quoted });
        Ok(())
    }

    /// After `$((`: all until its brackets close.
    fn expression(&mut self) -> Result<Word, NotPlayed> {
        let (mut word, mut open) = (Word::default(), 0_u32);
        loop {
            match self.source.next().ok_or_else(unterminated)? {
                '$' => self.dollar(&mut word, true)?,
                '`' => self.backquoted(&mut word, true)?,
                ')' if open == 0 => {
                    return match self.source.takes(')') {
                        true => Ok(word),
                        false => Err(NotPlayed::unexpected("\")\" in arithmetic")),
                    };
                }
                '"' => {}
                next => {
                    open = match next {
                        '(' => open + 1,
                        ')' => open - 1,
                        _ => open,
                    };
                    word.push_quoted(next.encode_utf8(&mut [0; 4]));
                }
            }
        }
    }

    /// After `${`.
    fn braced(&mut self, quoted: bool) -> Result<Part, NotPlayed> {
        const EXPANSION: &str = "such an expansion of a variable";
        let is_length = self.source.takes('#');
        let mut name = self.name();
        if name.is_empty() {
            name.extend(self.source.next_if(|next| "?$!#@*-".contains(next)));
        }
        if name.is_empty() && is_length && self.source.takes('}') {
            return Ok(Part::Variable { name: "#".to_owned(), then: Then::Value, quoted });
        }
        if name.is_empty() {
            return missing(EXPANSION);
        }
        let or_empty = self.source.takes(':');
        let then = match self.source.next().ok_or_else(unterminated)? {
            '}' if is_length => return Ok(Part::Variable { name, then: Then::Length, quoted }),
            '}' if !or_empty => return Ok(Part::Variable { name, then: Then::Value, quoted }),
            _ if is_length => return missing(EXPANSION),
            how @ ('-' | '=' | '?' | '+') => {
                Then::Otherwise { how, or_empty, word: self.until_brace(quoted)? }
            }
            end @ ('%' | '#') if !or_empty => {
                let longest = self.source.takes(end);
                // A pattern is one, also within quotes.
                Then::Trim { suffix: end == '%', longest, pattern: self.until_brace(false)? }
            }
            _ => return missing(EXPANSION),
        };
        Ok(Part::Variable { name, then, quoted })
    }

    fn until_brace(&mut self, quoted: bool) -> Result<Word, NotPlayed> {
        let mut word = Word::default();
        loop {
            match self.source.next().ok_or_else(unterminated)? {
                '}' => return Ok(word),
                '\'' if quoted => word.push_quoted("'"),
                next => self.part(&mut word, next)?,
            }
        }
    }
}

fn unterminated() -> NotPlayed {
    NotPlayed::incomplete("unterminated quoted string")
}
