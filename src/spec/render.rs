//! Findings as text for a terminal, in the manner of rustc.
//!
//! Understandable without colour; the order is that of the places, whatever the order of discovery.

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::span::file_at;
use super::{Diagnostic, Label, Severity, Source, Span};

/// Renders findings for a terminal, in the order of their places, with a last line that counts them.
///
/// `sources` are the files that they are about: one [`Source`], or [`Sources`](super::Sources).
#[must_use]
pub fn render(
    diagnostics: &[Diagnostic],
    sources: &(impl AsRef<[Source]> + ?Sized),
    color: bool,
) -> String {
    let sources = sources.as_ref();
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|finding| (finding.primary.span, finding.code));

    let mut text = String::new();
    for finding in &sorted {
        text.push_str(&renderer.render(&report(finding, sources)));
        text.push_str("\n\n");
    }
    if let (Some((severity, counts)), Some(spec)) = (counts(&sorted), sources.first()) {
        let path = spec.path().display();
        let last = Group::with_title(level(severity).primary_title(format!("{counts} in {path}")));
        text.push_str(&renderer.render(&[last]));
        text.push('\n');
    }
    text
}

fn report<'a>(finding: &'a Diagnostic, sources: &'a [Source]) -> Vec<Group<'a>> {
    let mut group = level(finding.severity)
        .primary_title(&finding.message)
        .id(finding.code)
        .elements(snippets(finding, sources));
    if let Some(note) = &finding.note {
        group = group.element(Level::NOTE.message(note));
    }
    let mut groups = vec![group];
    if let Some(help) = &finding.help {
        groups.push(Group::with_title(Level::HELP.secondary_title(help)));
    }
    groups
}

/// The lines that a finding speaks of, file by file, that of the offending words first.
fn snippets<'a>(
    finding: &'a Diagnostic,
    sources: &'a [Source],
) -> Vec<Snippet<'a, Annotation<'a>>> {
    let primary = (AnnotationKind::Primary, &finding.primary);
    let related = finding
        .related
        .iter()
        .map(|label| (AnnotationKind::Context, label));
    let mut files: Vec<(usize, Vec<(AnnotationKind, &Label)>)> = Vec::new();
    for label in std::iter::once(primary).chain(related) {
        let file = file_at(sources, label.1.span.start);
        match files.iter_mut().find(|(known, _)| *known == file) {
            Some((_, labels)) => labels.push(label),
            None => files.push((file, vec![label])),
        }
    }
    let snippet = |(file, labels): (usize, Vec<(AnnotationKind, &'a Label)>)| {
        let source = sources.get(file)?;
        let ends = |span: Span| {
            [span.start, span.end].map(|at| {
                let at = at.saturating_sub(source.base());
                at.min(source.text().len())
            })
        };
        let all = labels.iter().flat_map(|(_, label)| ends(label.span));
        let range = all.clone().min()?..all.max()?;
        // Only the lines that are shown: a long file with many findings is not read again for each.
        let (lines, number) = source.lines_around(&range);
        let annotations = labels.into_iter().map(|(kind, label)| {
            let [start, end] = ends(label.span);
            let annotation = kind.span(start - lines.start..end - lines.start);
            if label.text.is_empty() {
                annotation
            } else {
                annotation.label(&label.text)
            }
        });
        Some(
            Snippet::source(&source.text()[lines.clone()])
                .path(source.path().display().to_string())
                .line_start(number)
                .annotations(annotations),
        )
    };
    files.into_iter().filter_map(snippet).collect()
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
