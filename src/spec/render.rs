//! Findings as text for a terminal, in the manner of rustc.
//!
//! Understandable without colour; the order is that of the places, whatever the order of discovery.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Diagnostic, Label, Severity, Source};

/// Renders findings for a terminal, in the order of their places, with a last line that counts them.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], source: &Source, color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|finding| (finding.primary.span, finding.code));
    let path = source.path().display().to_string();

    let mut text = String::new();
    for finding in &sorted {
        text.push_str(&renderer.render(&report(finding, source, &path)));
        text.push_str("\n\n");
    }
    if let Some((severity, counts)) = counts(&sorted) {
        let last = Group::with_title(level(severity).primary_title(format!("{counts} in {path}")));
        text.push_str(&renderer.render(&[last]));
        text.push('\n');
    }
    text
}

fn report<'a>(finding: &'a Diagnostic, source: &'a Source, path: &'a str) -> Vec<Group<'a>> {
    let annotation = |kind: AnnotationKind, label: &'a Label| {
        let end = label.span.end.min(source.text().len());
        let annotation = kind.span(label.span.start.min(end)..end);
        if label.text.is_empty() {
            annotation
        } else {
            annotation.label(&label.text)
        }
    };
    let snippet = Snippet::source(source.text())
        .path(path)
        .annotation(annotation(AnnotationKind::Primary, &finding.primary))
        .annotations(
            finding
                .related
                .iter()
                .map(|label| annotation(AnnotationKind::Context, label)),
        );
    let title = level(finding.severity)
        .primary_title(&finding.message)
        .id(finding.code);
    let mut groups = vec![title.element(snippet)];
    if let Some(help) = &finding.help {
        groups.push(Group::with_title(Level::HELP.secondary_title(help)));
    }
    groups
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    }
}

/// The gravest severity, and `2 errors and 1 warning`; `None` without findings.
fn counts(findings: &[&Diagnostic]) -> Option<(Severity, String)> {
    let gravest = findings.iter().map(|finding| finding.severity).max()?;
    let count = |severity: Severity, word: &str| {
        let n = findings.iter().filter(|f| f.severity == severity).count();
        match n {
            0 => None,
            1 => Some(format!("1 {word}")),
            _ => Some(format!("{n} {word}s")),
        }
    };
    let parts: Vec<String> = [
        count(Severity::Error, "error"),
        count(Severity::Warning, "warning"),
    ]
    .into_iter()
    .flatten()
    .collect();
    Some((gravest, parts.join(" and ")))
}
