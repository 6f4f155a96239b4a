//! Bugs that a client of containerd had after it began to keep handles: each is a scenario that
//! fails once more when what guards against it is taken out. `client/BUGS.md` has the table.
//!
//! On the mock in memory, as every version, in virtual time.

mod checkpoints;
mod deletions;
mod execs;
mod exits;
mod flows;
#[path = "../trouble/foreigner.rs"]
#[expect(dead_code, reason = "what goes wrong in `trouble` needs more of it")]
mod foreigner;
mod forger;
mod lists;
mod losses;
mod restarts;
#[path = "../trouble/stage.rs"]
#[expect(dead_code, reason = "what goes wrong in `trouble` needs more of it")]
mod stage;
mod starts;
mod table;

use mock_containerd::faults::{Faults, When};
use mock_containerd::{MockContainerd, Profile};
use stage::Stage;

/// Plays a case on the mock of every version.
async fn on_all(faults: Faults, case: impl AsyncFn(Stage)) {
    for profile in [Profile::V1_6, Profile::V1_7, Profile::V2_1] {
        let builder = MockContainerd::builder().profile(profile).faults(faults.clone());
        stage::ends(async { case(Stage::of(builder, |builder| builder).await).await }).await;
    }
}

fn none() -> Faults {
    Faults::default()
}

fn before(rpc: &str, plan: &str) -> Faults {
    none().rpc(rpc, When::Before, plan).unwrap()
}

fn after(rpc: &str, plan: &str) -> Faults {
    none().rpc(rpc, When::After, plan).unwrap()
}
