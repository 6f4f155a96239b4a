//! Clients under test: ours by name, anybody's by command.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use driver_protocol::{Close, Connect, DriverFactory, Hello};
use laconic_scenarios::external::External;
use mock_containerd::MockContainerd;
use run_record::DriverRef;

use crate::registry;

/// How long a client may take to say who it is.
const INTRODUCTION_LIMIT: Duration = Duration::from_secs(30);

/// A client that has said who it is.
pub(crate) struct Testee {
    pub(crate) factory: Box<dyn DriverFactory>,
    pub(crate) hello: Hello,
    command: Vec<String>,
}

impl Testee {
    /// One of ours, in this process.
    pub(crate) async fn named(name: &str) -> anyhow::Result<Self> {
        Self::introduce(registry::driver(name)?, Vec::new()).await
    }

    /// Anybody's, in a process of its own.
    pub(crate) async fn started_by(command: &[String]) -> anyhow::Result<Self> {
        Self::started_with(command, None).await
    }

    /// The same, which finds a variable in its environment.
    pub(crate) async fn started_with(
        command: &[String],
        variable: Option<(&str, &Path)>,
    ) -> anyhow::Result<Self> {
        let mut external = External::new(command.to_vec());
        if let Some((name, value)) = variable {
            external = external.env(name, value);
        }
        Self::introduce(Box::new(external), command.to_vec()).await
    }

    /// Opens it on a mock of its own, before anything is counted: what it can do decides what is
    /// asked of it, and its name by which budget it is judged.
    async fn introduce(
        factory: Box<dyn DriverFactory>,
        command: Vec<String>,
    ) -> anyhow::Result<Self> {
        let mock = MockContainerd::builder().start().await?;
        let connect = Connect {
            socket: mock.socket().to_owned(),
            namespace: "laconic-introduction".to_owned(),
            rootfs: None,
        };
        let introduced = tokio::time::timeout(INTRODUCTION_LIMIT, async {
            let driver = factory.open(connect).await?;
            driver.close(Close::Graceful).await?;
            anyhow::Ok(driver.hello().clone())
        });
        let shown = || match command.as_slice() {
            [] => factory.name().to_owned(),
            words => words.join(" "),
        };
        let hello = introduced
            .await
            .with_context(|| format!("{}: did not introduce itself", shown()))?
            .with_context(shown)?;
        Ok(Self { factory, hello, command })
    }

    pub(crate) fn name(&self) -> &str {
        &self.hello.driver
    }

    /// Whether it can be had in this process, and told what to dial.
    pub(crate) fn plays_in_memory(&self) -> bool {
        self.command.is_empty()
    }

    /// As records name it.
    pub(crate) fn described(&self) -> DriverRef {
        let door = if self.command.is_empty() { "in-process" } else { "stdio" };
        DriverRef { command: self.command.clone(), ..DriverRef::new(&self.hello, door) }
    }
}
