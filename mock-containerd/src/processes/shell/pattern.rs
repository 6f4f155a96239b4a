//! Patterns of `case`, `%` and `#`: `*`, `?` and `[…]`.

/// One place of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Many,
    Any,
    One(char),
    /// Ranges, both ends included.
    Of {
        ranges: Vec<(char, char)>,
        negated: bool,
    },
}

impl Place {
    fn takes(&self, next: char) -> bool {
        match self {
            Self::Many | Self::Any => true,
            Self::One(one) => *one == next,
            Self::Of { ranges, negated } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&next)) != *negated
            }
        }
    }
}

/// A pattern, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    places: Vec<Place>,
}

impl Pattern {
    /// Of characters, and whether each is quoted and means itself.
    pub(super) fn new(chars: &[(char, bool)]) -> Self {
        let (mut places, mut at) = (Vec::new(), 0);
        while let Some((next, quoted)) = chars.get(at).copied() {
            at += 1;
            places.push(match next {
                '*' if !quoted => Place::Many,
                '?' if !quoted => Place::Any,
                '[' if !quoted => match set(&chars[at..]) {
                    Some((place, length)) => {
                        at += length;
                        place
                    }
                    None => Place::One('['),
                },
                next => Place::One(next),
            });
        }
        Self { places }
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        self.lengths(text.chars(), false).last() == Some(&text.chars().count())
    }

    /// What is left of a text when the start that matches is taken off.
    pub(super) fn without_prefix<'a>(&self, text: &'a str, longest: bool) -> &'a str {
        let lengths = self.lengths(text.chars(), false);
        let taken = if longest { lengths.last() } else { lengths.first() };
        let taken = taken.copied().unwrap_or_default();
        text.char_indices().nth(taken).map_or("", |(at, _)| &text[at..])
    }

    /// The same of its end.
    pub(super) fn without_suffix<'a>(&self, text: &'a str, longest: bool) -> &'a str {
        let lengths = self.lengths(text.chars().rev(), true);
        let taken = if longest { lengths.last() } else { lengths.first() };
        let kept = text.chars().count() - taken.copied().unwrap_or_default();
        text.char_indices().nth(kept).map_or(text, |(at, _)| &text[..at])
    }

    /// So many characters may match, in ascending order.
    fn lengths(&self, text: impl Iterator<Item = char>, backwards: bool) -> Vec<usize> {
        let count = self.places.len();
        let place = |at: usize| &self.places[if backwards { count - 1 - at } else { at }];
        // By place: whether the text so far has come to before it.
        let mut reached = vec![false; count + 1];
        reached[0] = true;
        let skip = |reached: &mut Vec<bool>| {
            for at in 0..count {
                if reached[at] && *place(at) == Place::Many {
                    reached[at + 1] = true;
                }
            }
        };
        skip(&mut reached);
        let mut lengths = Vec::new();
        if reached[count] {
            lengths.push(0);
        }
        for (length, next) in text.enumerate() {
            let mut after = vec![false; count + 1];
            for at in (0..count).filter(|at| reached[*at] && place(*at).takes(next)) {
                after[if *place(at) == Place::Many { at } else { at + 1 }] = true;
            }
            skip(&mut after);
            if after[count] {
                lengths.push(length + 1);
            }
            if !after.contains(&true) {
                break;
            }
            reached = after;
        }
        lengths
    }
}

/// What stands behind `[`, and how long it is; `None`: nothing closes it.
fn set(chars: &[(char, bool)]) -> Option<(Place, usize)> {
    let negated = matches!(chars.first(), Some(('!' | '^', false)));
    let begin = usize::from(negated);
    let (mut ranges, mut at) = (Vec::new(), begin);
    loop {
        match chars[at..] {
            [(']', false), ..] if at > begin => {
                return Some((Place::Of { ranges, negated }, at + 1));
            }
            [(from, _), ('-', false), (to, quoted), ..] if to != ']' || quoted => {
                ranges.push((from, to));
                at += 3;
            }
            [(one, _), ..] => {
                ranges.push((one, one));
                at += 1;
            }
            [] => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(&text.chars().map(|next| (next, false)).collect::<Vec<_>>())
    }

    #[test]
    fn a_pattern_matches_the_whole_text_or_an_end_of_it() {
        for (of, text) in
            [("a*c", "abbc"), ("?", "é"), ("[a-c]x", "bx"), ("[!a]", "b"), ("[]]", "]")]
        {
            assert!(pattern(of).matches(text), "{of} {text}");
        }
        for (of, text) in [("a*c", "ab"), ("?", ""), ("[a-c]", "d"), ("[!a]", "a"), ("[", "x")] {
            assert!(!pattern(of).matches(text), "{of} {text}");
        }
        assert_eq!(pattern("*/").without_prefix("/a/b", false), "a/b");
        assert_eq!(pattern("*/").without_prefix("/a/b", true), "b");
        assert_eq!(pattern(".*").without_suffix("a.b.c", false), "a.b");
        assert_eq!(pattern(".*").without_suffix("a.b.c", true), "a");
        assert_eq!(pattern("x").without_suffix("abc", true), "abc");
    }

    proptest! {
        #[test]
        fn no_pattern_makes_it_panic(of in "[*?a\\]\\[!^é-]{0,8}", text in "[aé\\]-]{0,8}") {
            let of = pattern(&of);
            of.matches(&text);
            for longest in [false, true] {
                of.without_prefix(&text, longest);
                of.without_suffix(&text, longest);
            }
        }
    }
}
