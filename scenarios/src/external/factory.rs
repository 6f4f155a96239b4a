//! Starts a driver's program and waits until it is ready.

use std::ffi::OsString;
use std::time::Duration;

use driver_protocol::{
    Connect, Driver, DriverFactory, DriverFault, FromDriver, Greeting, Hello, Limits, PROTOCOL,
    Pending, ToDriver,
};
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;

use super::child::{Child, Streams};
use super::driver::ExternalDriver;
use super::lines::Lines;
use super::stderr::LastWords;

/// How long a program may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From its start to `ready`.
    pub start: Duration,
    /// From `bye` to its end.
    pub bye: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { start: Duration::from_secs(15), bye: Duration::from_secs(5) }
    }
}

/// Opens drivers by starting a command.
#[derive(Clone, Debug)]
pub struct External {
    command: Vec<String>,
    environment: Vec<(String, OsString)>,
    patience: Patience,
}

impl External {
    /// The command: its program, then its arguments.
    pub fn new(command: Vec<String>) -> Self {
        Self { command, environment: Vec::new(), patience: Patience::default() }
    }

    /// A variable that the program finds beside those of the protocol.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Other limits than the usual ones.
    pub fn patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    async fn start(&self, connect: Connect) -> Result<ExternalDriver, DriverFault> {
        let (mut child, streams) = Child::spawn(&self.command, &self.environment, &connect)?;
        let Streams { mut stdin, stdout, stderr } = streams;
        let words = LastWords::of(stderr);
        let mut lines = Lines::new(stdout, Limits::default().line_bytes_max);
        let mut expected = "its hello";
        let introduced = tokio::time::timeout(self.patience.start, async {
            greet(&mut stdin).await;
            let hello = introduction(lines.next().await?)?;
            expected = "ready";
            match lines.next().await? {
                Some(FromDriver::Ready { .. }) => Ok(Some(hello)),
                Some(other) => Err(unexpected("ready", &other)),
                None => Ok(None),
            }
        })
        .await;
        let silent = || DriverFault::Protocol {
            expected: format!("{expected} within {:?}", self.patience.start),
            got: "nothing".to_owned(),
        };
        match introduced {
            Ok(Ok(Some(hello))) => {
                Ok(ExternalDriver::new(hello, child, stdin, lines, words, self.patience.bye))
            }
            Ok(Ok(None)) => Err(super::driver::gone(&mut child, &words).await),
            Ok(Err(DriverFault::Gone { .. })) => Err(super::driver::gone(&mut child, &words).await),
            Ok(Err(fault)) => Err(super::driver::with_words(fault, &words)),
            Err(_) => Err(super::driver::with_words(silent(), &words)),
        }
    }
}

impl DriverFactory for External {
    fn name(&self) -> &str {
        self.command.first().map_or("", String::as_str)
    }

    fn open(&self, connect: Connect) -> Pending<'_, Result<Box<dyn Driver>, DriverFault>> {
        Box::pin(async move {
            let driver = self.start(connect).await?;
            Ok(Box::new(driver) as Box<dyn Driver>)
        })
    }
}

async fn greet(stdin: &mut ChildStdin) {
    let laconic = env!("CARGO_PKG_VERSION").to_owned();
    let hello = Greeting { laconic, limits: Limits::default() };
    let mut line = serde_json::to_vec(&ToDriver::Hello { protocol: PROTOCOL, hello })
        .expect("a greeting is plain data");
    line.push(b'\n');
    // A program that does not read shows by what it does not say.
    let _ = stdin.write_all(&line).await;
}

fn introduction(line: Option<FromDriver>) -> Result<Hello, DriverFault> {
    match line {
        Some(FromDriver::Hello { protocol: PROTOCOL, hello }) => Ok(hello),
        Some(FromDriver::Hello { protocol, .. }) => Err(DriverFault::Protocol {
            expected: format!("protocol {PROTOCOL}"),
            got: format!("protocol {protocol}"),
        }),
        Some(other) => Err(unexpected("its hello", &other)),
        None => Err(DriverFault::Gone { cause: String::new() }),
    }
}

pub(super) fn unexpected(expected: &str, got: &FromDriver) -> DriverFault {
    let got = serde_json::to_string(got).unwrap_or_else(|error| error.to_string());
    DriverFault::Protocol { expected: expected.to_owned(), got }
}
