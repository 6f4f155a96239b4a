//! `laconic list`.

use driver_protocol::Operation;
use laconic_scenarios::{Stage, catalogue};

use super::output::{print, print_json};
use crate::arguments::ListOptions;
use crate::exit::Exit;
use crate::registry::DEFAULTS;

pub(crate) fn list(options: ListOptions) -> anyhow::Result<Exit> {
    let scenarios = catalogue();
    if options.json {
        let scenarios: Vec<_> = scenarios
            .iter()
            .map(|scenario| {
                let (mock_only, not_on_mock) = match scenario.stage {
                    Stage::Any => (None, None),
                    Stage::MockOnly(reason) => (Some(reason), None),
                    Stage::NotOnMock(reason) => (None, Some(reason)),
                };
                serde_json::json!({
                    "case": scenario.case(), "steps": scenario.steps.len(),
                    "mock_only": mock_only, "not_on_mock": not_on_mock,
                })
            })
            .collect();
        print_json(&serde_json::json!({
            "scenarios": scenarios,
            "operations": Operation::NAMES,
            "drivers": DEFAULTS,
            "targets": ["mock:1.6", "mock:1.7", "mock:2.1", "real", "ADDRESS"],
        }));
        return Ok(Exit::Good);
    }
    let mut text = String::from("scenarios\n");
    for scenario in &scenarios {
        text.push_str(&format!("  {}", scenario.case()));
        match scenario.stage {
            Stage::Any => {}
            Stage::MockOnly(reason) => text.push_str(&format!("  (mock only: {reason})")),
            Stage::NotOnMock(reason) => text.push_str(&format!("  (not on the mock: {reason})")),
        }
        text.push('\n');
    }
    text.push_str(&format!("operations\n  {}\n", Operation::NAMES.join(" ")));
    text.push_str(&format!("drivers\n  {}\n", DEFAULTS.join(" ")));
    text.push_str("targets\n  mock[:1.6|1.7|2.1] real[:PATH] ADDRESS\n");
    print(&text);
    Ok(Exit::Good)
}
