//! A report and a gate, beside parsing the record's lines with serde.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use laconic_reports::baseline::Baseline;
use laconic_reports::{Collector, Floors, Format, gate};
use run_record::{Line, Record};

/// How many cases of the sample's size.
const CASES: usize = 200;

/// A record of many cases: those of the sample, again and again under other names.
fn text() -> String {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../reports/tests/records/over-budget.jsonl");
    let sample = std::fs::read_to_string(path).expect("the sample is there");
    let (head, body) = sample.split_once('\n').expect("a header");
    let (body, summary) = body.trim_end().rsplit_once('\n').expect("a summary");
    let mut text = format!("{head}\n");
    for line in body.lines().filter(|line| line.contains("\"kind\":\"run\"")).take(1) {
        text.push_str(&format!("{line}\n"));
    }
    let of_run: Vec<&str> =
        body.lines().filter(|line| line.contains("\"run\":1,\"case\"")).collect();
    for case in 0..CASES {
        for line in &of_run {
            text.push_str(&line.replace("exec-exits-with-7", &format!("case-{case}")));
            text.push('\n');
        }
    }
    text.push_str(&format!("{summary}\n"));
    text
}

fn report(criterion: &mut Criterion) {
    let text = text();
    let mut group = criterion.benchmark_group("record-of-200-cases");
    group.sample_size(20);
    group.bench_function("parse", |bencher| {
        bencher.iter(|| {
            let lines: Result<Vec<Line>, _> = text.lines().map(serde_json::from_str).collect();
            black_box(lines.expect("a record"))
        });
    });
    group.bench_function("html-report", |bencher| {
        let floors = Floors::new();
        bencher.iter(|| {
            let mut collector = Collector::default();
            for line in text.lines() {
                collector.add(serde_json::from_str(line).expect("a record"), &floors);
            }
            black_box(collector.report(&floors).render(Format::Html))
        });
    });
    group.bench_function("gate", |bencher| {
        let record = Record::parse(&text).expect("a record");
        let run = record.lines.iter().find_map(|line| match line {
            Line::Run(run) => Some(run.clone()),
            _ => None,
        });
        let run = run.expect("it has a run");
        let baseline = Baseline::of(&record.lines, &run).to_string();
        bencher.iter(|| {
            let record = Record::parse(&text).expect("a record");
            let baseline = Baseline::parse("b.json", &baseline).expect("a baseline");
            black_box(gate(&record.lines, &run, &baseline))
        });
    });
    group.finish();
}

criterion_group!(benches, report);
criterion_main!(benches);
