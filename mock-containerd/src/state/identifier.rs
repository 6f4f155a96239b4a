//! The rules for ids and labels.

use super::Failure;
use crate::Profile;

const LENGTH_MAX: usize = 76;
const LABEL_BYTES_MAX: usize = 4096;
const SHOWN: &str = "^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$";

/// Checks an identifier: alphanumeric words joined by single `.`, `_` or `-`.
pub(crate) fn check(id: &str) -> Result<(), String> {
    if id.is_empty() {
        return Err("identifier must not be empty".into());
    }
    if id.len() > LENGTH_MAX {
        return Err(format!(
            "identifier {id:?} greater than maximum length ({LENGTH_MAX} characters)"
        ));
    }
    let words = id.split(['.', '_', '-']);
    let fits = words
        .into_iter()
        .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if fits { Ok(()) } else { Err(format!("identifier {id:?} must match {SHOWN}")) }
}

/// Checks one label.
pub(crate) fn check_label(profile: Profile, key: &str, value: &str) -> Result<(), String> {
    let length = key.len() + value.len();
    if length <= LABEL_BYTES_MAX {
        return Ok(());
    }
    let shown: String = key.chars().take(64).collect();
    Err(match profile {
        Profile::V1_6 => format!(
            "label key and value greater than maximum size ({LABEL_BYTES_MAX} bytes), key: {shown}"
        ),
        _ => format!(
            "label key and value length ({length} bytes) greater than maximum size \
             ({LABEL_BYTES_MAX} bytes), key: {shown}"
        ),
    })
}

/// Checks labels, with the words that the caller puts before the error.
pub(crate) fn check_labels<'l>(
    profile: Profile,
    prefix: &str,
    labels: impl Iterator<Item = (&'l String, &'l String)>,
) -> Result<(), Failure> {
    for (key, value) in labels {
        check_label(profile, key, value)
            .map_err(|error| Failure::invalid(format!("{prefix}{error}")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_joined_by_single_marks_are_identifiers() {
        for id in ["a", "c1", "a.b_c-d", &"x".repeat(76)] {
            assert_eq!(check(id), Ok(()), "{id}");
        }
        for id in ["", "a b", "-a", "a-", "a..b", "ä", &"x".repeat(77)] {
            assert!(check(id).is_err(), "{id}");
        }
    }

    proptest! {
        #[test]
        fn the_check_agrees_with_the_regular_expression_that_it_shows(id in "[a-b._!-]{0,8}") {
            let rule = regex::Regex::new(SHOWN).unwrap();
            prop_assert_eq!(check(&id).is_ok(), rule.is_match(&id));
        }
    }
}
