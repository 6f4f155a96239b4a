//! A mock containerd that counts every RPC.
