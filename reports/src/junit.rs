//! A report as JUnit XML: a suite for each run, a test case for each case.

use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use run_record::CheckResult;

use crate::Report;

pub(crate) fn render(report: &Report) -> String {
    let mut junit = quick_junit::Report::new("laconic");
    for (run, column) in report.runs.iter().zip(&report.matrix.columns) {
        let mut suite = TestSuite::new(format!("{} on {}", column.driver, column.target));
        for case in report.cases.iter().filter(|case| case.run == run.line.run) {
            let mut test = TestCase::new(case.case.clone(), status(report, case));
            test.set_classname(column.driver.clone());
            test.set_time(Duration::from_micros(case.elapsed_us));
            suite.add_test_case(test);
        }
        junit.add_test_suite(suite);
    }
    // Only characters that XML cannot hold could fail it, and quick-junit takes those out.
    junit.to_string().unwrap_or_default()
}

fn status(report: &Report, case: &crate::Case) -> TestCaseStatus {
    match case.verdict {
        CheckResult::Skip => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(case.skipped.clone().unwrap_or_default());
            status
        }
        CheckResult::Fail => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let run = report.runs.iter().find(|run| run.line.run == case.run);
            let failures: Vec<_> = report
                .failures
                .iter()
                .filter(|failure| {
                    failure.case == case.case && run.is_some_and(|run| failure.run == run.line.run)
                })
                .collect();
            if let Some(first) = failures.first() {
                status.set_message(first.detail.clone());
                status.set_type(first.check.clone());
            }
            let told: String = failures.iter().map(|failure| crate::text::told(failure)).collect();
            status.set_description(told);
            status
        }
        CheckResult::Pass | CheckResult::Warn => TestCaseStatus::success(),
    }
}
