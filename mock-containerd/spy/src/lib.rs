//! A byte-transparent tap that counts the gRPC calls passing through a Unix socket.
