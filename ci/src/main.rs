//! `laconic`: counts what a containerd client says.

mod arguments;
mod command;
mod control;
mod exit;
mod metrics;
mod registry;
mod segments;
mod selftest;
mod testee;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command, RunOptions};
use exit::{Ended, Exit};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers, not errors: clap knows which, and where they go.
            let code = if error.use_stderr() { Exit::Usage } else { Exit::Good };
            let _ = error.print();
            return Ended::from(code).into();
        }
    };
    let command = arguments.command.unwrap_or_else(|| Command::Run(RunOptions::default()));
    match perform(command) {
        Ok(ended) => ended.into(),
        Err(error) => {
            // The exit code travels in the chain, and is nothing to read.
            let told: Vec<String> = error
                .chain()
                .filter(|cause| !cause.is::<Exit>())
                .map(ToString::to_string)
                .collect();
            eprintln!("laconic: {}", told.join(": "));
            Ended::from(error.downcast_ref::<Exit>().copied().unwrap_or(Exit::Harness)).into()
        }
    }
}

fn perform(command: Command) -> anyhow::Result<Ended> {
    let mut runtime = match command {
        // It waits for a server most of the time: threads that wake each other cost more than they do.
        Command::Driver(_) => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime.enable_all().build()?;
    let exit = runtime.block_on(async {
        let exit = match command {
            Command::Spy(options) => return command::spy::spy(options).await,
            Command::Run(options) => command::run::run(options).await,
            Command::Replay(options) => command::run::run(options.into()).await,
            Command::Gate(options) => command::gate::gate(options),
            Command::Compare(options) => command::compare::compare(options),
            Command::Budgets(command) => command::budgets::budgets(command),
            Command::Bench(options) => command::bench::bench(options).await,
            Command::Report(options) => command::report::report(options),
            Command::Coverage(options) => command::coverage::coverage(options),
            Command::Selftest(options) => command::selftest::selftest(options).await,
            Command::Mock(options) => command::mock::mock(options).await,
            Command::Mark(options) => command::mark::mark(options).await,
            Command::Driver(options) => command::driver::driver(options).await,
            Command::List(options) => command::list::list(options),
            Command::Explain(options) => command::explain::explain(options),
            Command::Doctor(options) => command::doctor::doctor(options),
            Command::Clean(options) => command::clean::clean(options).await,
            Command::Schema(options) => command::schema::schema(options),
        };
        exit.map(Ended::from)
    });
    // Whatever still blocks (a line being read from a terminal) must not hold the process.
    runtime.shutdown_background();
    exit
}
