//! The program, as somebody calls it.

use std::process::{Command, Output, Stdio};

pub(crate) fn laconic(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_laconic"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}
