//! Data goes to stdout; a reader that has gone away is no error.

use std::io::Write;

pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

pub(crate) fn print_json(value: &serde_json::Value) {
    print(&format!("{value:#}\n"));
}
