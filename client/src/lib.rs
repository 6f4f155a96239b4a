//! A containerd client that retains what it knows.
