//! `laconic bench`.

use anyhow::bail;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use laconic_benches::{Contender, Measured, Workload, interleave, ratio};
use laconic_scenarios::Stop;
use run_record::{Line, RecordWriter, RunLine, Summary, Tally, histogram_line};

use super::interrupt::heed;
use super::output::{print, print_json};
use super::plan::one_target;
use super::run::header_of;
use crate::arguments::{BenchOptions, BenchWorkload};
use crate::exit::Exit;
use crate::registry;
use crate::testee::Testee;

pub(crate) async fn bench(options: BenchOptions) -> anyhow::Result<Exit> {
    let spec = one_target(&options.target)?;
    let writer = options.record.as_deref().map(RecordWriter::create).transpose()?;
    let names = match options.drivers.is_empty() {
        true => registry::DEFAULTS.map(str::to_owned).to_vec(),
        false => options.drivers.clone(),
    };
    let mut testees = Vec::new();
    for name in &names {
        testees.push(Testee::named(name).await?);
    }
    if !options.command.is_empty() {
        testees.push(Testee::started_by(&options.command).await?);
    }
    let workload = match options.workload {
        BenchWorkload::Exec => Workload::Exec,
        BenchWorkload::Lifecycle => Workload::Lifecycle,
    };
    let stop = Stop::default();
    heed(&stop);
    let target = laconic_targets::start(&spec).await?;
    let described = target.describe();
    eprintln!(
        "laconic: {} rounds of {} on {} {}, {} in turn",
        options.count,
        workload.name(),
        described.kind,
        described.version,
        testees.iter().map(Testee::name).collect::<Vec<_>>().join(", ")
    );
    let contenders: Vec<Contender<'_>> = testees
        .iter()
        .map(|testee| Contender { name: testee.name().to_owned(), factory: &*testee.factory })
        .collect();
    let measured = interleave(&*target, &contenders, workload, options.count, &stop).await;
    let closing = target.close().await?;
    let measured = measured?;
    if let Some(wrong) = closing.verdicts.iter().find(|verdict| verdict.failed()) {
        bail!("the harness found a fault in itself: {}", wrong.detail);
    }
    if options.json {
        print_json(&as_json(&measured));
    } else {
        print(&as_table(&measured));
    }
    if let Some(mut writer) = writer {
        writer.write(&Line::Record(header_of("bench".to_owned())))?;
        for (number, testee) in (1..).zip(&testees) {
            writer.write(&Line::Run(RunLine {
                run: number,
                driver: testee.described(),
                target: described.clone(),
                budgets: None,
                faults: None,
            }))?;
            for one in measured.iter().filter(|one| one.client == testee.name()) {
                writer.write(&histogram_line(number, one.of, &one.histogram()))?;
            }
        }
        let verdicts = Tally::default();
        let summary = Summary { verdicts, complete: true, valid: true, not_run: Vec::new() };
        writer.write(&Line::Summary(summary))?;
    }
    Ok(Exit::Good)
}

/// What each is compared with: the first client, at the same thing.
fn base<'m>(measured: &'m [Measured], one: &Measured) -> Option<&'m Measured> {
    measured.iter().find(|base| base.of == one.of)
}

fn as_table(measured: &[Measured]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    let first = measured.first().map_or("", |first| first.client.as_str());
    let ratio_head = format!("median over {first} [95 %]");
    table.set_header(["ms", "client", "n", "p50", "p90", "p99", "max", ratio_head.as_str()]);
    for one in measured {
        let histogram = one.histogram();
        let ms = |us: u64| format!("{:.2}", us as f64 / 1000.0);
        let at = |quantile: f64| ms(histogram.value_at_quantile(quantile));
        let interval = base(measured, one).and_then(|base| ratio(one, base));
        let interval = interval.map_or_else(String::new, |interval| {
            format!("{:.2} [{:.2}, {:.2}]", interval.ratio, interval.low, interval.high)
        });
        table.add_row([
            one.of.to_owned(),
            one.client.clone(),
            one.samples_us.len().to_string(),
            at(0.5),
            at(0.9),
            at(0.99),
            ms(histogram.max()),
            interval,
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{table}\n")
}

fn as_json(measured: &[Measured]) -> serde_json::Value {
    let one = |one: &Measured| {
        let histogram = one.histogram();
        let interval = base(measured, one).and_then(|base| ratio(one, base));
        serde_json::json!({
            "of": one.of,
            "client": one.client,
            "rounds": one.samples_us.len(),
            "us_p50": histogram.value_at_quantile(0.5),
            "us_p90": histogram.value_at_quantile(0.9),
            "us_p99": histogram.value_at_quantile(0.99),
            "us_max": histogram.max(),
            "ratio": interval.map(|interval| interval.ratio),
            "ratio_95": interval.map(|interval| [interval.low, interval.high]),
        })
    };
    serde_json::json!({"schema_version": 1, "measured": measured.iter().map(one).collect::<Vec<_>>()})
}
