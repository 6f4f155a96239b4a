//! What things are found by.

use std::borrow::Borrow;
use std::cmp::Ordering;

/// Namespace and id.
pub(crate) type Key = (String, String);

pub(super) fn key(namespace: &str, id: &str) -> Key {
    (namespace.to_owned(), id.to_owned())
}

/// A key or its parts: who only looks need not make one.
pub(super) trait Parts {
    fn parts(&self) -> (&str, &str);
}

impl Parts for Key {
    fn parts(&self) -> (&str, &str) {
        (&self.0, &self.1)
    }
}

impl Parts for (&str, &str) {
    fn parts(&self) -> (&str, &str) {
        *self
    }
}

impl<'k> Borrow<dyn Parts + 'k> for Key {
    fn borrow(&self) -> &(dyn Parts + 'k) {
        self
    }
}

// As keys are ordered.
impl Ord for dyn Parts + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

impl PartialOrd for dyn Parts + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for dyn Parts + '_ {}

impl PartialEq for dyn Parts + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}
