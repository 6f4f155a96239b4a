//! Numbers as types: connections, positions, steps.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// From its number.
            pub fn new(number: u64) -> Self {
                Self(number)
            }

            /// Its number.
            pub fn number(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A transport connection. 0 where nobody said which.
    ConnectionId
}
number! {
    /// A position among everything that was numbered: relayed chunks, calls, marks.
    Seq
}
number! {
    /// A step of a scenario: one of those who can own a call.
    StepId
}

/// A point between calls.
///
/// ```
/// use rpc_ledger::{Code, Ledger, Opening, Rpc};
///
/// let ledger = Ledger::new();
/// let (from, call) = (ledger.mark(), Opening::of(Rpc::from_path("/a.v1.A/One")));
/// ledger.start(call).finish(Code::OK);
/// assert_eq!(ledger.calls_between(from, ledger.mark()).len(), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    seq: Seq,
}

impl Mark {
    pub(crate) fn at(seq: Seq) -> Self {
        Self { seq }
    }

    /// Its number.
    pub fn seq(self) -> Seq {
        self.seq
    }
}
