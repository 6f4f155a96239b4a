//! Making a generated case that failed smaller, and keeping it.

use std::path::Path;
use std::time::{Duration, Instant};

use super::RunFault;
use super::course::Case;
use super::going::Going;
use crate::generate::{GENERATOR, Generation};
use crate::model::Move;
use crate::plot::Plot;
use crate::replay::{Replay, Replayed};

/// Whatever it is, it is small enough after so many attempts.
const ATTEMPTS_MAX: u32 = 2_000;
/// On a real server each takes a second or so.
const REAL_ATTEMPTS_MAX: u32 = 60;
/// And nobody waits longer than that.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a case of several actors is played until it fails, where their order is left to chance.
const CHANCES: u32 = 4;
/// How often the smallest is played again.
const AGAIN: u32 = 5;

struct Attempts<'s, 'g, 'a> {
    going: &'s mut Going<'g, 'a>,
    number: u64,
    check: &'s str,
    left: u32,
    until: Instant,
    made: u32,
    /// How often a candidate may be played until it fails.
    tries: u32,
}

impl Attempts<'_, '_, '_> {
    /// Whether a candidate fails by the same check.
    async fn fails(&mut self, candidate: &Replayed) -> Result<bool, RunFault> {
        for _ in 0..self.tries {
            self.made += 1;
            let id = format!("shrink/{}/{}", self.number, self.made);
            let end = self.going.attempt(&Case::of_drawn(&id, candidate)).await?;
            if end.failed.contains(self.check) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn spent(&self) -> bool {
        self.made >= self.left || Instant::now() > self.until
    }

    async fn smallest(&mut self, generation: &Generation) -> Result<Replayed, RunFault> {
        match generation.drawn(self.number) {
            Replayed::Plot(plot) => self.smallest_plot(plot).await.map(Replayed::Plot),
            Replayed::Moves(_) => self.smallest_moves(generation).await.map(Replayed::Moves),
        }
    }

    async fn smallest_moves(&mut self, generation: &Generation) -> Result<Vec<Move>, RunFault> {
        let mut tree = generation.case(self.number);
        let mut smallest = tree.current();
        while !self.spent() && tree.simplify() {
            while !self.spent() {
                let candidate = tree.current();
                if self.fails(&Replayed::Moves(candidate.clone())).await? {
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
            let drawn = Replayed::Moves(candidate.clone());
            if !candidate.is_empty() && !self.spent() && self.fails(&drawn).await? {
                smallest = candidate;
            }
        }
        Ok(smallest)
    }

    /// Whole actors first, then one operation after the other, until none can go.
    async fn smallest_plot(&mut self, mut smallest: Plot) -> Result<Plot, RunFault> {
        for place in (0..smallest.actors.len()).rev() {
            let mut candidate = smallest.clone();
            candidate.actors.remove(place);
            smallest = self.smaller(smallest, candidate).await?;
        }
        loop {
            let before = smallest.acts();
            for place in (0..before).rev() {
                let Some(candidate) = smallest.without(place) else { continue };
                smallest = self.smaller(smallest, candidate).await?;
            }
            if smallest.acts() == before || self.spent() {
                return Ok(smallest);
            }
        }
    }

    async fn smaller(&mut self, smallest: Plot, candidate: Plot) -> Result<Plot, RunFault> {
        let good = !candidate.actors.is_empty() && !self.spent();
        match good && self.fails(&Replayed::Plot(candidate.clone())).await? {
            true => Ok(candidate),
            false => Ok(smallest),
        }
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
    // What happens in one order now and in another then may fail now and then.
    let chancy = generation.actors.is_some() && !going.arm.target.interleave(0);
    let tries = if chancy { CHANCES } else { 1 };
    let mut attempts = Attempts { going, number, check, left, until, made: 0, tries };
    let play = attempts.smallest(generation).await?;
    let mut reproduced = 0;
    for _ in 0..AGAIN {
        reproduced += u32::from(attempts.fails(&play).await?);
    }
    let made = attempts.made;
    let (before, after) = (generation.drawn(number).steps(), play.steps());
    let beside = reference
        .map_or_else(String::new, |one| format!(" held against {}:{}", one.kind, one.profile));
    let actors =
        generation.actors.map_or_else(String::new, |actors| format!(", {} actors", actors.count()));
    let found = format!(
        "generator {GENERATOR}, seed {}{actors}, case {number}, {driver} on {}:{}{beside}, shrunk {before} to {after} \
         steps, reproduced {reproduced}/{AGAIN}",
        generation.seed, target.kind, target.profile
    );
    let several =
        generation.actors.map_or_else(String::new, |of| format!("-actors-{}", of.count()));
    let name = format!(
        "{driver}-{}-{}-seed-{}{several}-case-{number}",
        target.kind, target.profile, generation.seed
    );
    let replay =
        Replay { name, found, fails: check.to_owned(), profiles: vec![target.profile], play };
    let path = folder.join(format!("{}.toml", replay.name));
    let kept = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, replay.text()));
    let told = match kept {
        Ok(()) => format!("kept as {}", path.display()),
        // The verdict stands without the file.
        Err(error) => format!("could not be kept as {}: {error}", path.display()),
    };
    let reason = format!(
        "{made} attempts to make {} smaller: {}; {told}",
        generation.id(number),
        replay.found
    );
    going.attempts_ended(&format!("shrink/{number}"), reason);
    Ok(())
}
