//! Numbers that are drawn: they depend on the seed and on what they are drawn for, never on when.

use sha2::{Digest, Sha256};

/// A seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    /// A number below `limit`, for what these numbers name.
    pub(crate) fn below<const N: usize>(self, limit: u64, named: [u64; N]) -> u64 {
        let mut hash = Sha256::new_with_prefix(self.0.to_be_bytes());
        named.iter().for_each(|number| hash.update(number.to_be_bytes()));
        number_of(&hash.finalize()) % limit
    }

    /// A number for a name.
    pub(super) fn named(name: &str) -> u64 {
        number_of(&Sha256::digest(name))
    }
}

fn number_of(digest: &[u8]) -> u64 {
    u64::from_be_bytes(*digest.first_chunk().expect("a digest has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_drawn_for_the_same_and_everything_comes_up() {
        let drawn = |seed| -> Vec<u64> {
            (0..1000).map(|number| Draw(seed).below(100, [1, number, 0])).collect()
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        let all: std::collections::BTreeSet<u64> = drawn(7).into_iter().collect();
        assert!(all.len() > 95 && all.iter().all(|number| *number < 100), "{all:?}");
    }
}
