//! `laconic list`.

use driver_protocol::Operation;
use laconic_scenarios::budgets::own;
use laconic_scenarios::{Stage, catalogue, varied};

use super::output::{print, print_json};
use crate::arguments::ListOptions;
use crate::exit::Exit;
use crate::registry::DEFAULTS;

pub(crate) fn list(options: ListOptions) -> anyhow::Result<Exit> {
    let budgets: Vec<_> = DEFAULTS.iter().filter_map(|client| own(client)).collect();
    let scenarios: Vec<_> = catalogue().into_iter().chain(varied(&budgets)).collect();
    if options.json {
        let scenarios: Vec<_> = scenarios
            .iter()
            .map(|scenario| {
                let (mock_only, real_only) = match scenario.stage {
                    Stage::Any => (None, None),
                    Stage::MockOnly(reason) => (Some(reason), None),
                    Stage::RealOnly(reason) => (None, Some(reason)),
                };
                serde_json::json!({
                    "case": scenario.case(), "steps": scenario.steps.len(),
                    "mock_only": mock_only, "real_only": real_only,
                })
            })
            .collect();
        print_json(&serde_json::json!({
            "scenarios": scenarios,
            "operations": Operation::NAMES.as_slice(),
            "drivers": DEFAULTS,
            "targets": ["mock:1.6", "mock:1.7", "mock:2.1", "memory", "real", "ADDRESS"],
        }));
        return Ok(Exit::Good);
    }
    let mut text = String::from("scenarios\n");
    for scenario in &scenarios {
        text.push_str(&format!("  {}", scenario.case()));
        match scenario.stage {
            Stage::Any => {}
            Stage::MockOnly(reason) => text.push_str(&format!("  (mock only: {reason})")),
            Stage::RealOnly(reason) => text.push_str(&format!("  (real only: {reason})")),
        }
        text.push('\n');
    }
    text.push_str(&format!("operations\n  {}\n", Operation::NAMES.join(" ")));
    text.push_str(&format!("drivers\n  {}\n", DEFAULTS.join(" ")));
    text.push_str("targets\n  mock[:1.6|1.7|2.1] memory[:1.6|1.7|2.1] real[:PATH] ADDRESS\n");
    print(&text);
    Ok(Exit::Good)
}
