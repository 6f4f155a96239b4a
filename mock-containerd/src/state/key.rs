//! What things are found by.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;

/// Namespace and id.
pub(crate) type Key = (String, String);

pub(super) fn key(namespace: &str, id: &str) -> Key {
    (namespace.to_owned(), id.to_owned())
}

/// What a namespace has of something, by id and in order: no other namespace is looked at.
pub(super) fn of_namespace<'m, T>(
    all: &'m BTreeMap<Key, T>,
    namespace: &'m str,
) -> impl Iterator<Item = (&'m str, &'m T)> {
    let first = (namespace, "");
    let from = (Bound::Included(&first as &dyn Parts), Bound::Unbounded);
    all.range::<dyn Parts, _>(from)
        .take_while(move |((space, _), _)| space == namespace)
        .map(|((_, id), thing)| (id.as_str(), thing))
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_namespace_has_what_a_look_at_all_would_find(
            keys in proptest::collection::btree_map(("[ab]{0,2}", "[ab]{0,2}"), 0..9_u8, 0..20),
            namespace in "[ab]{0,2}",
        ) {
            let found: Vec<_> = of_namespace(&keys, &namespace).collect();
            let all = keys.iter().filter(|((space, _), _)| *space == namespace);
            prop_assert_eq!(found, all.map(|((_, id), thing)| (&**id, thing)).collect::<Vec<_>>());
        }
    }
}
