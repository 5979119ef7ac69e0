use std::ops::Range;
use std::path::{Path, PathBuf};

/// A range of bytes of the spec's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The part `range` of this span, counted in bytes from its start.
    #[must_use]
    pub fn part(self, range: Range<usize>) -> Span {
        Span {
            start: self.start + range.start,
            end: self.start + range.end,
        }
    }
}

/// A value with the place where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

/// The text of a spec file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// A source from a path (as it is to be shown) and its text.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Source {
        Source {
            path: path.into(),
            text: text.into(),
        }
    }

    /// The path, as it is to be shown.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line and the column of a byte, both from 1; the column counts characters.
    #[must_use]
    pub fn line_and_column(&self, byte: usize) -> (usize, usize) {
        let before = &self.text[..char_boundary(&self.text, byte)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        )
    }
}

/// The last boundary between characters that is not behind `byte`.
pub(super) fn char_boundary(text: &str, byte: usize) -> usize {
    let boundary = |at: &usize| text.is_char_boundary(*at);
    (0..=byte.min(text.len()))
        .rev()
        .find(boundary)
        .unwrap_or_default()
}
