//! The command line.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const EXIT_CODES: &str = "\
Exit codes:
  0  good
  1  the harness, a driver's protocol or a target failed
  2  wrong usage, or a file that people write is wrong
  3  a client broke conformance or its budget
  4  nothing was selected or ran";

/// Counts what a containerd client says: drives clients through container lifecycles, against a
/// mock containerd or a real one, and holds every operation against its budget of RPCs.
#[derive(Debug, Parser)]
#[command(name = "laconic", version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// Without a command: run
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Drive clients through scenarios and judge what they cost
    Run(RunOptions),
    /// Play a case that was kept when it failed
    Replay(ReplayOptions),
    /// Hold a record against what its clients cost when somebody last accepted it
    Gate(GateOptions),
    /// Say what appeared and what vanished between two records
    Compare(CompareOptions),
    /// Check, raise or lower the budget of a client
    #[command(subcommand)]
    Budgets(BudgetsCommand),
    /// Time clients in turn on one target
    Bench(BenchOptions),
    /// Render records
    Report(ReportOptions),
    /// Say which operations met which states in generated cases, over the records of all shards
    Coverage(CoverageOptions),
    /// Break clients, observers and servers on purpose, and look whether the checks notice
    Selftest(SelftestOptions),
    /// Serve a mock containerd on a socket
    Mock(MockOptions),
    /// Stand in front of a containerd and count what passes
    Spy(SpyOptions),
    /// Begin a new segment of what a spy counts
    Mark(MarkOptions),
    /// Be one of our drivers, over JSON Lines on stdin and stdout
    Driver(DriverOptions),
    /// List scenarios, operations, drivers and targets
    List(ListOptions),
    /// Say where a rule of budgets stands, what it allows, and which scenarios hold it
    Explain(ExplainOptions),
    /// Look whether a real containerd can run on this machine
    Doctor(ListOptions),
    /// Remove what runs that were killed have left
    Clean(CleanOptions),
    /// Print the JSON Schema of a format
    Schema(SchemaOptions),
}

#[derive(Debug, Args, Default)]
pub(crate) struct RunOptions {
    /// Drive this client (default: retained and stateless)
    #[arg(long = "driver", value_name = "NAME")]
    pub(crate) drivers: Vec<String>,
    /// Run against mock, mock:1.7, memory (a mock in this process, where what happens at once has an order
    /// by the seed), real, real:PATH or a socket (default: mock, with --actors memory, and real where it can)
    #[arg(long = "target", value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
    /// Fail when this target cannot run
    #[arg(long, value_name = "TARGET")]
    pub(crate) require: Vec<String>,
    /// Generate so many cases as well, and judge them by the model (default, for our own clients: 200 on a
    /// mock, 40 on a real containerd; none on a socket, or with --faults)
    #[arg(long, value_name = "N")]
    pub(crate) cases: Option<u64>,
    /// Generate cases in which so many act at once (1 to 4; 200 cases, unless --cases says otherwise), and
    /// play them instead of named scenarios: what was answered must be possible in some order
    #[arg(long, value_name = "N")]
    pub(crate) actors: Option<u8>,
    /// Of which the generated cases are made: the same seed makes the same cases
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Play the I-th of N parts of the generated cases (I from 0)
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<String>,
    /// Play so many generated cases at once, each on a target of its own kind
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// Where cases that failed are kept, and played first (default: scenarios/regressions)
    #[arg(long, value_name = "FOLDER")]
    pub(crate) regressions: Option<PathBuf>,
    /// Nothing but this replay file.
    #[arg(skip)]
    pub(crate) only: Option<PathBuf>,
    /// Run only this case, by its id
    #[arg(long, value_name = "ID")]
    pub(crate) case: Option<String>,
    /// Run only cases that match: * within a part, ** across parts
    #[arg(long, value_name = "PATTERN")]
    pub(crate) run: Vec<String>,
    /// Leave out cases that match
    #[arg(long, value_name = "PATTERN")]
    pub(crate) skip: Vec<String>,
    /// Judge by this budget instead of the client's own
    #[arg(long, value_name = "FILE")]
    pub(crate) budgets: Option<PathBuf>,
    /// Failures that are known, and must go on failing
    #[arg(long, value_name = "FILE")]
    pub(crate) known_failing: Option<PathBuf>,
    /// Let things go wrong as this file says (TOML), counted anew in each case; before a real target a
    /// proxy does it. An address has nothing of "daemon" done to it, and is told as not run
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// Play each generated case on both targets, and fail where the first differs from the second
    #[arg(long)]
    pub(crate) differential: bool,
    /// Record the calls of generated cases that pass, too
    #[arg(long)]
    pub(crate) calls: bool,
    /// Write the record of the run here
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Write a report: text, json, html, markdown, github or junit, and a file
    #[arg(long = "report", value_name = "FORMAT=FILE")]
    pub(crate) reports: Vec<String>,
    /// Drive the client that this command starts: it speaks the driver protocol
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayOptions {
    /// The file
    pub(crate) file: PathBuf,
    /// Drive this client (default: retained and stateless)
    #[arg(long = "driver", value_name = "NAME")]
    pub(crate) drivers: Vec<String>,
    /// Run against mock, mock:1.7, real, real:PATH or a socket (default: mock, and real where it can)
    #[arg(long = "target", value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
    /// Judge by this budget instead of the client's own
    #[arg(long, value_name = "FILE")]
    pub(crate) budgets: Option<PathBuf>,
    /// Write the record of the run here
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Drive the client that this command starts: it speaks the driver protocol
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

impl From<ReplayOptions> for RunOptions {
    fn from(options: ReplayOptions) -> Self {
        let ReplayOptions { file, drivers, targets, budgets, record, command } = options;
        Self { only: Some(file), drivers, targets, budgets, record, command, ..Self::default() }
    }
}

#[derive(Debug, Args)]
pub(crate) struct GateOptions {
    /// The record of a run
    pub(crate) record: PathBuf,
    /// One baseline, or a folder of them
    #[arg(long, value_name = "FILE", default_value = "ci/baselines/own")]
    pub(crate) baseline: PathBuf,
    /// Take what the record holds for the new baseline
    #[arg(long)]
    pub(crate) accept: bool,
    /// Write a report: FORMAT=FILE
    #[arg(long = "report", value_name = "FORMAT=FILE")]
    pub(crate) reports: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CompareOptions {
    /// The record before
    pub(crate) before: PathBuf,
    /// The record after
    pub(crate) after: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CoverageOptions {
    /// The records
    #[arg(required = true)]
    pub(crate) records: Vec<PathBuf>,
    /// Fail when a full run should have met some cell more often
    #[arg(long)]
    pub(crate) floor: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BudgetsCommand {
    /// Read budgets, and say what is wrong with them
    Check {
        /// The files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Raise a budget so that a record would pass; writes it anew where there is none
    Accept(BudgetsEdit),
    /// Lower a budget to what a record used of it
    Tighten(BudgetsEdit),
    /// Say where a rule stands, what it allows, and which scenarios hold it
    Explain(ExplainOptions),
}

#[derive(Debug, Args)]
pub(crate) struct ExplainOptions {
    /// operation.exec, operation.exec:Tasks/Start, flow.exec-cycle, connect, background …, linearizable
    pub(crate) rule: String,
    /// In these budgets (default: the floor, and those of our own drivers)
    #[arg(long, value_name = "FILE")]
    pub(crate) budgets: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BudgetsEdit {
    /// The record of a run of the client
    pub(crate) record: PathBuf,
    /// The budget
    #[arg(long, value_name = "FILE")]
    pub(crate) budgets: PathBuf,
}

/// What clients are timed at.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum BenchWorkload {
    /// An exec of true: the exec itself, and exec to deletion
    Exec,
    /// A container of true, from creation to deletion
    Lifecycle,
    /// What a client that keeps handles refuses by itself: what it costs to be asked at all
    Door,
}

#[derive(Debug, Args)]
pub(crate) struct BenchOptions {
    /// What is timed
    pub(crate) workload: BenchWorkload,
    /// Time this client; the first is what others are compared with (default: retained, stateless)
    #[arg(long = "driver", value_name = "NAME")]
    pub(crate) drivers: Vec<String>,
    /// On mock, mock:1.7, real, real:PATH or a socket
    #[arg(long, value_name = "TARGET", default_value = "mock")]
    pub(crate) target: String,
    /// Turns of each client
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) count: usize,
    /// Workers of a client, each with a container of its own
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) concurrency: usize,
    /// Rounds of each worker in a turn
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) rounds: usize,
    /// Start our own clients as PROGRAM driver NAME (this program, where none is named), through the
    /// door of everybody else's: then what each uses can be told
    #[arg(long, value_name = "PROGRAM", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub(crate) apart: Option<PathBuf>,
    /// Divide by the figures of this client, instead of the first one's
    #[arg(long, value_name = "CLIENT")]
    pub(crate) over: Option<String>,
    /// Tell what clients allocate, of those that write it into the file LACONIC_ALLOCATIONS; this
    /// slows them, and no times are told
    #[arg(long)]
    pub(crate) allocations: bool,
    /// Write the histograms as a record
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Print figures as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Time the client that this command starts as well
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ReportOptions {
    /// Records of runs
    #[arg(required = true)]
    pub(crate) records: Vec<PathBuf>,
    /// Where to write: text, json, html, markdown, github or junit, and a file
    #[arg(long = "report", value_name = "FORMAT=FILE")]
    pub(crate) reports: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SelftestOptions {
    /// Only so many of a hundred mutants
    #[arg(long, value_name = "PERCENT")]
    pub(crate) sample: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct MockOptions {
    /// Listen here
    #[arg(long, value_name = "SOCKET", required_unless_present = "list")]
    pub(crate) listen: Option<PathBuf>,
    /// Play this version: 1.6, 1.7 or 2.1
    #[arg(long, value_name = "VERSION", default_value = "1.6")]
    pub(crate) profile: String,
    /// Scripts of processes, by command
    #[arg(long, value_name = "FILE")]
    pub(crate) processes: Option<PathBuf>,
    /// Show pids that are numbers of nobody, or real ones: of placeholders that the mock owns
    #[arg(long, value_name = "KIND", default_value = "numbers")]
    pub(crate) pids: String,
    /// Play a host with cgroups v1 or v2, or those of this one: metrics are of their type
    #[arg(long, value_name = "VERSION", default_value = "host")]
    pub(crate) cgroups: String,
    /// Have a runtime of this name whose shim plays sandboxes (may be given several times)
    #[arg(long, value_name = "RUNTIME")]
    pub(crate) sandboxes: Vec<String>,
    /// Show what was counted at http://ADDRESS/v1/metrics, as containerd does
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics: Option<SocketAddr>,
    /// What goes wrong, and when (TOML)
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// List all methods of the version, and which of them are modelled
    #[arg(long)]
    pub(crate) list: bool,
    /// With --list: as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SpyOptions {
    /// Listen here (default: in a private folder, for the command alone)
    #[arg(long, value_name = "SOCKET", required_unless_present = "command")]
    pub(crate) listen: Option<PathBuf>,
    /// Relay to this containerd (path or unix://)
    #[arg(
        short = 'a',
        long = "address",
        visible_alias = "upstream",
        env = "CONTAINERD_ADDRESS",
        default_value = "/run/containerd/containerd.sock"
    )]
    pub(crate) upstream: String,
    /// Write what passed as a record
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Print the counts as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Watch this command: {socket} in it becomes our socket, and CONTAINERD_ADDRESS is set
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct MarkOptions {
    /// The segment that begins
    pub(crate) name: String,
    /// The control socket of a spy (default: that of the spy around us, or the only one)
    #[arg(long, value_name = "SOCKET")]
    pub(crate) spy: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DriverOptions {
    /// retained or stateless
    pub(crate) name: String,
    /// The containerd to dial (path or unix://)
    #[arg(short = 'a', long, env = "CONTAINERD_ADDRESS")]
    pub(crate) address: String,
    /// The namespace to work in
    #[arg(short = 'n', long, env = "CONTAINERD_NAMESPACE")]
    pub(crate) namespace: String,
    /// The root file system of containers
    #[arg(long, env = "LACONIC_ROOTFS")]
    pub(crate) rootfs: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CleanOptions {
    /// Only this run
    #[arg(long, value_name = "ID")]
    pub(crate) run_id: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaOptions {
    /// Which format: record, protocol, faults or budgets
    pub(crate) format: String,
}
