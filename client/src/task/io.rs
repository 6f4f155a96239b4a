//! What a process reads and writes.

use crate::wire::Doing;
use crate::{Error, Fifos, Kind};

/// What a process reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Io {
    /// Nothing.
    Null,
    /// Standard input stays open until it is closed; output is read and dropped.
    Stdin,
}

impl Io {
    pub(crate) fn open(self, doing: &Doing<'_>) -> Result<Option<Fifos>, Error> {
        match self {
            Io::Null => Ok(None),
            Io::Stdin => Fifos::new().map(Some).map_err(|error| {
                let what = format!("cannot make its FIFOs: {error}");
                Error::caused(doing, Kind::Internal, what, error)
            }),
        }
    }
}
