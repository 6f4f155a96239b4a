//! What a run is asked to do, checked before anything starts.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use laconic_scenarios::KnownFailures;
use laconic_scenarios::budgets::{Budget, own};
use laconic_targets::TargetSpec;
use laconic_targets::daemon::Machine;
use mock_containerd::{Faults, Profile};
use run_record::FaultsRef;

use super::cases::Cases;
use crate::arguments::RunOptions;
use crate::exit::usage;
use crate::registry;
use crate::testee::Testee;

/// Where a target is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// Behind sockets.
    Stand(TargetSpec),
    /// In this process, in a time of its own.
    Memory(Profile),
}

/// A target, and whether the run fails without it.
pub(crate) struct Wanted {
    pub(crate) place: Place,
    pub(crate) name: String,
    pub(crate) required: bool,
}

impl Wanted {
    /// Of which kind it will say that it is.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.place {
            Place::Memory(_) | Place::Stand(TargetSpec::Mock(_)) => "mock",
            Place::Stand(TargetSpec::Real(_)) => "real",
            Place::Stand(TargetSpec::Address(_)) => "address",
        }
    }
}

/// What is made to go wrong.
pub(crate) struct Wrong {
    pub(crate) faults: Faults,
    pub(crate) named: FaultsRef,
}

/// A checked plan.
pub(crate) struct Plan {
    pub(crate) testees: Vec<Testee>,
    pub(crate) targets: Vec<Wanted>,
    pub(crate) cases: Cases,
    pub(crate) faults: Option<Wrong>,
    differential: bool,
    budget: Option<Budget>,
    known: Option<KnownFailures>,
}

/// A socket as ctr takes it, or as nerdctl stores it.
pub(crate) fn socket_path(address: &str) -> &str {
    address.strip_prefix("unix://").unwrap_or(address)
}

/// Whether somebody serves a socket, in words that say what is wrong.
pub(crate) fn check_socket(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let is_socket = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type().is_socket(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            anyhow::bail!("there is no socket {shown}");
        }
        Err(error) => anyhow::bail!("cannot look at {shown}: {error}"),
    };
    if !is_socket {
        anyhow::bail!("{shown} is not a socket");
    }
    match UnixStream::connect(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            anyhow::bail!("not permitted to connect to {shown}: run as root, or as its owner")
        }
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            anyhow::bail!("nobody listens on {shown}: its server is gone")
        }
        Err(error) => anyhow::bail!("cannot connect to {shown}: {error}"),
    }
}

fn place(text: &str) -> anyhow::Result<Place> {
    match text.split_once(':').unwrap_or((text, "")) {
        ("memory", "") => Ok(Place::Memory(default_profile())),
        ("memory", version) => Ok(Place::Memory(version.parse().map_err(usage)?)),
        _ => target(text).map(Place::Stand),
    }
}

fn target(text: &str) -> anyhow::Result<TargetSpec> {
    let (kind, rest) = match text.split_once(':') {
        Some((kind, rest)) if !kind.contains('/') => (kind, Some(rest)),
        _ => (text, None),
    };
    match (kind, rest) {
        ("mock", None) => Ok(TargetSpec::Mock(default_profile())),
        ("mock", Some(version)) => Ok(TargetSpec::Mock(version.parse().map_err(usage)?)),
        ("real", path) => Ok(TargetSpec::Real(path.map(PathBuf::from))),
        ("unix", Some(rest)) => Ok(TargetSpec::Address(rest.trim_start_matches("//").into())),
        (path, None) if path.contains('/') => Ok(TargetSpec::Address(path.into())),
        _ => Err(usage(format!(
            "there is no target {text:?}; there are mock[:1.6|1.7|2.1], memory[:1.6|1.7|2.1], real[:PATH] \
             and the path of a socket"
        ))),
    }
}

/// The one target of a command that takes one, if it can be had.
pub(crate) fn one_target(text: &str) -> anyhow::Result<TargetSpec> {
    if let Place::Memory(_) = place(text)? {
        return Err(usage("in memory nothing takes its time: name mock, real or a socket"));
    }
    let spec = target(text)?;
    if let TargetSpec::Address(path) = &spec {
        check_socket(path)?;
    }
    Ok(spec)
}

/// The mock plays what is installed, so that both arms of a run are of one version.
fn default_profile() -> Profile {
    let machine = Machine::look();
    let version = machine.found("containerd").and_then(|found| {
        // "… (containerd github.com/containerd/containerd 1.6.20~ds1 …)"
        found.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
    });
    version.map_or_else(Profile::default, |version| Profile::nearest(version).0)
}

impl Plan {
    pub(crate) async fn check(options: &RunOptions) -> anyhow::Result<Self> {
        let by_default = options.drivers.is_empty() && options.command.is_empty();
        let names = match by_default {
            // A difference is the servers': who asks does not matter.
            true if options.differential => vec![registry::DEFAULTS[0].to_owned()],
            true => registry::DEFAULTS.map(str::to_owned).to_vec(),
            false => options.drivers.clone(),
        };
        for name in &names {
            registry::driver(name)?;
        }
        if options.differential {
            check_differential(options)?;
        }
        if options.actors.is_some() && options.faults.is_some() {
            return Err(usage("--faults goes with named scenarios alone: leave --actors out"));
        }
        let (budget, budgets) = budgets(options, &names)?;
        let mut plan = Self {
            testees: Vec::new(),
            targets: targets(options)?,
            cases: Cases::choose(options, &budgets)?,
            faults: None,
            differential: options.differential,
            budget,
            known: None,
        };
        if let Some(path) = &options.known_failing {
            let known = KnownFailures::parse(&path.display().to_string(), &read(path)?);
            let known = known.map_err(usage)?;
            known.check(|case| plan.cases.has(case)).map_err(usage)?;
            plan.known = Some(known);
        }
        if let Some(path) = &options.faults {
            let (name, text) = (path.display().to_string(), read(path)?);
            let faults = Faults::parse(&name, &text).map_err(usage)?;
            let hash = laconic_scenarios::plan_hash(&text);
            plan.faults = Some(Wrong { faults, named: FaultsRef { path: name, hash } });
        }
        // Last: it starts programs.
        for name in &names {
            plan.testees.push(Testee::named(name).await?);
        }
        if !options.command.is_empty() {
            plan.testees.push(Testee::started_by(&options.command).await?);
        }
        for testee in &plan.testees {
            plan.budget(testee.name())?;
        }
        Ok(plan)
    }

    /// The budget by which a client is judged: the one given, if it is its; or ours. Without any
    /// it is measured.
    pub(crate) fn budget(&self, client: &str) -> anyhow::Result<Budget> {
        match &self.budget {
            Some(budget) if budget.client == client => Ok(budget.clone()),
            Some(budget) if self.testees.len() == 1 => {
                let (path, whose) = (&budget.path, &budget.client);
                Err(usage(format!("{path} is the budget of {whose:?}, not of {client:?}")))
            }
            _ => Ok(own(client).unwrap_or_else(|| Budget::measuring(client))),
        }
    }

    /// Whether a client is held to anything.
    pub(crate) fn promised(&self, client: &str) -> bool {
        self.budget(client).is_ok_and(|budget| budget.promises())
    }

    pub(crate) fn known(&self, driver: &str) -> KnownFailures {
        self.known.clone().unwrap_or_else(|| KnownFailures::own(driver))
    }

    /// Targets that are run at a time: one, or two that are held against each other.
    pub(crate) fn turns(&self) -> std::slice::Chunks<'_, Wanted> {
        self.targets.chunks(if self.differential { 2 } else { 1 })
    }

    /// Equal plans may be compared and merged.
    pub(crate) fn hash(&self, options: &RunOptions) -> String {
        let mut text = String::new();
        for testee in &self.testees {
            let name = testee.name();
            let hash = self.budget(name).map(|budget| budget.hash).unwrap_or_default();
            text.push_str(&format!("driver {name} {hash}\n"));
        }
        for target in &self.targets {
            text.push_str(&format!("target {:?}\n", target.place));
        }
        if self.differential {
            text.push_str("differential\n");
        }
        if let Some(wrong) = &self.faults {
            text.push_str(&format!("faults {}\n", wrong.named.hash));
        }
        text.push_str(&self.cases.text(options));
        laconic_scenarios::plan_hash(&text)
    }
}

fn check_differential(options: &RunOptions) -> anyhow::Result<()> {
    if options.targets.len() != 2 {
        return Err(usage(
            "--differential takes two targets: --target mock:2.1 --target real:PATH",
        ));
    }
    if options.actors.is_some() {
        return Err(usage(
            "--differential compares what has one right answer: leave --actors out of it",
        ));
    }
    if options.faults.is_some() {
        return Err(usage(
            "--differential goes without --faults: two servers are compared where nothing goes wrong",
        ));
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| usage(format!("cannot read {}: {error}", path.display())))
}

/// The budget that is given, and all of which it is known before any client has told its name that some
/// client may be held to it: a program without one is measured.
fn budgets(
    options: &RunOptions,
    names: &[String],
) -> anyhow::Result<(Option<Budget>, Vec<Budget>)> {
    let mut given = None;
    if let Some(path) = &options.budgets {
        let parsed = Budget::parse(&path.display().to_string(), &read(path)?);
        given = Some(parsed.map_err(usage)?);
    }
    let mut budgets: Vec<Budget> = names.iter().filter_map(|name| own(name)).collect();
    budgets.extend(given.clone());
    if budgets.is_empty() {
        budgets.push(Budget::measuring(""));
    }
    Ok((given, budgets))
}

fn targets(options: &RunOptions) -> anyhow::Result<Vec<Wanted>> {
    let mut names: Vec<String> = options.targets.clone();
    let by_default = names.is_empty();
    if by_default {
        // What several do at once can be had in the same order again in memory alone.
        let mock = if options.actors.is_some() { "memory" } else { "mock" };
        names = vec![mock.to_owned(), "real".to_owned()];
    }
    for required in &options.require {
        if !names.contains(required) {
            names.push(required.clone());
        }
    }
    names
        .into_iter()
        .map(|name| {
            let place = place(&name)?;
            if let Place::Stand(TargetSpec::Address(path)) = &place {
                check_socket(path)?;
            }
            Ok(Wanted { place, required: options.require.contains(&name), name })
        })
        .collect()
}
