//! A server that a case is played on, behind a tap that counts.

use std::future::Future;
use std::path::{Path, PathBuf};

use laconic_scenarios::Target;
use laconic_targets::{StandError, TargetSpec};
use mock_containerd::Profile;

pub(crate) const VERSIONS: [&str; 3] = ["1.6", "1.7", "2.1"];

pub(crate) struct Stand {
    pub(crate) target: Box<dyn Target>,
}

/// The mock, as every version.
pub(crate) async fn mocks() -> Vec<Stand> {
    let mut stands = Vec::new();
    for profile in [Profile::V1_6, Profile::V1_7, Profile::V2_1] {
        let target = laconic_targets::start(&TargetSpec::Mock(profile)).await.unwrap();
        stands.push(Stand { target });
    }
    stands
}

/// Where `ci/fetch` puts the programs of a version.
pub(crate) fn programs(version: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join("target/daemons").join(version).join("bin")
}

/// A real one; loudly none, if it cannot run here.
pub(crate) async fn daemon(version: &str) -> Option<Stand> {
    let binary = programs(version).join("containerd");
    match laconic_targets::start(&TargetSpec::Real(Some(binary))).await {
        Ok(target) => Some(Stand { target }),
        Err(StandError::Unavailable(lack)) => {
            eprintln!("NOT RUN on {version}: {lack}");
            None
        }
        Err(error) => panic!("{version}: {error}"),
    }
}

impl Stand {
    pub(crate) fn name(&self) -> String {
        let told = self.target.describe();
        format!("{} {}", told.kind, told.version)
    }

    pub(crate) fn namespace(&self) -> String {
        self.target.namespace(0)
    }

    /// The calls that some work makes, in order.
    pub(crate) async fn cost<T>(&self, work: impl Future<Output = T>) -> (Vec<String>, T) {
        let from = self.target.ledger().mark();
        let done = work.await;
        let to = self.target.ledger().mark();
        self.target.caught_up(to).await.unwrap();
        let calls = self.target.ledger().calls_between(from, to);
        (calls.iter().map(|call| call.rpc.short()).collect(), done)
    }

    /// The counts of tap and server agree.
    pub(crate) async fn end(self) {
        self.target.clean_up(&self.namespace()).await.unwrap();
        let closing = self.target.close().await.unwrap();
        let words: Vec<String> = closing.verdicts.iter().map(|told| format!("{told:?}")).collect();
        assert!(closing.verdicts.iter().all(|told| !told.failed()), "{words:?}");
    }
}
