//! Which cases run: slash-separated patterns, `*` within one part, `**` across parts.

use crate::Scenario;

/// What `--run` and `--skip` say.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Run only what one of these matches; empty: all.
    pub run: Vec<String>,
    /// Leave out what one of these matches.
    pub skip: Vec<String>,
}

impl Selection {
    /// Whether a case runs.
    pub fn takes(&self, case: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, case));
        (self.run.is_empty() || any(&self.run)) && !any(&self.skip)
    }

    /// The scenarios that run.
    pub fn of(&self, scenarios: Vec<Scenario>) -> Vec<Scenario> {
        scenarios.into_iter().filter(|scenario| self.takes(&scenario.case())).collect()
    }

    /// Patterns that match none of these cases.
    pub fn idle<'s>(&'s self, cases: &[String]) -> Vec<&'s str> {
        self.run
            .iter()
            .chain(&self.skip)
            .filter(|pattern| !cases.iter().any(|case| matches(pattern, case)))
            .map(String::as_str)
            .collect()
    }
}

/// A pattern without a slash is looked for in the last part alone.
fn matches(pattern: &str, case: &str) -> bool {
    if !pattern.contains('/') {
        let last = case.rsplit('/').next().unwrap_or(case);
        return part(pattern.as_bytes(), last.as_bytes());
    }
    let pattern: Vec<&str> = pattern.split('/').collect();
    let case: Vec<&str> = case.split('/').collect();
    parts(&pattern, &case)
}

fn parts(pattern: &[&str], case: &[&str]) -> bool {
    match (pattern.split_first(), case.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => {
            parts(rest, case) || (!case.is_empty() && parts(pattern, &case[1..]))
        }
        (Some((first, rest)), Some((name, names))) => {
            part(first.as_bytes(), name.as_bytes()) && parts(rest, names)
        }
        _ => false,
    }
}

fn part(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            part(rest, name) || (!name.is_empty() && part(pattern, &name[1..]))
        }
        (Some((want, rest)), Some((have, more))) => want == have && part(rest, more),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_star_stays_within_a_part_and_two_stars_do_not() {
        assert!(matches("named/exec-*", "named/exec-exits-with-0"));
        assert!(!matches("named/*", "named/a/b"));
        assert!(matches("**/b", "named/a/b"));
        assert!(matches("named/**", "named/a/b"));
        assert!(matches("exec*", "named/exec-exits-with-0"));
        assert!(!matches("exec", "named/exec-exits-with-0"));
    }

    proptest! {
        #[test]
        fn every_name_matches_itself_and_two_stars(name in "[a-z]{1,6}(/[a-z-]{1,8}){0,3}") {
            prop_assert!(matches(&name, &name));
            prop_assert!(matches("**/*", &name));
        }
    }
}
