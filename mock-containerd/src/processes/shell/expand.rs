//! Puts into words what variables hold and commands print.

use std::future::Future;
use std::pin::Pin;

use tokio::io::AsyncReadExt;

use super::super::output::{Output, PIPE_BYTES};
use super::arithmetic;
use super::pattern::Pattern;
use super::play::{Leave, Shell};
use super::split::{self, Piece};
use super::syntax::{List, Part, Then, Word};

/// What a word may come to. Beyond it a shell in a container of reasonable size has no memory left.
pub(super) const WORD_BYTES_MAX: usize = 1024 * 1024;
/// Of a pattern, which is compared at each place of a word.
const PATTERN_BYTES_MAX: usize = 1024;
/// Between words, where `IFS` is not set.
const BLANKS: &str = " \t\n";

type Pieces<'a> = Pin<Box<dyn Future<Output = Result<Vec<Piece>, Leave>> + Send + 'a>>;

impl Shell {
    /// The fields of all words.
    pub(super) async fn fields(&mut self, words: &[Word]) -> Result<Vec<String>, Leave> {
        let mut fields = Vec::new();
        for word in words {
            let pieces = self.pieces(word).await?;
            fields.extend(split::fields(pieces, &self.separators()));
        }
        Ok(fields)
    }

    /// One word, whatever blanks come in.
    pub(super) async fn joined(&mut self, word: &Word) -> Result<String, Leave> {
        Ok(split::joined(&self.pieces(word).await?))
    }

    pub(super) async fn pattern(&mut self, word: &Word) -> Result<Pattern, Leave> {
        let pieces = self.pieces(word).await?;
        if split::joined(&pieces).len() > PATTERN_BYTES_MAX {
            return Err(self.fails("the mock's shell does not have patterns over 1 KiB").await);
        }
        Ok(split::pattern(&pieces))
    }

    pub(super) fn separators(&self) -> String {
        self.variables.get("IFS").unwrap_or(BLANKS).to_owned()
    }

    fn pieces<'a>(&'a mut self, word: &'a Word) -> Pieces<'a> {
        Box::pin(async move {
            let mut pieces = Vec::new();
            for part in &word.parts {
                let part = Box::pin(self.part(part)).await?;
                pieces.extend(part);
                if pieces.iter().map(|piece: &Piece| piece.text().len()).sum::<usize>()
                    > WORD_BYTES_MAX
                {
                    return Err(self.fails("out of memory").await);
                }
            }
            Ok(pieces)
        })
    }

    async fn part(&mut self, part: &Part) -> Result<Vec<Piece>, Leave> {
        Ok(vec![match part {
            Part::Text(text) => Piece::Fixed { text: text.clone(), quoted: false },
            Part::Quoted(text) => Piece::Fixed { text: text.clone(), quoted: true },
            Part::Variable { name, then: Then::Otherwise { how, or_empty, word }, quoted } => {
                return Box::pin(self.otherwise(name, (*how, *or_empty, word), *quoted)).await;
            }
            Part::Variable { name, then: Then::Value, quoted } => {
                return match name.as_str() {
                    "@" | "*" => Ok(self.parameters(name == "@", *quoted)),
                    name => match self.value(name) {
                        None if self.options.unset_is_error => Err(self.not_set(name, "").await),
                        value => Ok(vec![piece(value.unwrap_or_default(), *quoted)]),
                    },
                };
            }
            Part::Variable { name, then, quoted } => {
                let value = match (self.value(name), name.as_str()) {
                    (_, "@" | "*") => self.params.join(" "),
                    (None, name) if self.options.unset_is_error => {
                        return Err(self.not_set(name, "").await);
                    }
                    (value, _) => value.unwrap_or_default(),
                };
                piece(Box::pin(self.made_of(value, then)).await?, *quoted)
            }
            Part::Output { list, quoted } => piece(Box::pin(self.output_of(list)).await?, *quoted),
            Part::Number { expression, quoted } => {
                let text = self.joined(expression).await?;
                match arithmetic::evaluate(&text, &mut self.variables) {
                    Ok(number) => piece(number.to_string(), *quoted),
                    Err(why) => return Err(self.fails(&why).await),
                }
            }
        }])
    }

    async fn made_of(&mut self, value: String, then: &Then) -> Result<String, Leave> {
        Ok(match then {
            Then::Length => value.chars().count().to_string(),
            Then::Trim { suffix, longest, pattern } => {
                let pattern = self.pattern(pattern).await?;
                match suffix {
                    true => pattern.without_suffix(&value, *longest).to_owned(),
                    false => pattern.without_prefix(&value, *longest).to_owned(),
                }
            }
            Then::Value | Then::Otherwise { .. } => value,
        })
    }

    async fn otherwise(
        &mut self,
        name: &str,
        (how, or_empty, word): (char, bool, &Word),
        quoted: bool,
    ) -> Result<Vec<Piece>, Leave> {
        let many = matches!(name, "@" | "*");
        let value = match many {
            true => (!self.params.is_empty()).then(|| self.params.join(" ")),
            false => self.value(name),
        };
        let is_there = value.as_ref().is_some_and(|value| !or_empty || !value.is_empty());
        match (how, is_there) {
            ('+', false) => Ok(vec![piece(String::new(), quoted)]),
            ('-' | '=' | '?', true) if many => Ok(self.parameters(name == "@", quoted)),
            ('-' | '=' | '?', true) => Ok(vec![piece(value.unwrap_or_default(), quoted)]),
            ('?', false) => {
                let why = self.joined(word).await?;
                Err(self.not_set(name, &why).await)
            }
            ('=', false) => {
                let value = self.joined(word).await?;
                self.variables.set(name, value.as_str());
                Ok(vec![piece(value, quoted)])
            }
            _ => {
                let pieces = self.pieces(word).await?;
                Ok(match quoted {
                    true => vec![piece(split::joined(&pieces), true)],
                    // What is not quoted in it falls apart like a value.
                    false => pieces
                        .into_iter()
                        .map(|piece| match piece {
                            Piece::Fixed { text, quoted: false } => Piece::Loose(text),
                            other => other,
                        })
                        .collect(),
                })
            }
        }
    }

    /// `$@` or `$*`.
    fn parameters(&self, each: bool, quoted: bool) -> Vec<Piece> {
        if quoted && !each {
            let between: String = self.separators().chars().take(1).collect();
            return vec![piece(self.params.join(&between), true)];
        }
        let mut pieces = Vec::new();
        for (at, param) in self.params.iter().enumerate() {
            if at > 0 {
                pieces.push(Piece::Break);
            }
            pieces.push(piece(param.clone(), quoted));
        }
        pieces
    }

    async fn not_set(&mut self, name: &str, why: &str) -> Leave {
        let why = if why.is_empty() { "parameter not set" } else { why };
        self.fails(&format!("{name}: {why}")).await
    }

    /// What commands print, without the ends of lines behind it.
    async fn output_of(&mut self, list: &List) -> Result<String, Leave> {
        let (writer, mut reader) = tokio::io::duplex(PIPE_BYTES);
        let mut fork = self.fork();
        fork.actor.stdout = Output::of(writer);
        let played = async {
            let went = fork.list(list).await;
            fork.ends(went).await
        };
        let read = async move {
            let mut bytes = Vec::new();
            let limit = u64::try_from(WORD_BYTES_MAX).expect("it is small") + 1;
            // A duplex stream does not fail. What is too long goes on without a reader.
            let _ = (&mut reader).take(limit).read_to_end(&mut bytes).await;
            bytes
        };
        let (status, bytes) = tokio::join!(played, read);
        if bytes.len() > WORD_BYTES_MAX {
            return Err(self.fails("out of memory").await);
        }
        self.printed = Some(status);
        Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned())
    }
}

fn piece(text: String, quoted: bool) -> Piece {
    match quoted {
        true => Piece::Fixed { text, quoted },
        false => Piece::Loose(text),
    }
}
