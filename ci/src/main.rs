//! Counts what a containerd client says.

fn main() {}
