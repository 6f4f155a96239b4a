//! Reads commands that are made of lists: brackets, branches, loops, functions.

use std::sync::Arc;

use super::lexer::Token;
use super::not_played::{NotPlayed, missing};
use super::parser::{CLOSING, Reader, is_variable};
use super::syntax::{Command, Kind, List, Word};

impl Reader {
    pub(super) fn command(&mut self) -> Result<Command, NotPlayed> {
        let kind = if self.takes("(")? {
            let list = self.body()?;
            self.expect_operator(")")?;
            Kind::Subshell(list)
        } else if self.takes_keyword("{")? {
            let list = self.body()?;
            self.expect("}")?;
            Kind::Group(list)
        } else if self.takes_keyword("if")? {
            self.branches()?
        } else if self.takes_keyword("while")? {
            Kind::While { condition: self.body()?, until: false, body: self.do_done()? }
        } else if self.takes_keyword("until")? {
            Kind::While { condition: self.body()?, until: true, body: self.do_done()? }
        } else if self.takes_keyword("for")? {
            self.loop_over()?
        } else if self.takes_keyword("case")? {
            self.cases()?
        } else {
            return match self.keyword()? {
                Some(word) if CLOSING.contains(&word) => self.unexpected(),
                Some("function") => missing("function"),
                _ => self.simple(),
            };
        };
        let mut redirects = Vec::new();
        while let Some(Token::Redirect(redirect)) = self.peek()? {
            redirects.push(redirect.clone());
            self.ahead = None;
        }
        Ok(Command { kind, redirects })
    }

    fn do_done(&mut self) -> Result<List, NotPlayed> {
        self.expect("do")?;
        let body = self.body()?;
        self.expect("done")?;
        Ok(body)
    }

    fn branches(&mut self) -> Result<Kind, NotPlayed> {
        let mut branches = Vec::new();
        loop {
            let condition = self.body()?;
            self.expect("then")?;
            branches.push((condition, self.body()?));
            if self.takes_keyword("elif")? {
                continue;
            }
            let otherwise = if self.takes_keyword("else")? { self.body()? } else { List::new() };
            self.expect("fi")?;
            return Ok(Kind::If { branches, otherwise });
        }
    }

    fn loop_over(&mut self) -> Result<Kind, NotPlayed> {
        let name = self.keyword()?.filter(|name| is_variable(name)).map(str::to_owned);
        let Some(name) = name else { return self.unexpected() };
        self.ahead = None;
        let _ = self.takes(";")?;
        self.skip_newlines()?;
        let words = match self.takes_keyword("in")? {
            false => None,
            true => {
                let mut words = Vec::new();
                while let Some(Token::Word(word)) = self.peek()? {
                    words.push(word.clone());
                    self.ahead = None;
                }
                if !self.takes(";")? && !self.takes("\n")? {
                    return self.unexpected();
                }
                Some(words)
            }
        };
        self.skip_newlines()?;
        Ok(Kind::For { name, words, body: self.do_done()? })
    }

    fn any_word(&mut self) -> Result<Word, NotPlayed> {
        match self.take()? {
            Some(Token::Word(word)) => Ok(word),
            other => Err(NotPlayed::at(other.as_ref())),
        }
    }

    fn cases(&mut self) -> Result<Kind, NotPlayed> {
        let word = self.any_word()?;
        self.skip_newlines()?;
        self.expect("in")?;
        let mut branches = Vec::new();
        loop {
            self.skip_newlines()?;
            if self.takes_keyword("esac")? {
                return Ok(Kind::Case { word, branches });
            }
            let _ = self.takes("(")?;
            let mut patterns = vec![self.any_word()?];
            while self.takes("|")? {
                patterns.push(self.any_word()?);
            }
            self.expect_operator(")")?;
            branches.push((patterns, self.list()?));
            if !self.takes(";;")? {
                self.expect("esac")?;
                return Ok(Kind::Case { word, branches });
            }
        }
    }

    pub(super) fn function(&mut self, name: &Word) -> Result<Command, NotPlayed> {
        let Some(name) = name.bare().filter(|name| is_variable(name)) else {
            return self.unexpected();
        };
        self.expect_operator("(")?;
        self.expect_operator(")")?;
        self.skip_newlines()?;
        let body = self.deeper(Self::command)?;
        if matches!(body.kind, Kind::Simple { .. } | Kind::Function { .. }) {
            return missing("functions without brackets");
        }
        let body = Arc::new(body);
        Ok(Command { kind: Kind::Function { name: name.to_owned(), body }, redirects: Vec::new() })
    }
}
