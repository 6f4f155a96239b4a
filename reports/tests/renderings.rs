//! What a record looks like in each format: a case on the mock, in which one client is over a
//! budget that was made for the purpose.

use std::path::Path;

use hdrhistogram::Histogram;
use laconic_reports::{Collector, Floor, Floors, Format, Report};
use rpc_ledger::{Owner, StepId};
use run_record::{Class, Line, Record, Verdict, histogram_line};

fn report() -> Report {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/over-budget.jsonl");
    let record = Record::open(&path).unwrap();
    let floor = |rpcs: &[&str]| Floor {
        fewest: rpcs.len() as u64,
        most: rpcs.len() as u64,
        rpcs: rpcs.iter().map(|rpc| (*rpc).to_owned()).collect(),
    };
    let floors: Floors = [
        ("create".to_owned(), floor(&["Containers/Create"])),
        ("exec".to_owned(), floor(&["Tasks/Exec", "Tasks/Start"])),
    ]
    .into();
    Report::of(&record.lines, &floors)
}

#[test]
fn text_shows_the_table_then_each_failure_with_its_calls_then_one_line() {
    insta::assert_snapshot!(report().text());
}

#[test]
fn a_failure_says_of_each_call_what_it_was_good_for_and_what_would_mend_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/over-budget.jsonl");
    let mut lines = Record::open(&path).unwrap().lines;
    let failed = lines.iter().find_map(|line| match line {
        Line::Step(step) => {
            step.verdicts.iter().any(Verdict::failed).then_some((step.run, step.step))
        }
        _ => None,
    });
    let (run, failed) = failed.unwrap();
    let told = |lines: &mut [Line], class: Class, earlier: bool| {
        let mut first = None;
        for line in lines.iter_mut() {
            let Line::Call(call) = line else { continue };
            if call.run != run {
                continue;
            }
            let own = call.owner == Owner::Step(StepId::new(failed));
            (call.class, call.same_as) = match first {
                Some(first) if own => (Some(class), Some(first)),
                _ => (Some(Class::Needed), None),
            };
            if own || earlier {
                first = first.or(Some(call.seq));
            }
        }
        let text = Report::of(lines, &Floors::new()).text();
        let (_, text) = text.split_once("FAIL").unwrap();
        text.split_once("replay").unwrap().0.to_owned()
    };
    let classes = [(Class::Redundant, false), (Class::Redundant, true), (Class::NPlus1, false)];
    let all = classes.map(|(class, earlier)| told(&mut lines, class, earlier));
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn json_holds_the_same_figures() {
    insta::assert_json_snapshot!(report().json());
}

#[test]
fn html_is_one_page_that_needs_nothing_else() {
    let page = report().render(Format::Html);
    assert!(page.len() < 1_000_000);
    for reference in ["http:", "https:", "src=", "url(", "@import", "<link"] {
        assert!(!page.contains(reference), "{reference}");
    }
    assert!(page.contains("exec: Tasks&#x2f;Start allowed 0, saw 1 (+1)"));
    assert!(page.contains("redundant: same request and reply as #1"), "the stateless twin's exec");
}

#[test]
fn names_with_markup_stay_text_in_every_format() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/over-budget.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let hostile = text.replace("\"name\":\"retained\"", "\"name\":\"<script>x</script>|\"");
    let record = Record::parse(&hostile).unwrap();
    let report = Report::of(&record.lines, &Floors::new());
    for format in [Format::Html, Format::Markdown, Format::Junit] {
        let rendered = report.render(format);
        // Between fences Markdown takes everything as it is.
        let outside: String = rendered.split("```").step_by(2).collect();
        assert!(!outside.contains("<script>"), "{format:?}: {outside}");
        assert!(rendered.contains("script"), "{format:?}");
    }
}

#[test]
fn markdown_holds_the_same_table() {
    insta::assert_snapshot!(report().render(Format::Markdown));
}

#[test]
fn junit_has_a_suite_for_each_run_and_tells_failures() {
    insta::assert_snapshot!(report().render(Format::Junit));
}

#[test]
fn several_records_are_told_apart_and_summed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/over-budget.jsonl");
    let mut collector = Collector::default();
    for _ in 0..2 {
        for line in Record::open(&path).unwrap().lines {
            collector.add(line, &Floors::new());
        }
    }
    let twice = collector.report(&Floors::new());
    assert_eq!(twice.matrix.columns.len(), 4);
    assert_eq!(twice.failures.iter().map(|one| one.run).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(twice.summary.unwrap().verdicts.fail, 2);
}

#[test]
fn a_bench_is_shown_as_measured_and_not_as_passed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/over-budget.jsonl");
    let mut lines = Record::open(&path).unwrap().lines;
    lines.retain(|line| matches!(line, Line::Record(_) | Line::Run(_) | Line::Summary(_)));
    let mut times = Histogram::new(3).unwrap();
    times.record(54_910).unwrap();
    lines.insert(2, histogram_line(1, "lifecycle", &times));
    let page = Report::of(&lines, &Floors::new()).render(Format::Html);
    assert!(page.contains("<h1>measured, and nothing judged</h1>"), "{page}");
    assert!(page.contains("54.9"), "{page}");
    assert!(!page.contains("within budget"));
}

#[test]
fn a_record_without_its_end_is_told_as_incomplete() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/over-budget.jsonl");
    let mut lines = Record::open(&path).unwrap().lines;
    lines.pop();
    let text = Report::of(&lines, &Floors::new()).text();
    assert!(text.ends_with("incomplete: the run did not come to its end\n"), "{text}");
}
