//! What GitHub Actions is told, where it runs us.

use std::fs::OpenOptions;
use std::io::Write;

use laconic_reports::{Finding, github};

use super::output::print;

/// Annotations go to stdout, where the runner reads them; the summary to the file that it names.
pub(crate) fn tell(title: &str, findings: &[Finding], offers: &[String]) -> anyhow::Result<()> {
    if std::env::var_os("GITHUB_ACTIONS").is_none_or(|value| value != "true") {
        return Ok(());
    }
    print(&github::annotations(findings));
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY") else { return Ok(()) };
    let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(|error| {
        anyhow::anyhow!("cannot write the step's summary {}: {error}", path.display())
    })?;
    file.write_all(github::summary(title, findings, offers).as_bytes())?;
    Ok(())
}
