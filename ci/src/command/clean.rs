//! `laconic clean`.

use laconic_targets::daemon::{RunId, clean as clean_runs};

use super::output::print;
use crate::arguments::CleanOptions;
use crate::exit::Exit;

pub(crate) async fn clean(options: CleanOptions) -> anyhow::Result<Exit> {
    let only = options.run_id.map(RunId::new);
    let report = clean_runs(only.as_ref()).await?;
    for run in &report.cleaned {
        print(&format!("cleaned {run}\n"));
    }
    for run in &report.alive {
        print(&format!("alive, not touched: {run}\n"));
    }
    for left in &report.left {
        eprintln!("laconic: could not remove {left}");
    }
    if report.cleaned.is_empty() && report.alive.is_empty() && report.left.is_empty() {
        print("nothing to clean\n");
    }
    Ok(if report.left.is_empty() { Exit::Good } else { Exit::Harness })
}
