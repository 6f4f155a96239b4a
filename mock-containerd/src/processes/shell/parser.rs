//! Reads a line of shell. What the shell does not have is said, never passed over.

use super::lexer::{NotPlayed, Token, is_name, tokens};
use super::syntax::{Command, Item, Kind, Link, List, Part, Pipeline, Word};

/// Deeper than anybody nests; without a limit, brackets would exhaust the stack.
const DEPTH_MAX: usize = 20;
/// Where a list ends that stands inside of something.
const CLOSING: [&str; 7] = ["}", "then", "elif", "else", "fi", "do", "done"];

/// Reads a whole line.
pub(super) fn parse(line: &str) -> Result<List, NotPlayed> {
    let mut parser = Parser { tokens: tokens(line)?, at: 0, depth: 0 };
    let list = parser.list()?;
    match parser.peek() {
        None => Ok(list),
        Some(token) => Err(unexpected(Some(token))),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

fn unexpected(token: Option<&Token>) -> NotPlayed {
    let what = match token {
        None => "end of line".to_owned(),
        Some(Token::Operator("\n")) => "newline".to_owned(),
        Some(Token::Operator(operator)) => format!("{operator:?}"),
        Some(Token::Redirect(_)) => "redirection".to_owned(),
        Some(Token::Word(word)) => match word.bare() {
            Some(text) => format!("{text:?}"),
            None => "word".to_owned(),
        },
    };
    NotPlayed(format!("syntax error: unexpected {what}"))
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn keyword(&self) -> Option<&str> {
        match self.peek() {
            Some(Token::Word(word)) => word.bare(),
            _ => None,
        }
    }

    fn takes(&mut self, operator: &str) -> bool {
        let taken = matches!(self.peek(), Some(Token::Operator(next)) if *next == operator);
        self.at += usize::from(taken);
        taken
    }

    fn expect(&mut self, keyword: &str) -> Result<(), NotPlayed> {
        if self.keyword() != Some(keyword) {
            return Err(unexpected(self.peek()));
        }
        self.at += 1;
        Ok(())
    }

    fn skip_newlines(&mut self) {
        while self.takes("\n") {}
    }

    fn list(&mut self) -> Result<List, NotPlayed> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(NotPlayed(format!("nested deeper than {DEPTH_MAX}")));
        }
        let mut list = List::new();
        loop {
            self.skip_newlines();
            let ended = match self.peek() {
                None | Some(Token::Operator(")")) => true,
                _ => self.keyword().is_some_and(|word| CLOSING.contains(&word)),
            };
            if ended {
                break;
            }
            let mut item = self.item()?;
            item.background = self.takes("&");
            let goes_on = item.background || self.takes(";") || self.takes("\n");
            list.push(item);
            if !goes_on {
                break;
            }
        }
        self.depth -= 1;
        Ok(list)
    }

    /// A list that must not be empty, as the shell has it inside of its constructs.
    fn body(&mut self) -> Result<List, NotPlayed> {
        let list = self.list()?;
        if list.is_empty() { Err(unexpected(self.peek())) } else { Ok(list) }
    }

    fn item(&mut self) -> Result<Item, NotPlayed> {
        let first = self.pipeline()?;
        let mut then = Vec::new();
        loop {
            let link = if self.takes("&&") {
                Link::And
            } else if self.takes("||") {
                Link::Or
            } else {
                return Ok(Item { first, then, background: false });
            };
            self.skip_newlines();
            then.push((link, self.pipeline()?));
        }
    }

    fn pipeline(&mut self) -> Result<Pipeline, NotPlayed> {
        let negated = self.keyword() == Some("!");
        self.at += usize::from(negated);
        let mut commands = vec![self.command()?];
        while self.takes("|") {
            self.skip_newlines();
            commands.push(self.command()?);
        }
        Ok(Pipeline { negated, commands })
    }

    fn command(&mut self) -> Result<Command, NotPlayed> {
        let opening = self.keyword().map(str::to_owned);
        if self.takes("(") {
            let list = self.body()?;
            if !self.takes(")") {
                return Err(unexpected(self.peek()));
            }
            return self.redirected(Kind::Subshell(list));
        }
        let Some(opening) = opening else { return self.simple() };
        match opening.as_str() {
            "{" | "if" | "while" | "until" | "for" => self.at += 1,
            "case" | "function" => {
                return Err(NotPlayed(format!("the mock's shell does not have {opening}")));
            }
            _ => return self.simple(),
        }
        let kind = match opening.as_str() {
            "{" => {
                let list = self.body()?;
                self.expect("}")?;
                Kind::Group(list)
            }
            "if" => self.branches()?,
            "for" => self.loop_over()?,
            _ => {
                let condition = self.body()?;
                Kind::While { condition, until: opening == "until", body: self.do_done()? }
            }
        };
        self.redirected(kind)
    }

    fn redirected(&mut self, kind: Kind) -> Result<Command, NotPlayed> {
        let mut redirects = Vec::new();
        while let Some(Token::Redirect(redirect)) = self.peek() {
            redirects.push(*redirect);
            self.at += 1;
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
            let keyword = self.keyword().map(str::to_owned);
            match keyword.as_deref() {
                Some("elif") => self.at += 1,
                Some("else") => {
                    self.at += 1;
                    let otherwise = self.body()?;
                    self.expect("fi")?;
                    return Ok(Kind::If { branches, otherwise });
                }
                _ => {
                    self.expect("fi")?;
                    return Ok(Kind::If { branches, otherwise: List::new() });
                }
            }
        }
    }

    fn loop_over(&mut self) -> Result<Kind, NotPlayed> {
        let name = self.keyword().filter(|name| is_variable(name)).map(str::to_owned);
        let Some(name) = name else { return Err(unexpected(self.peek())) };
        self.at += 1;
        self.expect("in")?;
        let mut words = Vec::new();
        while let Some(Token::Word(word)) = self.peek() {
            words.push(word.clone());
            self.at += 1;
        }
        if !self.takes(";") && !self.takes("\n") {
            return Err(unexpected(self.peek()));
        }
        self.skip_newlines();
        Ok(Kind::For { name, words, body: self.do_done()? })
    }

    fn simple(&mut self) -> Result<Command, NotPlayed> {
        let (mut assignments, mut words, mut redirects) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            match self.peek() {
                Some(Token::Redirect(redirect)) => redirects.push(*redirect),
                Some(Token::Word(word)) => match assignment(word) {
                    Some(assignment) if words.is_empty() => assignments.push(assignment),
                    _ => words.push(word.clone()),
                },
                Some(Token::Operator("(")) if !words.is_empty() => {
                    return Err(NotPlayed("the mock's shell does not have functions".to_owned()));
                }
                _ => break,
            }
            self.at += 1;
        }
        if assignments.is_empty() && words.is_empty() && redirects.is_empty() {
            return Err(unexpected(self.peek()));
        }
        Ok(Command { kind: Kind::Simple { assignments, words }, redirects })
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && name.chars().all(is_name)
        && !name.starts_with(|first: char| first.is_ascii_digit())
}

/// `NAME=value`, where the name and the sign are not quoted.
fn assignment(word: &Word) -> Option<(String, Word)> {
    let Some(Part::Text(text)) = word.parts.first() else { return None };
    let (name, value) = text.split_once('=')?;
    if !is_variable(name) {
        return None;
    }
    let mut parts = vec![Part::Text(value.to_owned())];
    parts.extend(word.parts[1..].iter().cloned());
    Some((name.to_owned(), Word { parts, quoted: word.quoted }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(line: &str) -> String {
        parse(line).unwrap_err().0
    }

    #[test]
    fn what_people_write_in_containers_is_read() {
        for line in [
            "exit 7",
            "trap 'exit 3' TERM INT; while true; do sleep 1; done",
            "echo a && echo b || echo c >&2; exit",
            "if [ \"$A\" = b ]; then echo yes; else echo no; fi 2>&1",
            "for i in 1 2 3; do echo $i; done | cat",
            "{ echo a; ( exit 3 ); } > /dev/null\n# a remark\n! false",
            "sleep 100 & wait $!",
            "A=1 B=${C:-two} env",
            "",
            " \n ",
        ] {
            assert!(parse(line).is_ok(), "{line:?}: {:?}", parse(line));
        }
    }

    #[test]
    fn what_is_not_had_is_said() {
        assert!(refused("echo a > /etc/passwd").contains("redirections"));
        assert!(refused("echo $(id)").contains("command substitution"));
        assert!(refused("f() { echo; }").contains("functions"));
        assert!(refused("case a in a) ;; esac").contains("case"));
        assert!(refused("cat << END").contains("here-documents"));
    }

    #[test]
    fn what_is_no_shell_is_a_syntax_error() {
        for line in ["&& true", "if true; fi", "( true", "true )", "echo 'a", "while true", "{ }"] {
            assert!(refused(line).starts_with("syntax error"), "{line:?}: {}", refused(line));
        }
        assert!(refused(&"(".repeat(5000)).contains("nested"));
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "\\PC{0,80}") {
            let _ = parse(&line);
        }

        #[test]
        fn no_heap_of_its_own_words_makes_it_panic(
            words in proptest::collection::vec(
                proptest::sample::select(vec![
                    "if", "then", "else", "elif", "fi", "while", "until", "do", "done", "for", "in",
                    "x", "{", "}", "(", ")", ";", "&", "&&", "||", "|", "\n", "!", "'a b'", "\"$x",
                    "\"", "${y:-z}", "$?", ">&2", "2>", "/dev/null", "A=b", "\\", "#", "echo",
                ]),
                0..30,
            ),
        ) {
            let _ = parse(&words.join(" "));
            let _ = parse(&words.concat());
        }

        #[test]
        fn quoted_text_stays_what_it_is(text in "[^']{0,30}") {
            let list = parse(&format!("echo '{text}'")).unwrap();
            let Kind::Simple { words, .. } = &list[0].first.commands[0].kind else { panic!() };
            let parts = if text.is_empty() { vec![] } else { vec![Part::Text(text)] };
            prop_assert_eq!(&words[1].parts, &parts);
        }
    }
}
