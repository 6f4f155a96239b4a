//! Reads a script, a line at a time: its lists, and simple commands.

use super::lexer::Token;
use super::not_played::NotPlayed;
use super::source::Source;
use super::syntax::{Command, Item, Kind, Link, List, Part, Pipeline, Word};

/// Deeper than anybody nests; without a limit, brackets would exhaust the stack.
const DEPTH_MAX: usize = 20;
/// Where a list ends that stands inside of something.
pub(super) const CLOSING: [&str; 8] = ["}", "then", "elif", "else", "fi", "do", "done", "esac"];

/// Whether it can stand in the name of a variable.
pub(super) fn is_name(next: char) -> bool {
    next.is_ascii_alphanumeric() || next == '_'
}

pub(super) fn is_variable(name: &str) -> bool {
    name.chars().all(is_name) && name.starts_with(|first: char| !first.is_ascii_digit())
}

/// Reads all of a script at once.
#[cfg(test)]
pub(super) fn parse(text: &str) -> Result<List, NotPlayed> {
    Reader::new(text).script()
}

/// Stands somewhere in a script.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) source: Source,
    pub(super) ahead: Option<Token>,
    depth: usize,
}

impl Reader {
    pub(super) fn new(text: &str) -> Self {
        Self { source: Source::new(text), ahead: None, depth: 0 }
    }

    /// The commands of the next line that has any. A shell plays them before it reads on.
    pub(super) fn line(&mut self) -> Result<Option<List>, NotPlayed> {
        self.skip_newlines()?;
        let mut list = List::new();
        while self.peek()?.is_some() && !self.takes("\n")? {
            list.push(self.item()?);
            if !self.ends_item(&mut list)?
                && !matches!(self.peek()?, None | Some(Token::Operator("\n")))
            {
                return Err(NotPlayed::at(self.peek()?));
            }
        }
        Ok((!list.is_empty()).then_some(list))
    }

    /// Everything to the end.
    pub(super) fn script(&mut self) -> Result<List, NotPlayed> {
        let list = self.list()?;
        match self.peek()? {
            None => Ok(list),
            Some(token) => Err(NotPlayed::at(Some(token))),
        }
    }

    /// Reads a text that stands inside of this one.
    pub(super) fn within<T>(
        &mut self,
        text: &str,
        read: impl FnOnce(&mut Self) -> Result<T, NotPlayed>,
    ) -> Result<T, NotPlayed> {
        let mut inner = Self { depth: self.depth, ..Self::new(text) };
        // Its end is final, whatever comes in the text around it.
        read(&mut inner).map_err(|why| NotPlayed { is_incomplete: false, ..why })
    }

    /// Reads what may stand inside of itself.
    pub(super) fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, NotPlayed>,
    ) -> Result<T, NotPlayed> {
        if self.depth >= DEPTH_MAX {
            return Err(NotPlayed::new(format!("nested deeper than {DEPTH_MAX}")));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    pub(super) fn peek(&mut self) -> Result<Option<&Token>, NotPlayed> {
        if self.ahead.is_none() {
            self.ahead = self.token()?;
        }
        Ok(self.ahead.as_ref())
    }

    pub(super) fn take(&mut self) -> Result<Option<Token>, NotPlayed> {
        self.peek()?;
        Ok(self.ahead.take())
    }

    pub(super) fn keyword(&mut self) -> Result<Option<&str>, NotPlayed> {
        Ok(match self.peek()? {
            Some(Token::Word(word)) => word.bare(),
            _ => None,
        })
    }

    pub(super) fn takes(&mut self, operator: &str) -> Result<bool, NotPlayed> {
        let taken = matches!(self.peek()?, Some(Token::Operator(next)) if *next == operator);
        if taken {
            self.ahead = None;
        }
        Ok(taken)
    }

    pub(super) fn takes_keyword(&mut self, keyword: &str) -> Result<bool, NotPlayed> {
        let taken = self.keyword()? == Some(keyword);
        if taken {
            self.ahead = None;
        }
        Ok(taken)
    }

    pub(super) fn unexpected<T>(&mut self) -> Result<T, NotPlayed> {
        Err(NotPlayed::at(self.peek()?))
    }

    pub(super) fn expect(&mut self, keyword: &str) -> Result<(), NotPlayed> {
        if self.takes_keyword(keyword)? { Ok(()) } else { self.unexpected() }
    }

    pub(super) fn expect_operator(&mut self, operator: &str) -> Result<(), NotPlayed> {
        if self.takes(operator)? { Ok(()) } else { self.unexpected() }
    }

    pub(super) fn skip_newlines(&mut self) -> Result<(), NotPlayed> {
        while self.takes("\n")? {}
        Ok(())
    }

    /// Up to what closes it.
    pub(super) fn list(&mut self) -> Result<List, NotPlayed> {
        self.deeper(|reader| {
            let mut list = List::new();
            loop {
                reader.skip_newlines()?;
                let ended = match reader.peek()? {
                    None | Some(Token::Operator(")" | ";;")) => true,
                    _ => reader.keyword()?.is_some_and(|word| CLOSING.contains(&word)),
                };
                if ended {
                    return Ok(list);
                }
                list.push(reader.item()?);
                if !reader.ends_item(&mut list)? && !reader.takes("\n")? {
                    return Ok(list);
                }
            }
        })
    }

    /// Whether the last item ended with a sign of its own.
    fn ends_item(&mut self, list: &mut List) -> Result<bool, NotPlayed> {
        let background = self.takes("&")?;
        if let Some(last) = list.last_mut() {
            last.background = background;
        }
        Ok(background || self.takes(";")?)
    }

    /// A list that must not be empty, as the shell has it inside of its constructs.
    pub(super) fn body(&mut self) -> Result<List, NotPlayed> {
        let list = self.list()?;
        if list.is_empty() { self.unexpected() } else { Ok(list) }
    }

    fn item(&mut self) -> Result<Item, NotPlayed> {
        let first = self.pipeline()?;
        let mut then = Vec::new();
        loop {
            let link = if self.takes("&&")? {
                Link::And
            } else if self.takes("||")? {
                Link::Or
            } else {
                return Ok(Item { first, then, background: false });
            };
            self.skip_newlines()?;
            then.push((link, self.pipeline()?));
        }
    }

    fn pipeline(&mut self) -> Result<Pipeline, NotPlayed> {
        let negated = self.takes_keyword("!")?;
        let mut commands = vec![self.command()?];
        while self.takes("|")? {
            self.skip_newlines()?;
            commands.push(self.command()?);
        }
        Ok(Pipeline { negated, commands })
    }

    pub(super) fn simple(&mut self) -> Result<Command, NotPlayed> {
        let (mut assignments, mut words, mut redirects) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            match self.peek()? {
                Some(Token::Redirect(redirect)) => redirects.push(redirect.clone()),
                Some(Token::Word(word)) => match assignment(word) {
                    Some(assignment) if words.is_empty() => assignments.push(assignment),
                    _ => words.push(word.clone()),
                },
                Some(Token::Operator("(")) if words.len() == 1 && assignments.is_empty() => {
                    return self.function(&words[0]);
                }
                _ => break,
            }
            self.ahead = None;
        }
        if assignments.is_empty() && words.is_empty() && redirects.is_empty() {
            return self.unexpected();
        }
        Ok(Command { kind: Kind::Simple { assignments, words }, redirects })
    }
}

/// `NAME=value`, where the name and the sign are not quoted.
fn assignment(word: &Word) -> Option<(String, Word)> {
    let Some(Part::Text(text)) = word.parts.first() else { return None };
    let (name, value) = text.split_once('=')?;
    if !is_variable(name) {
        return None;
    }
    let mut parts = Vec::new();
    if !value.is_empty() {
        parts.push(Part::Text(value.to_owned()));
    }
    parts.extend(word.parts[1..].iter().cloned());
    Some((name.to_owned(), Word { parts }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(line: &str) -> String {
        parse(line).unwrap_err().why
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
            "f() { return $(( $# + 1 )); }\nf \"$@\" `id -u`",
            "case $(case a in a) echo b;; esac) in (b|c*) ;; *) echo d\nesac",
            "cat <<-'A' <<B\n\ta\n\tA\nb $C\nB\necho d",
            "",
            " \n ",
        ] {
            assert!(parse(line).is_ok(), "{line:?}: {:?}", parse(line));
        }
    }

    #[test]
    fn what_is_not_had_is_said() {
        for (line, what) in [
            ("echo a > /etc/passwd", "redirections"),
            ("echo a 3>&1", "redirections"),
            ("echo a &> /dev/null", "&>"),
            ("cat <<< a", "<<<"),
            ("echo ${A/b/c}", "such an expansion"),
            ("echo $'a'", "$'…'"),
            ("function f { echo; }", "function"),
            ("f() echo", "functions without brackets"),
        ] {
            assert!(refused(line).contains(&format!("does not have {what}")), "{}", refused(line));
        }
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
                    "case", "in", "esac", ";;", "$(", "$((", "`", "${x%", "<<E", "E", "f()",
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
            prop_assert_eq!(&words[1].parts, &[Part::Quoted(text)]);
        }
    }
}
