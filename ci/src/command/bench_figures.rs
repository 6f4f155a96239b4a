//! Figures of a bench, for people and for programs.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use laconic_benches::{Cost, Interval, Load, Measured, Measurements, Spent, ratio_by_turns};

pub(super) struct Figures<'m> {
    pub(super) measured: &'m Measurements,
    pub(super) load: Load,
    /// By whose figures others' are divided.
    pub(super) base: &'m str,
    /// Whether what was done beside left the times what they are.
    pub(super) times: bool,
}

fn shown(interval: Option<Interval>) -> String {
    interval.map_or_else(String::new, |one| {
        format!("{:.2} [{:.2}, {:.2}]", one.ratio, one.low, one.high)
    })
}

impl Figures<'_> {
    fn times(&self) -> impl Iterator<Item = &Measured> {
        self.measured.times.iter().filter(|_| self.times)
    }

    fn spent(&self) -> impl Iterator<Item = &Spent> {
        let allocated = |cost| matches!(cost, Cost::Allocations | Cost::AllocatedBytes);
        self.measured.spent.iter().filter(move |one| self.times || allocated(one.cost))
    }

    fn time_ratio(&self, one: &Measured) -> Option<Interval> {
        let of_base = |base: &&Measured| base.of == one.of && base.client == self.base;
        let base = self.measured.times.iter().find(of_base)?;
        ratio_by_turns(one, base, self.load.rounds_in_turn())
    }

    fn cost_ratio(&self, one: &Spent) -> Option<Interval> {
        let of_base = |base: &&Spent| base.cost == one.cost && base.client == self.base;
        one.over(self.measured.spent.iter().find(of_base)?)
    }

    pub(super) fn as_table(&self) -> String {
        let (times, costs) = (self.table_of_times(), self.table_of_costs());
        match self.times {
            true => format!("{times}\n{costs}\n"),
            false => format!("{costs}\n"),
        }
    }

    fn table_of_times(&self) -> Table {
        let head = format!("median over {} [95 %]", self.base);
        let mut table = table(&["ms", "client", "n", "p50", "p90", "p99", "max", &head]);
        for one in self.times() {
            let histogram = one.histogram();
            let ms = |us: u64| format!("{:.2}", us as f64 / 1000.0);
            let at = |quantile: f64| ms(histogram.value_at_quantile(quantile));
            table.add_row([
                one.of.to_owned(),
                one.client.clone(),
                one.samples_us.len().to_string(),
                at(0.5),
                at(0.9),
                at(0.99),
                ms(histogram.max()),
                shown(self.time_ratio(one)),
            ]);
        }
        numbers_right(table)
    }

    fn table_of_costs(&self) -> Table {
        let what = format!("of one {}", self.load.workload.name());
        let head = format!("mean over {} [95 %]", self.base);
        let mut table = table(&[&what, "client", "turns", "mean", &head]);
        for one in self.spent() {
            table.add_row([
                one.cost.to_string(),
                one.client.clone(),
                one.turns.len().to_string(),
                format!("{:.1}", one.mean()),
                shown(self.cost_ratio(one)),
            ]);
        }
        numbers_right(table)
    }

    pub(super) fn as_json(&self) -> serde_json::Value {
        let ratio = |interval: Option<Interval>| {
            let ends = interval.map(|interval| [interval.low, interval.high]);
            (interval.map(|interval| interval.ratio), ends)
        };
        let time = |one: &Measured| {
            let histogram = one.histogram();
            let (ratio, ratio_95) = ratio(self.time_ratio(one));
            serde_json::json!({
                "of": one.of,
                "client": one.client,
                "rounds": one.samples_us.len(),
                "us_p50": histogram.value_at_quantile(0.5),
                "us_p90": histogram.value_at_quantile(0.9),
                "us_p99": histogram.value_at_quantile(0.99),
                "us_max": histogram.max(),
                "ratio": ratio,
                "ratio_95": ratio_95,
            })
        };
        let cost = |one: &Spent| {
            let (ratio, ratio_95) = ratio(self.cost_ratio(one));
            serde_json::json!({
                "cost": one.cost.name(),
                "client": one.client,
                "turns": one.turns.len(),
                "mean": one.mean(),
                "ratio": ratio,
                "ratio_95": ratio_95,
            })
        };
        serde_json::json!({
            "schema_version": 1,
            "over": self.base,
            "workers": self.load.workers,
            "measured": self.times().map(time).collect::<Vec<_>>(),
            "spent": self.spent().map(cost).collect::<Vec<_>>(),
        })
    }
}

fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(head.to_vec());
    table
}

fn numbers_right(mut table: Table) -> Table {
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
