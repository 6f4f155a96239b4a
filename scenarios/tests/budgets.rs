//! Budget files that people got wrong: each is told with file, line and what is wrong.

use laconic_scenarios::budgets::{self, Budget, own};
use laconic_scenarios::judge_counts;
use run_record::Verdict;

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

const VARY: &str = "[operation.restore]\nvary = { n = \"containers\", at = [1, 8, 64] }\n\
    \"Tasks/Get\" = \"2 + 1*n\"\n";

#[test]
fn a_line_that_too_few_points_prove_or_none_can_is_refused() {
    let changed: Vec<String> = [
        ("[1, 8, 64]", "[1, 64]"),
        ("[1, 8, 64]", "[1, 8, 64, 8]"),
        ("[1, 8, 64]", "[0, 8, 64]"),
        ("[1, 8, 64]", "[1, 8, 100_000]"),
        ("[1, 8, 64]", "[1, 8, \"many\"]"),
        ("[1, 8, 64]", "64"),
        ("\"containers\"", "\"execs\""),
        ("n = \"containers\", ", ""),
        (", at = [1, 8, 64]", ""),
        ("at =", "from ="),
        ("{ n = \"containers\", at = [1, 8, 64] }", "3"),
        ("operation.restore", "operation.exec"),
        ("operation.restore", "operation.restore.error.not-found"),
        ("operation.restore", "connect"),
    ]
    .map(|(from, to)| VARY.replace(from, to))
    .into();
    insta::assert_snapshot!(told(&changed.iter().map(String::as_str).collect::<Vec<_>>()));
}

#[test]
fn what_is_proven_of_a_base_is_proven_of_what_stands_on_it() {
    let parse = |text: &str| Budget::parse("budget.toml", &format!("{TOP}{text}")).unwrap();
    let base = "base = \"floor\"\n";
    let points = |text: &str| parse(&format!("{base}{text}")).vary["restore"].clone();
    assert_eq!(points(""), [1, 8, 64].into());
    assert_eq!(points("[operation.restore]\n\"Tasks/List\" = 1\n"), [1, 8, 64].into());
    let other = "[operation.restore]\nvary = { n = \"containers\", at = [2, 3, 5] }\n";
    assert_eq!(points(other), [2, 3, 5].into());
    let rows = parse(&format!("{base}{other}")).operations["restore"].ok.rows.len();
    assert_eq!(rows, 2, "where only the points stand, the limits are the base's");
    assert!(parse(base).unproven().is_empty());
    let alone = parse("[operation.restore]\n\"Tasks/Get\" = \"1*n\"\n");
    assert_eq!(alone.unproven().len(), 1);
    assert_eq!(alone.unproven()[0].1.to_string(), "budget.toml:3");
}

const WAIVER: &str = "[operation.exec]\n\"Tasks/Exec\" = 1\n[[waiver]]\n\
    rule = \"operation.exec:Containers/Get\"\nallow = 1\nreason = \"it reloads\"\n\
    owner = \"@name\"\nuntil = 9999-12-31\n";

#[test]
fn waivers_that_ended_or_match_nothing_are_refused() {
    let changed: Vec<String> = [
        ("9999-12-31", "2020-02-29"),
        ("9999-12-31", "\"for ever\""),
        ("9999-12-31", "9999-12-31T00:00:00Z"),
        ("operation.exec:", "operation.kill:"),
        ("operation.exec:", "operation.exce:"),
        ("operation.exec:", "operation.exec.error.not-found:"),
        (":Containers/Get", ":containers"),
        ("operation.exec:Containers/Get", "flow.exec-cycle"),
        ("operation.exec:Containers/Get", "Containers/Get"),
        ("allow = 1", "allow = 0"),
        ("allow = 1", "allow = \"many\""),
        ("allow = 1\n", ""),
        ("reason = \"it reloads\"\n", ""),
        ("\"it reloads\"", "\" \""),
        ("owner", "author"),
        ("[[waiver]]", "[waiver]"),
    ]
    .map(|(from, to)| WAIVER.replace(from, to))
    .into();
    let mut bad: Vec<&str> = changed.iter().map(String::as_str).collect();
    let (_, again) = WAIVER.split_once("1\n").unwrap();
    let twice = format!("{WAIVER}{again}");
    bad.push(&twice);
    insta::assert_snapshot!(told(&bad));
}

#[test]
fn a_waiver_turns_an_excess_into_a_warning_as_far_as_it_goes() {
    let budget = Budget::parse("budget.toml", &format!("{TOP}tight = true\n{WAIVER}")).unwrap();
    let judged = |gets: u64| {
        let rpcs = [("Tasks/Exec".to_owned(), 1), ("Containers/Get".to_owned(), gets)].into();
        judge_counts("exec", &rpcs, &budget.operations["exec"].ok, 1, true)
    };
    assert_eq!(judged(0), vec![Verdict::pass("budget")]);
    let waived =
        "exec: Containers/Get allowed 0, saw 1: waived until 9999-12-31 by @name: it reloads";
    assert_eq!(judged(1), vec![Verdict::warn("budget", waived).set_at("budget.toml:6")]);
    assert!(judged(2)[0].failed(), "{:?}", judged(2));
}

#[test]
fn a_waiver_is_of_the_rule_that_it_names_and_of_no_other() {
    let rules = [
        "connect:Events/Publish",
        "background:Tasks/List",
        "operation.exec:Tasks/Start",
        "operation.exec.error.not-found:Tasks/Start",
        "flow.exec-cycle",
        "flow.each:Tasks/Start",
    ];
    let each = "[operation.exec.error.not-found]\n\
                [flow.each]\nof = [\"exec\", \"exec-wait\"]\n\"Tasks/Start\" = 1\n";
    let (_, waiver) = WAIVER.split_once("1\n").unwrap();
    let parse = |rule: &str| {
        let waiver = waiver.replace("operation.exec:Containers/Get", rule);
        Budget::parse("budget.toml", &format!("{TOP}base = \"floor\"\n{each}{waiver}"))
    };
    for rule in rules {
        let budget = parse(rule).expect(rule);
        let waived = rules.map(|rule| budget.explain(rule).expect(rule).rows[0].1.waived());
        assert_eq!(waived, rules.map(|other| u64::from(other == rule)), "{rule}");
    }
    for (rule, told) in [
        ("flow.exec-cycle:Tasks/Exec", "flow.exec-cycle has a total: waive that"),
        ("flow.each", "flow.each has limits by method: flow.each:Tasks/Exec"),
    ] {
        assert_eq!(parse(rule).expect_err(rule).what, told);
    }
}

/// As a reader of TOML gives it; dates are texts.
fn values(text: &str) -> serde_json::Value {
    fn of(value: toml::Value) -> serde_json::Value {
        match value {
            toml::Value::Datetime(date) => date.to_string().into(),
            toml::Value::Array(all) => all.into_iter().map(of).collect(),
            toml::Value::Table(table) => {
                table.into_iter().map(|(key, one)| (key, of(one))).collect()
            }
            other => serde_json::to_value(other).unwrap(),
        }
    }
    of(toml::Value::Table(text.parse().unwrap()))
}

#[test]
fn the_schema_takes_every_budget_in_the_repository() {
    let schema = jsonschema::validator_for(&budgets::schema()).unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = [
        "budgets/floor.toml",
        "budgets/retained.toml",
        "budgets/stateless.toml",
        "drivers/go/budget.toml",
        "drivers/python/budget.toml",
    ];
    for file in files {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        assert!(Budget::parse(file, &text).is_ok(), "{file}");
        let values = values(&text);
        let told = schema.iter_errors(&values).map(|error| error.to_string());
        assert_eq!(told.collect::<Vec<_>>(), Vec::<String>::new(), "{file}");
    }
}

#[test]
fn what_the_schema_refuses_cannot_be_read_either() {
    let schema = jsonschema::validator_for(&budgets::schema()).unwrap();
    let whole = format!(
        "{TOP}tight = true\n{WAIVER}[flow.a]\nof = [\"exec\", \"exec-wait\"]\ntotal = 3\n\
         {VARY}[operation.kill]\n\"Tasks/Kill\" = {{ exactly = \"1 + 2*n\", on_excess = \"warn\" }}\n"
    );
    assert!(schema.is_valid(&values(&whole)));
    Budget::parse("budget.toml", &whole).unwrap();
    for (from, to) in [
        ("schema = 1", "schema = 2"),
        ("tight = true", "tigth = true"),
        ("tight = true", "tight = 1"),
        ("operation.kill", "operation.klil"),
        ("Tasks/Kill", "tasks.kill"),
        ("[1, 8, 64]", "[1, 8]"),
        ("[1, 8, 64]", "[1, 8, 8]"),
        ("[1, 8, 64]", "[1, 8, 1000]"),
        ("\"containers\"", "\"tasks\""),
        ("operation.restore", "operation.pids"),
        ("1 + 2*n", "1 - 2*n"),
        ("exactly =", "precisely ="),
        ("\"warn\"", "\"shout\""),
        ("\"exec-wait\"]", "\"wait-exec\"]"),
        (", \"exec-wait\"]", "]"),
        ("total = 3", "total = -3"),
        ("allow = 1", "allow = 0"),
        ("9999-12-31", "\"soon\""),
        ("owner = \"@name\"\n", ""),
    ] {
        let bad = whole.replace(from, to);
        assert_ne!(bad, whole);
        assert!(!schema.is_valid(&values(&bad)), "{from} -> {to} is taken by the schema");
        assert!(Budget::parse("budget.toml", &bad).is_err(), "{from} -> {to} is read");
    }
}
