//! Counts gRPC calls: what was started, how it ended, who made it.
