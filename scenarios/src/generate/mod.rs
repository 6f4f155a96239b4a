//! Generated cases: sequences of moves that nobody thought of, the same for the same seed.

mod aimed;
mod coverage;
mod plots;
mod weights;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::model::Move;
use crate::plot::{Actors, Plot};
use crate::replay::Replayed;

pub use coverage::{HITS_MIN, UNREACHABLE, floor};

/// Changes whenever the same seed would make other cases.
pub const GENERATOR: u32 = 5;

/// A case that can be made simpler.
pub type CaseTree = Box<dyn ValueTree<Value = Vec<Move>>>;

/// Which cases of a seed are played.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generation {
    /// Of the run.
    pub seed: u64,
    /// Their numbers.
    pub cases: Vec<u64>,
    /// How many act at once in each; `None`: they are moves, one after the other.
    pub actors: Option<Actors>,
}

impl Generation {
    /// The first so many, of a shard: case i is of shard i modulo the number of shards.
    pub fn first(count: u64, seed: u64, shard: (u32, u32)) -> Self {
        let (index, shards) = (u64::from(shard.0), u64::from(shard.1));
        let cases = (0..count).filter(|case| case % shards == index).collect();
        Self { seed, cases, actors: None }
    }

    /// The same, of so many actors.
    pub fn of_actors(self, actors: Option<Actors>) -> Self {
        Self { actors, ..self }
    }

    /// The id of a case in records.
    pub fn id(&self, case: u64) -> String {
        let kind = if self.actors.is_some() { "conc" } else { "gen" };
        format!("{kind}/{case}")
    }

    /// The number in an id.
    pub fn number(id: &str) -> Option<u64> {
        id.strip_prefix("gen/").or_else(|| id.strip_prefix("conc/"))?.parse().ok()
    }

    /// A case. It depends on the seed and its number alone: not on how many there are, on shards or
    /// on what else is selected.
    pub fn case(&self, number: u64) -> CaseTree {
        Box::new(drawn(weights::moves(), &[self.seed, number]))
    }

    /// A case, whichever kind it is.
    pub fn drawn(&self, number: u64) -> Replayed {
        match self.actors {
            None => Replayed::Moves(self.moves(number)),
            Some(actors) => Replayed::Plot(self.plot(actors, number)),
        }
    }

    /// What several actors do in a case: it depends on how many they are as well.
    pub fn plot(&self, actors: Actors, number: u64) -> Plot {
        drawn(plots::plots(actors), &[self.seed, u64::from(actors.count()), number]).current()
    }

    /// Its moves.
    pub fn moves(&self, number: u64) -> Vec<Move> {
        self.case(number).current()
    }
}

/// What a strategy makes of the seed that these numbers are.
fn drawn<S: Strategy>(strategy: S, named: &[u64]) -> S::Tree {
    let mut hash = blake3::Hasher::new();
    hash.update(&GENERATOR.to_le_bytes());
    for number in named {
        hash.update(&number.to_le_bytes());
    }
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, hash.finalize().as_bytes());
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    strategy.new_tree(&mut runner).expect("the strategy rejects nothing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_the_same_in_every_shard_and_however_many_there_are() {
        let all = Generation::first(40, 7, (0, 1));
        let shards: Vec<Generation> =
            (0..3).map(|index| Generation::first(40, 7, (index, 3))).collect();
        let mut cases: Vec<u64> = shards.iter().flat_map(|shard| shard.cases.clone()).collect();
        cases.sort_unstable();
        assert_eq!(cases, all.cases);
        for shard in shards {
            for case in &shard.cases {
                assert_eq!(shard.moves(*case), all.moves(*case));
            }
        }
    }

    #[test]
    fn another_seed_or_number_makes_another_case() {
        let seven = Generation { seed: 7, cases: vec![], actors: None };
        let eight = Generation { seed: 8, cases: vec![], actors: None };
        assert_ne!(seven.moves(0), seven.moves(1));
        assert_ne!(seven.moves(0), eight.moves(0));
    }

    #[test]
    fn the_first_case_of_seed_7_stays_what_it_is_while_the_generator_is_5() {
        insta::assert_json_snapshot!(Generation { seed: 7, cases: vec![], actors: None }.moves(0));
    }
}
