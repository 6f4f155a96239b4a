//! Making a generated case that failed smaller, and keeping it.

use std::path::Path;
use std::time::{Duration, Instant};

use super::RunFault;
use super::course::Case;
use super::going::Going;
use crate::Replay;
use crate::generate::{GENERATOR, Generation};
use crate::model::Move;

/// Whatever it is, it is small enough after so many attempts.
const ATTEMPTS_MAX: u32 = 2_000;
/// On a real server each takes a second or so.
const REAL_ATTEMPTS_MAX: u32 = 60;
/// And nobody waits longer than that.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often the smallest is played again.
const AGAIN: u32 = 5;

struct Attempts<'s, 'g, 'a> {
    going: &'s mut Going<'g, 'a>,
    number: u64,
    check: &'s str,
    left: u32,
    until: Instant,
    made: u32,
}

impl Attempts<'_, '_, '_> {
    /// Whether a candidate fails by the same check.
    async fn fails(&mut self, moves: &[Move]) -> Result<bool, RunFault> {
        self.made += 1;
        let id = format!("shrink/{}/{}", self.number, self.made);
        let end = self.going.attempt(&Case::of_moves(&id, moves)).await?;
        Ok(end.failed.contains(self.check))
    }

    fn spent(&self) -> bool {
        self.made >= self.left || Instant::now() > self.until
    }

    async fn smallest(&mut self, generation: &Generation) -> Result<Vec<Move>, RunFault> {
        let mut tree = generation.case(self.number);
        let mut smallest = tree.current();
        while !self.spent() && tree.simplify() {
            while !self.spent() {
                let candidate = tree.current();
                if self.fails(&candidate).await? {
                    smallest = candidate;
                    break;
                }
                if !tree.complicate() {
                    return self.without_each(smallest).await;
                }
            }
        }
        self.without_each(smallest).await
    }

    /// What every case begins with the strategy cannot leave out one by one; here any step may go.
    async fn without_each(&mut self, mut smallest: Vec<Move>) -> Result<Vec<Move>, RunFault> {
        for place in (0..smallest.len()).rev() {
            let mut candidate = smallest.clone();
            candidate.remove(place);
            if !candidate.is_empty() && !self.spent() && self.fails(&candidate).await? {
                smallest = candidate;
            }
        }
        Ok(smallest)
    }
}

/// Looks for the smallest case that fails by `check`, plays it a few times more, and writes it into
/// `folder`: what is kept is played first from then on.
pub(super) async fn shrink(
    going: &mut Going<'_, '_>,
    number: u64,
    check: &str,
    folder: &Path,
) -> Result<(), RunFault> {
    let (generation, target) = (&going.arm.modelled.generation, going.arm.target.describe());
    let driver = going.arm.driver.name.clone();
    let reference = going.reference.as_ref().map(|one| one.arm.target.describe());
    let slow = std::iter::once(&target).chain(&reference).any(|one| one.kind != "mock");
    let left = if slow { REAL_ATTEMPTS_MAX } else { ATTEMPTS_MAX };
    let until = Instant::now() + PATIENCE;
    let mut attempts = Attempts { going, number, check, left, until, made: 0 };
    let moves = attempts.smallest(generation).await?;
    let mut reproduced = 0;
    for _ in 0..AGAIN {
        reproduced += u32::from(attempts.fails(&moves).await?);
    }
    let made = attempts.made;
    let (before, after) = (generation.moves(number).len(), moves.len());
    let beside = reference
        .map_or_else(String::new, |one| format!(" held against {}:{}", one.kind, one.profile));
    let found = format!(
        "generator {GENERATOR}, seed {}, case {number}, {driver} on {}:{}{beside}, shrunk {before} to {after} \
         steps, reproduced {reproduced}/{AGAIN}",
        generation.seed, target.kind, target.profile
    );
    let name = format!(
        "{driver}-{}-{}-seed-{}-case-{number}",
        target.kind, target.profile, generation.seed
    );
    let replay =
        Replay { name, found, fails: check.to_owned(), profiles: vec![target.profile], moves };
    let path = folder.join(format!("{}.toml", replay.name));
    let kept = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, replay.text()));
    let told = match kept {
        Ok(()) => format!("kept as {}", path.display()),
        // The verdict stands without the file.
        Err(error) => format!("could not be kept as {}: {error}", path.display()),
    };
    let reason = format!("{made} attempts to make gen/{number} smaller: {}; {told}", replay.found);
    going.attempts_ended(&format!("shrink/{number}"), reason);
    Ok(())
}
