//! Shows that mock-containerd and laconic-client can be used from outside their workspace.
