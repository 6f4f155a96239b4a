//! `laconic`: counts what a containerd client says.

mod arguments;
mod command;
mod exit;
mod registry;
mod testee;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command, RunOptions};
use exit::Exit;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers, not errors: clap knows which, and where they go.
            let code = if error.use_stderr() { Exit::Usage } else { Exit::Good };
            let _ = error.print();
            return code.into();
        }
    };
    let command = arguments.command.unwrap_or_else(|| Command::Run(RunOptions::default()));
    match perform(command) {
        Ok(exit) => exit.into(),
        Err(error) => {
            // The exit code travels in the chain, and is nothing to read.
            let told: Vec<String> = error
                .chain()
                .filter(|cause| !cause.is::<Exit>())
                .map(ToString::to_string)
                .collect();
            eprintln!("laconic: {}", told.join(": "));
            error.downcast_ref::<Exit>().copied().unwrap_or(Exit::Harness).into()
        }
    }
}

fn perform(command: Command) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let exit = runtime.block_on(async {
        match command {
            Command::Run(options) => command::run::run(options).await,
            Command::Gate(options) => command::gate::gate(options),
            Command::Compare(options) => command::compare::compare(options),
            Command::Budgets(command) => command::budgets::budgets(command),
            Command::Report(options) => command::report::report(options),
            Command::Mock(options) => command::mock::mock(options).await,
            Command::Spy(options) => command::spy::spy(options).await,
            Command::Driver(options) => command::driver::driver(options).await,
            Command::List(options) => command::list::list(options),
            Command::Doctor(options) => command::doctor::doctor(options),
            Command::Clean(options) => command::clean::clean(options).await,
            Command::Schema(options) => command::schema::schema(options),
        }
    });
    // Whatever still blocks (a line being read from a terminal) must not hold the process.
    runtime.shutdown_background();
    exit
}
