//! Puts the values of variables into words.

use super::syntax::{Part, Word};

/// One word, whatever blanks come in.
pub(super) fn joined(word: &Word, value: &impl Fn(&str) -> Option<String>) -> String {
    word.parts.iter().map(|part| text(part, value)).collect()
}

/// Words. A variable that is not quoted falls apart at its blanks, and one that is empty leaves
/// nothing.
pub(super) fn fields(words: &[Word], value: &impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut fields = Vec::new();
    for word in words {
        // The field that is being put together, if anything has begun it.
        let mut open = word.quoted.then(String::new);
        for part in &word.parts {
            let text = text(part, value);
            if !matches!(part, Part::Variable { quoted: false, .. }) {
                open.get_or_insert_default().push_str(&text);
                continue;
            }
            if text.starts_with([' ', '\t', '\n']) {
                fields.extend(open.take());
            }
            let mut pieces = text.split_ascii_whitespace().peekable();
            while let Some(piece) = pieces.next() {
                open.get_or_insert_default().push_str(piece);
                if pieces.peek().is_some() || text.ends_with([' ', '\t', '\n']) {
                    fields.extend(open.take());
                }
            }
        }
        fields.extend(open);
    }
    fields
}

fn text(part: &Part, value: &impl Fn(&str) -> Option<String>) -> String {
    match part {
        Part::Text(text) => text.clone(),
        Part::Variable { name, or, .. } => {
            value(name).filter(|value| !value.is_empty()).unwrap_or_else(|| or.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parser::parse;
    use super::super::syntax::Kind;
    use super::*;

    fn expanded(line: &str) -> Vec<String> {
        let list = parse(line).unwrap();
        let Kind::Simple { words, .. } = &list[0].first.commands[0].kind else { panic!() };
        fields(words, &|name| match name {
            "AB" => Some("a  b".to_owned()),
            "SPACED" => Some(" c ".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    #[test]
    fn variables_fall_into_words_unless_they_are_quoted() {
        assert_eq!(expanded("$AB"), ["a", "b"]);
        assert_eq!(expanded("x${AB}y"), ["xa", "by"]);
        assert_eq!(expanded("x${SPACED}y"), ["x", "c", "y"]);
        assert_eq!(expanded("\"$AB\""), ["a  b"]);
        assert_eq!(expanded("w $EMPTY \"\" $NONE"), ["w", ""]);
        assert_eq!(expanded("${NONE:-d e} ${AB:-x} $"), ["d", "e", "a", "b", "$"]);
    }
}
