//! Places in the text of a spec, which may have several files.
//!
//! The files of a spec stand one after another in one space of bytes, each from its own base on, so that a
//! place is two numbers and still tells its file.

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

    /// Whether `other` lies in it.
    pub(crate) fn holds(self, other: Span) -> bool {
        self.start <= other.start && other.end <= self.end
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

/// The text of a file of a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    path: PathBuf,
    text: String,
    /// The first byte of the text in the space of all files.
    base: usize,
    /// The first byte of each line, counted from the base.
    lines: Vec<usize>,
}

impl Source {
    /// A source from a path (as it is to be shown) and its text.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Source {
        let text = text.into();
        let lines = text.match_indices('\n').map(|(at, _)| at + 1);
        Source {
            path: path.into(),
            lines: std::iter::once(0).chain(lines).collect(),
            text,
            base: 0,
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

    /// The place of its first byte, to which the spans in it are relative.
    #[must_use]
    pub fn base(&self) -> usize {
        self.base
    }

    /// The line and the column of a byte that a span names, both from 1; the column counts characters.
    #[must_use]
    pub fn line_and_column(&self, byte: usize) -> (usize, usize) {
        let at = char_boundary(&self.text, byte.saturating_sub(self.base));
        let line = self.line(at);
        let column = self.text[self.lines[line]..at].chars().count();
        (line + 1, column + 1)
    }

    /// The line that holds a byte, both counted from 0 in this file.
    fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at) - 1
    }

    /// The whole lines that hold `range`, as bytes of this file, and the number of the first, from 1.
    pub(super) fn lines_around(&self, range: &Range<usize>) -> (Range<usize>, usize) {
        let first = self.line(range.start.min(self.text.len()));
        let last = self.line(range.end.min(self.text.len()));
        let end = self.lines.get(last + 1).copied();
        (self.lines[first]..end.unwrap_or(self.text.len()), first + 1)
    }
}

impl AsRef<[Source]> for Source {
    fn as_ref(&self) -> &[Source] {
        std::slice::from_ref(self)
    }
}

/// The files of a spec; the first is the spec itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// A spec of one file.
    #[must_use]
    pub fn new(spec: Source) -> Sources {
        Sources {
            files: vec![Source { base: 0, ..spec }],
        }
    }

    /// The file that a byte is in.
    #[must_use]
    pub fn at(&self, byte: usize) -> &Source {
        &self.files[file_at(&self.files, byte)]
    }

    /// Adds a file behind the others.
    pub(super) fn push(&mut self, source: Source) -> &Source {
        let last = &self.files[self.files.len() - 1];
        // A byte between two files, so that the end of one is not the start of the next.
        let base = last.base + last.text.len() + 1;
        self.files.push(Source { base, ..source });
        &self.files[self.files.len() - 1]
    }
}

impl AsRef<[Source]> for Sources {
    fn as_ref(&self) -> &[Source] {
        &self.files
    }
}

/// Which of the files a byte is in.
pub(super) fn file_at(files: &[Source], byte: usize) -> usize {
    files
        .partition_point(|file| file.base <= byte)
        .saturating_sub(1)
}

/// The last boundary between characters that is not behind `byte`.
pub(super) fn char_boundary(text: &str, byte: usize) -> usize {
    let boundary = |at: &usize| text.is_char_boundary(*at);
    (0..=byte.min(text.len()))
        .rev()
        .find(boundary)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_tells_its_file_its_line_and_its_column() {
        let mut sources = Sources::new(Source::new("a.yaml", "one\ntwö x"));
        let base = sources.push(Source::new("b.yaml", "x: 1\ny: 2\n")).base();
        for (byte, file, line, column) in [
            (0, "a.yaml", 1, 1),
            (3, "a.yaml", 1, 4),
            (4, "a.yaml", 2, 1),
            (9, "a.yaml", 2, 5),
            (base - 1, "a.yaml", 2, 6),
            (base, "b.yaml", 1, 1),
            (base + 5, "b.yaml", 2, 1),
            (base + 10, "b.yaml", 3, 1),
            (base + 99, "b.yaml", 3, 1),
        ] {
            let source = sources.at(byte);
            assert_eq!(source.path(), Path::new(file), "{byte}");
            assert_eq!(source.line_and_column(byte), (line, column), "{byte}");
        }
    }
}
