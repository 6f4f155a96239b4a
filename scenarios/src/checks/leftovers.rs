//! What a case left on the server, of all that it made there.

use run_record::Verdict;

/// Nothing may be left. `found`: in words, by the observer, after all was deleted and the client had gone.
pub(crate) fn judge_leftovers(found: &[String]) -> Verdict {
    match found {
        [] => Verdict::pass("leftovers"),
        found => Verdict::fail("leftovers", found.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_left_is_named() {
        assert!(!judge_leftovers(&[]).failed());
        let verdict = judge_leftovers(&["container c0".to_owned(), "lease l1".to_owned()]);
        assert!(verdict.failed());
        assert_eq!(verdict.detail, "container c0, lease l1");
    }
}
