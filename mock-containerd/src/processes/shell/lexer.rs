//! Cuts a script into words, operators and redirections, as they are asked for.

use super::not_played::{NotPlayed, missing};
use super::parser::Reader;
use super::syntax::{Redirect, Word};

const REDIRECTIONS: &str = "redirections other than to 1, 2 and /dev/null";

/// A piece of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    /// `;` `;;` `\n` `&` `&&` `|` `||` `(` `)`
    Operator(&'static str),
    Redirect(Redirect),
}

/// Whether a word ends before it.
pub(super) fn ends_word(next: char) -> bool {
    " \t\r\n;&|()<>".contains(next)
}

impl Reader {
    /// The next piece; `None`: there is no more.
    pub(super) fn token(&mut self) -> Result<Option<Token>, NotPlayed> {
        loop {
            let Some(next) = self.source.peek() else { return Ok(None) };
            return Ok(Some(match next {
                ' ' | '\t' | '\r' => {
                    self.source.next();
                    continue;
                }
                '#' => {
                    while self.source.next_if(|next| next != '\n').is_some() {}
                    continue;
                }
                '\n' | ';' | '&' | '|' | '(' | ')' => self.operator()?,
                '<' | '>' => self.redirect("")?,
                _ => {
                    let word = self.word()?;
                    let digits =
                        word.bare().filter(|text| text.bytes().all(|one| one.is_ascii_digit()));
                    match (digits.map(str::to_owned), self.source.peek()) {
                        (Some(descriptor), Some('<' | '>')) => self.redirect(&descriptor)?,
                        // The line goes on, and nothing else was there.
                        _ if word.parts.is_empty() => continue,
                        _ => Token::Word(word),
                    }
                }
            }));
        }
    }

    fn operator(&mut self) -> Result<Token, NotPlayed> {
        let first = self.source.next().expect("it was peeked at");
        let doubled = matches!(first, '&' | '|' | ';') && self.source.takes(first);
        Ok(Token::Operator(match (first, doubled, self.source.peek()) {
            ('\n', ..) => "\n",
            ('(', ..) => "(",
            (')', ..) => ")",
            // What bash takes for both streams is two commands to other shells.
            ('&', false, Some('>')) => return missing("&>"),
            ('|', false, Some('&')) => return missing("|&"),
            (';', false, Some('&')) => return missing(";&"),
            (';', false, _) => ";",
            (';', true, _) => ";;",
            ('&', false, _) => "&",
            ('&', true, _) => "&&",
            ('|', false, _) => "|",
            _ => "||",
        }))
    }

    fn redirect(&mut self, descriptor: &str) -> Result<Token, NotPlayed> {
        let direction = self.source.next().expect("it was peeked at");
        if direction == '<' && self.source.takes('<') {
            return match descriptor {
                "" | "0" => self.here_document(),
                _ => missing(REDIRECTIONS),
            };
        }
        if direction == '<' && self.source.takes('>') {
            return missing("<>");
        }
        // To what is no file, `>>` and `>|` are `>`.
        let _ = direction == '>' && (self.source.takes('>') || self.source.takes('|'));
        let duplicate = self.source.takes('&');
        while self.source.next_if(|next| " \t".contains(next)).is_some() {}
        let target = self.word()?;
        let target =
            match (duplicate, target.bare()) {
                (true, Some("1"))
                | (false, Some("/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1")) => "1",
                (true, Some("2"))
                | (false, Some("/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2")) => "2",
                (false, Some("/dev/null")) => "nothing",
                (false, None) if target.parts.is_empty() => {
                    return Err(NotPlayed::unexpected(
                        self.source.peek().map_or("end of file", |_| "operator"),
                    ));
                }
                _ => return missing(REDIRECTIONS),
            };
        Ok(Token::Redirect(match (descriptor, direction, target) {
            ("" | "0", '<', "nothing") => Redirect::InputFromNothing,
            ("" | "1", '>', "nothing") => Redirect::OutputToNothing,
            ("" | "1", '>', "2") => Redirect::OutputToError,
            ("2", '>', "nothing") => Redirect::ErrorToNothing,
            ("2", '>', "1") => Redirect::ErrorToOutput,
            ("" | "1", '>', "1") | ("2", '>', "2") => Redirect::Nowhere,
            _ => return missing(REDIRECTIONS),
        }))
    }

    fn here_document(&mut self) -> Result<Token, NotPlayed> {
        if self.source.takes('<') {
            return missing("<<<");
        }
        let without_tabs = self.source.takes('-');
        while self.source.next_if(|next| " \t".contains(next)).is_some() {}
        let name = self.word()?;
        let (name, plain) = match name.quoted_or_bare() {
            Some(known) => known,
            None => return missing("such a name of a here-document"),
        };
        let Some(body) = self.source.body(&name, without_tabs) else {
            return Err(NotPlayed::incomplete("unterminated here-document"));
        };
        Ok(Token::Redirect(Redirect::InputFromText(match plain {
            true => self.deeper(|reader| reader.within(&body, |inner| inner.document()))?,
            false => {
                let mut word = Word::default();
                word.push_quoted(&body);
                word
            }
        })))
    }
}
