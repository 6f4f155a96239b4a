//! Budget files that people got wrong: each is told with file, line and what is wrong.

use laconic_scenarios::budgets::{Budget, own};

const TOP: &str = "schema = 1\nclient = \"x\"\n";

/// Each text below the first two lines, and what is said of it.
fn told(bad: &[&str]) -> String {
    let mut told = String::new();
    for text in bad {
        let error = Budget::parse("budget.toml", &format!("{TOP}{text}")).expect_err(text);
        told.push_str(&format!("{text}\n=> {error}\n\n"));
    }
    told
}

#[test]
fn flows_that_cannot_be_held_are_refused() {
    let bad = [
        "[flow.a]\ntotal = 3",
        "[flow.a]\nof = []\ntotal = 3",
        "[flow.a]\nof = [\"exec\"]\ntotal = 3",
        "[flow.a]\nof = \"exec\"\ntotal = 3",
        "[flow.a]\nof = [\n  \"exec\",\n  \"exce-wait\",\n]\ntotal = 3",
        "[flow.a]\nof = [\"exec\", \"exec-wait\"]",
        "[flow.a]\nof = [\"exec\", \"exec-wait\"]\ntotal = 3\n\"Tasks/Exec\" = 1",
        "[flow.a]\nof = [\"exec\", \"exec-wait\"]\ntotal = \"few\"",
        "[flow.a]\nof = [\"exec\", \"exec-wait\"]\ntotals = 3",
        "[flow.a]\nof = [\"exec\", \"exec-wait\"]\ntotal = 3\non_excess = \"panic\"",
        "flow = 3",
        "[flow]\na = 3",
    ];
    insta::assert_snapshot!(told(&bad));
}

#[test]
fn a_flow_says_a_total_or_each_method_and_what_its_excess_amounts_to() {
    let text = "[flow.a]\nof = [\"exec\", \"exec-wait\"]\non_excess = \"warn\"\n\"Tasks/Exec\" = 1\n\
                [flow.b]\nof = [\"exec\", \"exec-wait\"]\ntotal = \"1..=3\"";
    let budget = Budget::parse("budget.toml", &format!("{TOP}{text}")).unwrap();
    insta::assert_debug_snapshot!(budget.flows);
}

#[test]
fn a_bases_flow_ends_where_an_operation_of_it_costs_otherwise() {
    let parse = |text: &str| {
        let text = format!("{TOP}base = \"floor\"\n{text}");
        Budget::parse("budget.toml", &text).unwrap().flows.into_keys().collect::<Vec<_>>()
    };
    let all: Vec<String> = own("floor").unwrap().flows.into_keys().collect();
    assert_eq!(parse(""), all);
    assert_eq!(parse("[operation.exec.error.not-found]\n\"Tasks/Exec\" = 1\n"), all);
    let rest = parse("[operation.exec]\n\"Tasks/Exec\" = 2\n\"Tasks/Start\" = 1\n");
    assert_eq!(rest, ["graceful-stop", "run-from-image", "run-to-exit"]);
    let own = "[flow.exec-cycle]\nof = [\"exec\", \"exec-wait\"]\ntotal = 4\n\
               [operation.exec]\n\"Tasks/Exec\" = 2\n";
    assert_eq!(parse(own), ["exec-cycle", "graceful-stop", "run-from-image", "run-to-exit"]);
}
