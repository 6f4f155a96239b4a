//! How Go's parser words the first error in what should have been JSON: containerd shows it.

/// The error in `bytes`, which is no JSON.
pub(crate) fn error_in(bytes: &[u8]) -> String {
    let read = serde_json::from_slice::<serde::de::IgnoredAny>(bytes);
    if read.is_err_and(|error| error.is_eof()) {
        return "unexpected end of JSON input".to_owned();
    }
    let text = bytes.trim_ascii_start();
    let Some(first) = text.first().copied() else {
        return "unexpected end of JSON input".to_owned();
    };
    let literal = match first {
        b'n' => "null",
        b't' => "true",
        b'f' => "false",
        _ => "",
    };
    for (at, expected) in literal.bytes().enumerate() {
        match text.get(at).copied() {
            None => return "unexpected end of JSON input".to_owned(),
            Some(found) if found != expected => {
                let expected = char::from(expected);
                return format!(
                    "invalid character {:?} in literal {literal} (expecting {expected:?})",
                    char::from(found)
                );
            }
            Some(_) => {}
        }
    }
    format!("invalid character {:?} looking for beginning of value", char::from(first))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn errors_are_worded_as_go_words_them() {
        for (text, error) in [
            ("not json", "invalid character 'o' in literal null (expecting 'u')"),
            ("junk", "invalid character 'j' looking for beginning of value"),
            ("xyz", "invalid character 'x' looking for beginning of value"),
            ("  tru", "unexpected end of JSON input"),
            ("", "unexpected end of JSON input"),
            (r#"{"a":"b","c":{"#, "unexpected end of JSON input"),
        ] {
            assert_eq!(error_in(text.as_bytes()), error);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd_to_be_told(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            prop_assert!(!error_in(&bytes).is_empty());
        }
    }
}
