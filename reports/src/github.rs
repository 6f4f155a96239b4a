//! What GitHub Actions shows: annotations at the lines of budgets, and a summary of the step.

use std::fmt::Write;

use crate::Finding;

/// GitHub shows no more of a kind in one step.
const ANNOTATIONS_MAX: usize = 10;
/// A summary may be larger; nobody reads one that is.
const SUMMARY_FINDINGS_MAX: usize = 50;

/// Workflow commands, one a line: an error for each finding, the last one for what has no place.
pub fn annotations(findings: &[Finding]) -> String {
    let mut text = String::new();
    let shown = match findings.len() {
        ..=ANNOTATIONS_MAX => findings.len(),
        _ => ANNOTATIONS_MAX - 1,
    };
    for finding in &findings[..shown] {
        let place = match finding.at.as_deref().and_then(|at| at.rsplit_once(':')) {
            Some((file, line)) => format!(" file={},line={}", property(file), property(line)),
            None => String::new(),
        };
        let _ = writeln!(text, "::error{place}::{}", data(&finding.title));
    }
    if shown < findings.len() {
        let left = findings.len() - shown;
        let _ = writeln!(text, "::error::{left} more findings: see the summary of this step");
    }
    text
}

/// Markdown for the summary of the step.
pub fn summary(title: &str, findings: &[Finding], offers: &[String]) -> String {
    let mut text = format!("### {}\n\n", escaped(title));
    for finding in findings.iter().take(SUMMARY_FINDINGS_MAX) {
        let _ = writeln!(text, "- **{}**\n\n  ```text", escaped(&finding.title));
        for line in finding.text.lines() {
            // A fence of its own would end ours.
            let _ = writeln!(text, "  {}", line.replace("```", "'''"));
        }
        text.push_str("  ```\n");
    }
    if findings.len() > SUMMARY_FINDINGS_MAX {
        let _ = writeln!(text, "\nand {} more.", findings.len() - SUMMARY_FINDINGS_MAX);
    }
    for offer in offers {
        let _ = writeln!(text, "- better or new: {}", escaped(offer));
    }
    text
}

/// As GitHub's toolkit escapes the message of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// As it escapes a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Text that is no markup, whatever stands in it.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for character in text.chars() {
        match character {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' => {
                safe.push('\\');
                safe.push(character);
            }
            '\n' | '\r' => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(title: &str) -> Finding {
        let at = Some("scenarios/budgets/floor.toml:50".to_owned());
        Finding { title: title.to_owned(), text: format!("MORE  {title}\n"), at }
    }

    #[test]
    fn an_annotation_names_file_and_line_and_escapes_its_text() {
        let text = annotations(&[finding("exec: 100% more\nthan before")]);
        assert_eq!(
            text,
            "::error file=scenarios/budgets/floor.toml,line=50::exec: 100%25 more%0Athan before\n"
        );
    }

    #[test]
    fn what_github_would_cut_off_is_told_as_a_number() {
        let findings: Vec<Finding> = (0..25).map(|n| finding(&n.to_string())).collect();
        let text = annotations(&findings);
        assert_eq!(text.lines().count(), ANNOTATIONS_MAX);
        assert!(text.ends_with("::error::16 more findings: see the summary of this step\n"));
    }

    #[test]
    fn names_with_markup_stay_text() {
        let text = summary("<script>", &[finding("a|b ```")], &["*x*".to_owned()]);
        assert!(text.starts_with("### &lt;script&gt;\n"));
        assert!(text.contains("a\\|b \\`\\`\\`"));
        assert!(text.contains("better or new: \\*x\\*"));
        assert_eq!(text.matches("```").count(), 2, "{text}");
    }
}
