//! What `test` and `[` ask: about strings, numbers and terminals. Of files there are only `/` and
//! `/dev/null`.

use super::setting::Setting;

/// Deeper than anybody nests; without a limit, brackets would exhaust the stack.
const DEPTH_MAX: u32 = 50;

struct Condition<'a> {
    words: &'a [&'a str],
    setting: &'a Setting,
    depth: u32,
}

/// Whether it holds, or what is wrong with it.
pub(super) fn holds(words: &[&str], setting: &Setting) -> Result<bool, String> {
    if words.is_empty() {
        return Ok(false);
    }
    let mut condition = Condition { words, setting, depth: 0 };
    let holds = condition.any()?;
    match condition.words.first() {
        None => Ok(holds),
        Some(word) => Err(format!("{word}: unknown operand")),
    }
}

impl Condition<'_> {
    fn any(&mut self) -> Result<bool, String> {
        let mut holds = self.all()?;
        while let ["-o", rest @ ..] = self.words {
            self.words = rest;
            holds |= self.all()?;
        }
        Ok(holds)
    }

    fn all(&mut self) -> Result<bool, String> {
        let mut holds = self.one()?;
        while let ["-a", rest @ ..] = self.words {
            self.words = rest;
            holds &= self.one()?;
        }
        Ok(holds)
    }

    fn one(&mut self) -> Result<bool, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("nested deeper than {DEPTH_MAX}"));
        }
        let holds = self.nested();
        self.depth -= 1;
        holds
    }

    fn nested(&mut self) -> Result<bool, String> {
        let words = self.words;
        match words {
            [left, operator, right, ..] if compares(operator) => {
                self.words = &words[3..];
                compare(left, operator, right)
            }
            ["!", _, ..] => {
                self.words = &words[1..];
                Ok(!self.one()?)
            }
            ["(", _, ..] => {
                self.words = &words[1..];
                let holds = self.any()?;
                match self.words {
                    [")", rest @ ..] => {
                        self.words = rest;
                        Ok(holds)
                    }
                    _ => Err("closing paren expected".to_owned()),
                }
            }
            [operator, "-a" | "-o", _, ..] if !operator.is_empty() => self.word(),
            [operator, word, ..] if operator.len() == 2 && operator.starts_with('-') => {
                let holds = self.asks(operator, word)?;
                self.words = &words[2..];
                Ok(holds)
            }
            [_, operator] if compares(operator) => Err(format!("{operator}: argument expected")),
            [] => Err("argument expected".to_owned()),
            _ => self.word(),
        }
    }

    /// A word alone holds if it is not empty.
    fn word(&mut self) -> Result<bool, String> {
        let holds = !self.words[0].is_empty();
        self.words = &self.words[1..];
        Ok(holds)
    }

    fn asks(&self, operator: &str, word: &str) -> Result<bool, String> {
        Ok(match operator {
            "-n" => !word.is_empty(),
            "-z" => word.is_empty(),
            "-t" => self.setting.terminal && matches!(number(word)?, 0..=2),
            "-e" | "-r" | "-w" => matches!(word, "/" | "/dev/null"),
            "-d" | "-x" => word == "/",
            "-c" => word == "/dev/null",
            "-f" | "-s" | "-b" | "-h" | "-L" | "-p" | "-S" | "-u" | "-g" | "-k" => false,
            _ => return Err(format!("the mock's test does not have {operator}")),
        })
    }
}

fn compares(operator: &str) -> bool {
    ["=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge"].contains(&operator)
}

fn compare(left: &str, operator: &str, right: &str) -> Result<bool, String> {
    Ok(match operator {
        "=" | "==" => left == right,
        "!=" => left != right,
        "<" => left < right,
        ">" => left > right,
        "-eq" => number(left)? == number(right)?,
        "-ne" => number(left)? != number(right)?,
        "-lt" => number(left)? < number(right)?,
        "-le" => number(left)? <= number(right)?,
        "-gt" => number(left)? > number(right)?,
        _ => number(left)? >= number(right)?,
    })
}

fn number(word: &str) -> Result<i64, String> {
    word.trim().parse().map_err(|_| format!("{word}: bad number"))
}
