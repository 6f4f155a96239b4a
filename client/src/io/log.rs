//! Logs of the shim's, by their URIs.

use std::fmt::Write;
use std::path::PathBuf;

/// Where a shim writes what a process writes.
///
/// ```
/// use laconic_client::LogUri;
///
/// assert_eq!(LogUri::file("/var/log/c 1").text().unwrap(), "file:///var/log/c%201");
/// let logger = LogUri::binary("/bin/logger").argument("tag", "a&b");
/// assert_eq!(logger.text().unwrap(), "binary:///bin/logger?tag=a%26b");
/// assert_eq!(LogUri::file("relative").text(), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogUri {
    scheme: &'static str,
    path: PathBuf,
    arguments: Vec<(String, String)>,
}

impl LogUri {
    /// A file, by its absolute path. It is made with its folders if need be (0644), and appended to.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { scheme: "file", path: path.into(), arguments: Vec::new() }
    }

    /// A program of the host, by its absolute path. It is started with the process, reads standard
    /// output from descriptor 3 and errors from 4, and closes 5 once it is ready: the process is not
    /// created before. It finds `CONTAINER_ID` and `CONTAINER_NAMESPACE` in its environment.
    pub fn binary(path: impl Into<PathBuf>) -> Self {
        Self { scheme: "binary", path: path.into(), arguments: Vec::new() }
    }

    /// Two more arguments of the program: `key value`. A shim keeps pairs together, but in no order,
    /// and of several values of a key the first.
    pub fn argument(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.arguments.push((key.into(), value.into()));
        self
    }

    /// The URI; `None` when the path is not absolute, or not UTF-8.
    pub fn text(&self) -> Option<String> {
        let path = self.path.to_str().filter(|_| self.path.is_absolute())?;
        let mut text = format!("{}://{}", self.scheme, encoded(path, b"/"));
        for (at, (key, value)) in self.arguments.iter().enumerate() {
            let mark = if at == 0 { '?' } else { '&' };
            let _ = write!(text, "{mark}{}={}", encoded(key, b""), encoded(value, b""));
        }
        Some(text)
    }
}

/// Percent-encoded, but for what no URI takes for anything else, and `plain`.
fn encoded(text: &str, plain: &[u8]) -> String {
    text.bytes().fold(String::new(), |mut uri, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || plain.contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
        uri
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Uri;
    use proptest::prelude::*;

    /// As a reader of URIs does it.
    fn decoded(text: &str) -> String {
        let mut bytes = text.bytes();
        let mut plain = Vec::new();
        while let Some(byte) = bytes.next() {
            plain.push(match byte {
                b'%' => {
                    let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                byte => byte,
            });
        }
        String::from_utf8(plain).unwrap()
    }

    proptest! {
        #[test]
        fn a_reader_of_uris_finds_in_it_what_was_put_in(
            path in "/\\PC{0,20}",
            arguments in proptest::collection::vec(("\\PC{1,8}", "\\PC{0,8}"), 0..4),
        ) {
            let uri = arguments.iter().fold(LogUri::binary(&path), |uri, (key, value)| {
                uri.argument(key, value)
            });
            let text = uri.text().unwrap();
            let (scheme, rest) = text.split_once("://").unwrap();
            // `http` reads authority-form or absolute URIs of hosts only; from the path on all are alike.
            let read: Uri = format!("http://host{rest}").parse().unwrap();
            prop_assert_eq!(scheme, "binary");
            prop_assert_eq!(decoded(read.path()), path);
            let pairs = read.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
            let found: Vec<(String, String)> = pairs
                .map(|pair| pair.split_once('=').unwrap())
                .map(|(key, value)| (decoded(key), decoded(value)))
                .collect();
            prop_assert_eq!(found, arguments);
        }
    }
}
