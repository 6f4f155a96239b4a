//! What the path of standard output says about how it is opened.

use percent_encoding::percent_decode_str;

/// Where output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// A FIFO or a file that is there: each output has its own.
    Path,
    /// A file that is made if need be; both outputs go there.
    File(String),
    /// A program that reads both.
    Binary { program: String, arguments: Vec<String> },
    /// Something else.
    Unknown(String),
}

impl Scheme {
    pub(super) fn of(stdout: &str) -> Self {
        let Some((scheme, rest)) = stdout.split_once(':') else { return Self::Path };
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|one| one.is_ascii_alphanumeric() || "+-.".contains(one));
        if !is_scheme {
            return Self::Path;
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        // Behind two slashes stands a host, up to the next one.
        let path = match rest.strip_prefix("//") {
            Some(rest) => rest.find('/').map_or("", |at| &rest[at..]),
            None => rest,
        };
        match scheme.to_ascii_lowercase().as_str() {
            "fifo" => Self::Path,
            "file" => Self::File(decoded(path)),
            "binary" => Self::Binary { program: decoded(path), arguments: arguments(query) },
            other => Self::Unknown(other.to_owned()),
        }
    }
}

/// `k=v&l` makes `k v l`, and of several values of one key the first counts.
fn arguments(query: &str) -> Vec<String> {
    let (mut arguments, mut seen) = (Vec::new(), Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = decoded(&key.replace('+', " "));
        if seen.contains(&key) {
            continue;
        }
        seen.push(key.clone());
        arguments.extend([key, decoded(&value.replace('+', " "))]);
    }
    arguments
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_a_file_a_program_and_what_is_neither_are_told_apart() {
        assert_eq!(Scheme::of("/run/x:y"), Scheme::Path);
        assert_eq!(Scheme::of("relative/path"), Scheme::Path);
        assert_eq!(Scheme::of("file:///a%20b/c"), Scheme::File("/a b/c".to_owned()));
        assert_eq!(Scheme::of("foo://x"), Scheme::Unknown("foo".to_owned()));
        let binary = Scheme::Binary {
            program: "/bin/log".to_owned(),
            arguments: ["k", "v w", "l", ""].map(str::to_owned).to_vec(),
        };
        assert_eq!(Scheme::of("binary:///bin/log?k=v+w&l&k=z"), binary);
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(path in "(file|binary|fifo|[a-z]{0,3})?:?/{0,3}\\PC{0,30}") {
            let _ = Scheme::of(&path);
        }
    }
}
