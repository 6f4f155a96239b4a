//! Which cases a run goes through.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use laconic_scenarios::budgets::Budget;
use laconic_scenarios::generate::Generation;
use laconic_scenarios::{ACTORS_MAX, Actors, Replay, Scenario, Selection, catalogue, varied};

use run_record::Shard;

use crate::arguments::RunOptions;
use crate::exit::{Exit, usage};

/// So many are generated on a mock unless somebody says otherwise.
const MOCK_CASES: u64 = 200;
/// And on a real containerd, where each takes many times as long. On somebody's daemon none are.
const REAL_CASES: u64 = 40;
/// As many are played on two targets unless somebody says otherwise: about 600 steps.
const DIFFERENTIAL_CASES: u64 = 30;
/// And as many in which several act at once.
const ACTORS_CASES: u64 = 200;

/// All that is played, in this order.
pub(crate) struct Cases {
    pub(crate) regressions: Vec<Replay>,
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) generation: Generation,
    /// Nobody said how many are generated: it goes by the kind of the target.
    by_default: bool,
    /// Whether all calls are recorded.
    pub(crate) calls: bool,
    /// Which part of what is generated.
    pub(crate) shard: Shard,
    /// Where cases that fail are kept.
    pub(crate) keep: PathBuf,
    /// How many of what is generated are played at once, if somebody says so.
    pub(crate) jobs: Option<NonZeroUsize>,
}

impl Cases {
    /// `budgets`: what is proven of them is played, too.
    pub(crate) fn choose(options: &RunOptions, budgets: &[Budget]) -> anyhow::Result<Self> {
        let (index, count) = shard(options)?;
        let whole = Shard { index, count };
        let jobs = options.jobs;
        let keep = options.regressions.clone().unwrap_or_else(|| "scenarios/regressions".into());
        if let Some(file) = &options.only {
            let regressions = vec![Replay::read(file).map_err(usage)?];
            let (scenarios, generation) = (Vec::new(), Generation::default());
            return Ok(Self {
                regressions,
                scenarios,
                generation,
                by_default: false,
                calls: options.calls,
                shard: whole,
                keep,
                jobs,
            });
        }
        let mut cases = Self {
            regressions: Replay::read_all(&keep).map_err(usage)?,
            // Two servers are compared in what is generated; and a named scenario has one actor.
            scenarios: match options.differential || options.actors.is_some() {
                true => Vec::new(),
                false => catalogue().into_iter().chain(varied(budgets)).collect(),
            },
            generation: generation(options)?,
            by_default: by_default(options) && options.case.is_none(),
            calls: options.calls,
            shard: whole,
            keep,
            jobs,
        };
        let mut selection = Selection { run: options.run.clone(), skip: options.skip.clone() };
        if let Some(case) = &options.case {
            cases.only(case)?;
            selection.run = vec![case.clone()];
        }
        for pattern in selection.idle(&cases.ids()) {
            eprintln!("laconic: warning: {pattern:?} matches no case");
        }
        cases.regressions.retain(|replay| selection.takes(&replay.case()));
        cases.scenarios = selection.of(cases.scenarios);
        let generated = cases.generation.clone();
        cases.generation.cases.retain(|number| selection.takes(&generated.id(*number)));
        if cases.len() == 0 {
            return Err(anyhow::Error::new(Exit::Nothing).context("no case is selected"));
        }
        Ok(cases)
    }

    /// A generated case can be had by its number, however many are asked for.
    fn only(&mut self, case: &str) -> anyhow::Result<()> {
        if let Some(number) = Generation::number(case) {
            if self.generation.id(number) != case {
                let what = match self.generation.actors {
                    None => "has several actors: say how many, as in --actors 3",
                    Some(_) => "has one actor: leave --actors out",
                };
                return Err(usage(format!("{case} {what}")));
            }
            self.generation.cases = vec![number];
        }
        if self.ids().iter().any(|id| id == case) {
            return Ok(());
        }
        Err(anyhow::Error::new(Exit::Nothing)
            .context(format!("there is no case {case:?}; see: laconic list")))
    }

    /// Whether there is such a case, played or not.
    pub(crate) fn has(&self, case: &str) -> bool {
        let kept = |name: &str| self.keep.join(format!("{name}.toml")).is_file();
        case.strip_prefix("regression/").is_some_and(kept)
            || Generation::number(case).is_some()
            || catalogue().iter().any(|scenario| scenario.case() == case)
    }

    fn ids(&self) -> Vec<String> {
        let regressions = self.regressions.iter().map(Replay::case);
        let named = self.scenarios.iter().map(Scenario::case);
        let generated = &self.generation;
        let generated = generated.cases.iter().map(|number| generated.id(*number));
        regressions.chain(named).chain(generated).collect()
    }

    /// What is generated for a kind of target.
    pub(crate) fn generation_on(&self, kind: &str) -> Generation {
        let mut generation = self.generation.clone();
        let most = match kind {
            _ if !self.by_default => u64::MAX,
            "mock" => MOCK_CASES,
            "real" => REAL_CASES,
            _ => 0,
        };
        generation.cases.retain(|number| *number < most);
        generation
    }

    /// A case waits more than it works: for quiet, and on a real daemon for processes, too, which then want
    /// the processor. Somebody's daemon has other work.
    pub(crate) fn jobs_on(&self, kind: &str) -> usize {
        let cpus = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let by_default = match kind {
            "mock" => 4 * cpus,
            "real" => 2 * cpus,
            _ => 1,
        };
        self.jobs.map_or(by_default, NonZeroUsize::get)
    }

    pub(crate) fn len(&self) -> usize {
        self.regressions.len() + self.scenarios.len() + self.generation.cases.len()
    }

    /// How many there are on a kind of target.
    pub(crate) fn len_on(&self, kind: &str) -> usize {
        self.len() - self.generation.cases.len() + self.generation_on(kind).cases.len()
    }

    /// All of it, for the name of the plan. Which shard it is does not matter there: shards of one
    /// plan may be merged.
    pub(crate) fn text(&self, options: &RunOptions) -> String {
        let mut text = String::new();
        for replay in &self.regressions {
            text.push_str(&format!("{replay:?}\n"));
        }
        for scenario in &self.scenarios {
            text.push_str(&format!("{scenario:?}\n"));
        }
        let (seed, run, skip) = (self.generation.seed, &options.run, &options.skip);
        let count = options.cases.or(self.by_default.then_some(MOCK_CASES));
        text.push_str(&format!("generated {seed} {count:?} {run:?} {skip:?} {:?}\n", options.case));
        if let Some(actors) = options.actors {
            text.push_str(&format!("actors {actors}\n"));
        }
        text
    }
}

fn generation(options: &RunOptions) -> anyhow::Result<Generation> {
    // Faults of a file are counted by calls: what is generated has faults of its own.
    if options.faults.is_some() && options.cases.is_some_and(|cases| cases > 0) {
        return Err(usage("--faults goes with named scenarios alone: --cases 0".to_owned()));
    }
    let count = match options.actors {
        Some(_) => ACTORS_CASES,
        None if options.differential => DIFFERENTIAL_CASES,
        None if by_default(options) => MOCK_CASES,
        None => 0,
    };
    let first = Generation::first(options.cases.unwrap_or(count), options.seed, shard(options)?);
    Ok(first.of_actors(options.actors.map(actors).transpose()?))
}

/// Our own clients are held to what nobody thought of whenever they run; for another's each case starts a
/// program, and its author says when it is that far.
fn by_default(options: &RunOptions) -> bool {
    let one_by_one = options.actors.is_none() && !options.differential;
    one_by_one && options.cases.is_none() && options.faults.is_none() && options.command.is_empty()
}

fn actors(count: u8) -> anyhow::Result<Actors> {
    Actors::new(count).ok_or_else(|| {
        usage(format!("--actors {count}: say how many act at once, 1 to {ACTORS_MAX}"))
    })
}

fn shard(options: &RunOptions) -> anyhow::Result<(u32, u32)> {
    let Some(text) = &options.shard else { return Ok((0, 1)) };
    part(text).ok_or_else(|| usage(format!("--shard {text}: say I/N, with I from 0 to N-1")))
}

fn part(text: &str) -> Option<(u32, u32)> {
    let (index, count) = text.split_once('/')?;
    let (index, count) = (index.parse().ok()?, count.parse().ok()?);
    (index < count).then_some((index, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_many_are_generated_goes_by_the_target_until_somebody_says_it() {
        let counts = |options: RunOptions| {
            let cases = Cases::choose(&options, &[]).unwrap();
            ["mock", "real", "address"].map(|kind| cases.generation_on(kind).cases.len())
        };
        assert_eq!(counts(RunOptions::default()), [200, 40, 0]);
        assert_eq!(counts(RunOptions { cases: Some(7), ..RunOptions::default() }), [7, 7, 7]);
        let command = vec!["./driver".to_owned()];
        assert_eq!(counts(RunOptions { command, ..RunOptions::default() }), [0, 0, 0]);
        let faults = Some("f.toml".into());
        assert_eq!(counts(RunOptions { faults, ..RunOptions::default() }), [0, 0, 0]);
        let case = Some("gen/300".to_owned());
        assert_eq!(counts(RunOptions { case, ..RunOptions::default() }), [1, 1, 1]);
    }

    #[test]
    fn a_shard_is_one_of_so_many() {
        assert_eq!(part("0/4"), Some((0, 4)));
        assert_eq!(part("3/4"), Some((3, 4)));
        for wrong in ["4/4", "1", "a/b", "-1/4", "0/0", ""] {
            assert_eq!(part(wrong), None, "{wrong}");
        }
    }
}
