//! Formats of reports.

use std::str::FromStr;

use crate::Report;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For a terminal.
    Text,
    /// For programs.
    Json,
    /// One page that needs nothing else.
    Html,
    /// For a comment.
    Markdown,
    /// For the summary of a step of GitHub Actions.
    Github,
    /// For whatever reads test results.
    Junit,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            "html" => Ok(Self::Html),
            "markdown" => Ok(Self::Markdown),
            "github" => Ok(Self::Github),
            "junit" => Ok(Self::Junit),
            other => Err(format!(
                "there is no report format {other:?}; there are text, json, html, markdown, \
                 github and junit"
            )),
        }
    }
}

impl Report {
    /// The report in a format.
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Text => self.text(),
            Format::Json => format!("{:#}\n", self.json()),
            Format::Html => crate::html::render(self),
            Format::Markdown | Format::Github => crate::markdown::render(self),
            Format::Junit => crate::junit::render(self),
        }
    }
}
