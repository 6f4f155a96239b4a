//! The filter grammar that every list and the event stream share: selectors joined by commas are
//! all required, several filters are alternatives.

use regex::Regex;

/// One filter: all of its selectors must hold.
#[derive(Debug)]
pub(crate) struct Filter {
    selectors: Vec<Selector>,
}

#[derive(Debug)]
struct Selector {
    path: Vec<String>,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Present,
    Equal(String),
    NotEqual(String),
    /// `None`: the expression does not compile, which matches nothing and is no error.
    Matches(Option<Regex>),
}

/// Looks a field up by its path.
pub(crate) type Fields<'f> = &'f dyn Fn(&[&str]) -> Option<String>;

impl Filter {
    /// Reads one filter.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { text, at: 0 };
        let mut selectors = Vec::new();
        loop {
            parser.spaces();
            // Nothing at all asks for nothing; after a comma something must come.
            if selectors.is_empty() && parser.at == text.len() {
                break;
            }
            selectors.push(parser.selector()?);
            parser.spaces();
            match parser.peek() {
                Some(',') => parser.at += 1,
                None => break,
                Some(_) => return Err(parser.error(1, "unexpected input")),
            }
        }
        Ok(Self { selectors })
    }

    /// Whether an object with these fields passes.
    pub(crate) fn passes(&self, fields: Fields<'_>) -> bool {
        self.selectors.iter().all(|selector| selector.passes(fields))
    }
}

/// Reads several; none at all let everything pass.
pub(crate) fn parse_all(texts: &[String]) -> Result<Vec<Filter>, String> {
    texts.iter().map(|text| Filter::parse(text)).collect()
}

/// Copies of those that one of them lets pass.
pub(super) fn passing<'t, T: Clone + 't>(
    filters: &[Filter],
    things: impl Iterator<Item = &'t T>,
    field: impl Fn(&T, &[&str]) -> Option<String>,
) -> Vec<T> {
    let passes = |thing: &&T| any_passes(filters, &|path: &[&str]| field(thing, path));
    things.filter(passes).cloned().collect()
}

/// Whether one of them lets it pass.
pub(crate) fn any_passes(filters: &[Filter], fields: Fields<'_>) -> bool {
    filters.is_empty() || filters.iter().any(|filter| filter.passes(fields))
}

impl Selector {
    fn passes(&self, fields: Fields<'_>) -> bool {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let value = fields(&path);
        match &self.test {
            Test::Present => value.is_some(),
            Test::Equal(wanted) => value.as_ref() == Some(wanted),
            Test::NotEqual(unwanted) => value.as_ref() != Some(unwanted),
            Test::Matches(regex) => match (regex, value) {
                (Some(regex), Some(value)) => regex.is_match(&value),
                _ => false,
            },
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn spaces(&mut self) {
        while let Some(space) = self.peek().filter(|sign| sign.is_whitespace()) {
            self.at += space.len_utf8();
        }
    }

    /// Words an error as containerd does: the offending text between `>|` and `|<`.
    fn error(&self, length: usize, what: &str) -> String {
        let (before, rest) = self.text.split_at(self.at);
        let cut = rest.char_indices().nth(length).map_or(rest.len(), |(index, _)| index);
        let (here, after) = rest.split_at(cut);
        let shown = match (here.is_empty(), before.is_empty()) {
            (true, _) => format!("[{before}]"),
            _ => format!("[{before} >|{here}|< {after}]"),
        };
        format!("filters: parse error: {shown}: {what}: invalid argument")
    }

    fn selector(&mut self) -> Result<Selector, String> {
        let mut path = vec![self.field()?];
        while self.peek() == Some('.') {
            self.at += 1;
            path.push(self.field()?);
        }
        self.spaces();
        let rest = &self.text[self.at..];
        let test = match rest.chars().next() {
            None | Some(',') => return Ok(Selector { path, test: Test::Present }),
            Some('=' | '!' | '~') => {
                let operator: String = rest.chars().take_while(|c| "=!~".contains(*c)).collect();
                if !matches!(operator.as_str(), "==" | "!=" | "~=") {
                    let what = format!("unsupported operator {operator:?}");
                    return Err(self.error(operator.len(), &what));
                }
                self.at += operator.len();
                operator
            }
            Some(_) => {
                let what = "expected an operator (\"==\"|\"!=\"|\"~=\")";
                return Err(self.error(1, what));
            }
        };
        self.spaces();
        let value = self.value(test == "~=")?;
        let test = match test.as_str() {
            "==" => Test::Equal(value),
            "!=" => Test::NotEqual(value),
            _ => Test::Matches(Regex::new(&value).ok()),
        };
        Ok(Selector { path, test })
    }

    fn field(&mut self) -> Result<String, String> {
        if self.peek() == Some('"') {
            return self.quoted('"');
        }
        let rest = &self.text[self.at..];
        let word: String =
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        if !word.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Err(self.error(1, "expected field or quoted"));
        }
        self.at += word.len();
        Ok(word)
    }

    fn value(&mut self, regex: bool) -> Result<String, String> {
        match self.peek() {
            None | Some(',') => Err(self.error(0, "expected value or quoted")),
            Some('"') => self.quoted('"'),
            Some(quote @ ('/' | '|')) if regex => self.quoted(quote),
            Some('/' | '|') => Err(self.error(1, "invalid quote encountered")),
            Some(_) => {
                let rest = &self.text[self.at..];
                let word: String =
                    rest.chars().take_while(|c| !c.is_whitespace() && *c != ',').collect();
                self.at += word.len();
                Ok(word)
            }
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, String> {
        let mut value = String::new();
        let mut escaped = false;
        for (index, c) in self.text[self.at..].char_indices().skip(1) {
            match c {
                _ if escaped => {
                    // A regular expression keeps its escapes; only the quote itself loses it.
                    if quote != '"' && c != quote {
                        value.push('\\');
                    }
                    value.push(c);
                    escaped = false;
                }
                '\\' => escaped = true,
                c if c == quote => {
                    self.at += index + c.len_utf8();
                    return Ok(value);
                }
                c => value.push(c),
            }
        }
        Err(self.error(1, "unterminated literal"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn passes(filter: &str) -> bool {
        let fields = |path: &[&str]| match path {
            ["id"] => Some("c1".to_owned()),
            ["topic"] => Some("/tasks/exit".to_owned()),
            ["labels", "a.b"] => Some("x y".to_owned()),
            _ => None,
        };
        Filter::parse(filter).unwrap().passes(&fields)
    }

    #[test]
    fn selectors_compare_match_and_ask_for_presence() {
        for filter in [
            "id==c1",
            "id",
            "id == c1",
            "id!=c2",
            "nothing!=x",
            "topic~=|^/tasks/|",
            "topic~=/exit$/",
            r#"topic=="/tasks/exit",id==c1"#,
            r#"labels."a.b"=="x y""#,
            "",
        ] {
            assert!(passes(filter), "{filter}");
        }
        for filter in ["id==c2", "nothing", "id==c1,topic==x", "topic~=|^/images/|", "id~=|(|"] {
            assert!(!passes(filter), "{filter}");
        }
    }

    #[test]
    fn errors_are_worded_as_containerd_words_them() {
        for (filter, error) in [
            ("id=c2", r#"[id >|=|< c2]: unsupported operator "=""#),
            ("id==c2,", "[id==c2,]: expected field or quoted"),
            ("id==", "[id==]: expected value or quoted"),
            ("=x", "[ >|=|< x]: expected field or quoted"),
            ("id>c1", r#"[id >|>|< c1]: expected an operator ("=="|"!="|"~=")"#),
            ("topic==/t/one", "[topic== >|/|< t/one]: invalid quote encountered"),
        ] {
            let expected = format!("filters: parse error: {error}: invalid argument");
            assert_eq!(Filter::parse(filter).unwrap_err(), expected);
        }
    }

    #[test]
    fn a_space_of_several_bytes_is_one_space() {
        assert!(passes("\u{85}id\u{2003}==\u{a0}c1"));
    }

    proptest! {
        #[test]
        fn no_filter_makes_the_parser_panic(text in ".{0,30}") {
            let _ = Filter::parse(&text);
        }

        #[test]
        fn every_value_is_found_again_when_it_is_quoted(value in "[ -~]{0,20}") {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            let filter = Filter::parse(&format!("id==\"{quoted}\"")).unwrap();
            prop_assert!(filter.passes(&|_: &[&str]| Some(value.clone())));
        }
    }
}
