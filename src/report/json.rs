//! The report of a run as JSON, in the shape of `docs/report.schema.json`.

use std::path::PathBuf;

use crate::verdict::event::Report;

/// Renders the report as indented JSON that ends with a newline; the order of members is fixed.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut report = report.clone();
    // A file name that is not text is shown as well as text can.
    report.spec.file = PathBuf::from(report.spec.file.to_string_lossy().into_owned());
    let mut text = serde_json::to_string_pretty(&report)
        .expect("every member of a report is text, a number, a list or a struct of those");
    text.push('\n');
    text
}
