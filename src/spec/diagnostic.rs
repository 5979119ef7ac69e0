//! seam: written by the spec work package (rendering, codes)

use super::{Source, Span};

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The experiment runs, but something is likely not meant.
    Warning,
    /// The experiment cannot run.
    Error,
}

/// A finding about a spec, as data: rendered for the terminal, and the source of machine formats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code, for example `VNL0107`.
    pub code: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// The message: a lower-case phrase without a period, the author's words in backticks.
    pub message: String,
    /// The place of the offending words, with what is to be said there.
    pub primary: Label,
    /// Related places.
    pub related: Vec<Label>,
    /// What to do about it.
    pub help: Option<String>,
}

/// A place in the source and a few words beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// The words; may be empty.
    pub text: String,
}

/// Renders findings for a terminal, in the order of their places.
#[must_use]
pub fn render(_diagnostics: &[Diagnostic], _source: &Source, _color: bool) -> String {
    unimplemented!("seam")
}
