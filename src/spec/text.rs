//! The text of a scalar, which knows of each of its parts where it was written.

use std::ops::Range;

use super::Span;
use super::tree::{Node, Value};

/// The text of a scalar, and where each part of it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    /// The text.
    pub(crate) text: String,
    /// Where the scalar stands, quotes included.
    pub(crate) span: Span,
    origin: Origin,
    /// The byte at which it begins in the text that it is a part of.
    offset: usize,
}

/// Where the bytes of a text come from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// Escaped, folded or substituted: no part of it has a place of its own.
    Whole,
    /// Word for word, from this byte on.
    Verbatim(usize),
    /// Piece after piece.
    Pieces(Vec<Piece>),
}

/// A piece of a text in which something was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    /// The bytes of the text.
    range: Range<usize>,
    /// What they stand for.
    span: Span,
    /// Whether they stand there word for word.
    verbatim: bool,
}

impl Piece {
    /// What of the piece lies in `range`.
    fn clipped(&self, range: &Range<usize>) -> Option<Piece> {
        let start = self.range.start.max(range.start);
        let end = self.range.end.min(range.end);
        let span = if self.verbatim {
            self.span
                .part(start.checked_sub(self.range.start)?..end.checked_sub(self.range.start)?)
        } else {
            self.span
        };
        (start < end).then(|| Piece {
            range: start - range.start..end - range.start,
            span,
            verbatim: self.verbatim,
        })
    }
}

impl Text {
    /// Text that stands for what is written at `span`, in other words.
    pub(crate) fn new(text: impl Into<String>, span: Span) -> Text {
        Text {
            text: text.into(),
            span,
            origin: Origin::Whole,
            offset: 0,
        }
    }

    /// Text that is written at `span`, word for word from the byte `verbatim` on if it is at all.
    pub(super) fn written(text: String, span: Span, verbatim: Option<usize>) -> Text {
        Text {
            text,
            span,
            origin: verbatim.map_or(Origin::Whole, Origin::Verbatim),
            offset: 0,
        }
    }

    /// Text that stands word for word at `span`.
    #[cfg(test)]
    pub(crate) fn at_start(text: &str) -> Text {
        let span = Span {
            start: 0,
            end: text.len(),
        };
        Text::written(text.to_owned(), span, Some(0))
    }

    /// The part of the text in `range`, without the spaces around it.
    pub(crate) fn part(&self, range: Range<usize>) -> Text {
        let raw = &self.text[range.clone()];
        let text = raw.trim();
        let start = range.start + (raw.len() - raw.trim_start().len());
        let (span, origin) = self.place(start..start + text.len());
        Text {
            text: text.to_owned(),
            span,
            origin,
            offset: start,
        }
    }

    /// Where the bytes in `range` were written.
    pub(super) fn place_of(&self, range: Range<usize>) -> Span {
        self.place(range).0
    }

    fn place(&self, range: Range<usize>) -> (Span, Origin) {
        let pieces = match &self.origin {
            Origin::Whole => return (self.span, Origin::Whole),
            Origin::Verbatim(at) => {
                let span = Span {
                    start: at + range.start,
                    end: at + range.end,
                };
                return (span, Origin::Verbatim(span.start));
            }
            Origin::Pieces(pieces) => pieces,
        };
        let inside: Vec<Piece> = pieces
            .iter()
            .filter_map(|piece| piece.clipped(&range))
            .collect();
        match &inside[..] {
            // Between two pieces.
            [] => {
                let before = pieces
                    .iter()
                    .rfind(|piece| piece.range.start <= range.start);
                let end = before.map_or(self.span.start, |piece| {
                    let inside = range.start.min(piece.range.end) - piece.range.start;
                    match piece.verbatim {
                        true => piece.span.start + inside,
                        false => piece.span.end,
                    }
                });
                (Span { start: end, end }, Origin::Whole)
            }
            [piece] if piece.verbatim => (piece.span, Origin::Verbatim(piece.span.start)),
            [piece] => (piece.span, Origin::Whole),
            [first, .., last] => {
                let span = Span {
                    start: first.span.start,
                    end: last.span.end,
                };
                (span, Origin::Pieces(inside))
            }
        }
    }

    /// The text with other words in some places, which are in order; each stands for what it replaces.
    pub(super) fn replaced(&self, places: &[(Range<usize>, String)]) -> Text {
        let mut text = String::new();
        let mut pieces = Vec::new();
        let mut from = 0;
        let end = (self.text.len()..self.text.len(), String::new());
        for (range, words) in places.iter().chain([&end]) {
            for (words, range, verbatim) in [
                (&self.text[from..range.start], from..range.start, true),
                (words.as_str(), range.clone(), false),
            ] {
                let at = text.len();
                text.push_str(words);
                let (span, origin) = self.place(range);
                pieces.push(Piece {
                    range: at..text.len(),
                    span,
                    verbatim: verbatim && matches!(origin, Origin::Verbatim(_)),
                });
            }
            from = range.end;
        }
        let origin = match self.origin {
            Origin::Whole => Origin::Whole,
            Origin::Verbatim(_) | Origin::Pieces(_) => Origin::Pieces(pieces),
        };
        Text {
            text,
            span: self.span,
            origin,
            offset: self.offset,
        }
    }

    /// The text split at a separator, without the spaces around each part.
    pub(crate) fn split(&self, separator: char) -> Vec<Text> {
        let mut start = 0;
        let mut parts = Vec::new();
        for (at, _) in self.text.match_indices(separator) {
            parts.push(self.part(start..at));
            start = at + separator.len_utf8();
        }
        parts.push(self.part(start..self.text.len()));
        parts
    }

    /// The words between spaces.
    pub(crate) fn words(&self) -> Vec<Text> {
        let mut words = Vec::new();
        let mut start = None;
        for (at, character) in self.text.char_indices() {
            match (character.is_whitespace(), start) {
                (false, None) => start = Some(at),
                (true, Some(from)) => {
                    words.push(self.part(from..at));
                    start = None;
                }
                _ => {}
            }
        }
        if let Some(from) = start {
            words.push(self.part(from..self.text.len()));
        }
        words
    }

    /// The text from the first of `words`, which are words of it, to the last.
    pub(crate) fn across(&self, words: &[Text]) -> Option<Text> {
        let (first, last) = (words.first()?, words.last()?);
        if self.origin == Origin::Whole {
            let joined: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
            return Some(Text {
                text: joined.join(" "),
                span: self.span,
                origin: Origin::Whole,
                offset: first.offset,
            });
        }
        Some(self.part(first.offset..last.offset + last.text.len()))
    }

    /// The text as a node.
    pub(crate) fn node(self) -> Node {
        Node {
            span: self.span,
            value: Value::Text(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(text: &Text) -> Vec<(String, usize, usize)> {
        let words = text.words().into_iter();
        words
            .map(|word| (word.text, word.span.start, word.span.end))
            .collect()
    }

    #[test]
    fn a_replaced_part_stands_for_what_it_replaces() {
        let text = Text::at_start("100 allow tcp $from -> any:$p+1");
        let replaced = text.replaced(&[
            (14..19, "10.0.0.0/24".to_owned()),
            (27..29, "8080".to_owned()),
        ]);
        assert_eq!(replaced.text, "100 allow tcp 10.0.0.0/24 -> any:8080+1");
        assert_eq!(
            spans(&replaced),
            [
                ("100".to_owned(), 0, 3),
                ("allow".to_owned(), 4, 9),
                ("tcp".to_owned(), 10, 13),
                ("10.0.0.0/24".to_owned(), 14, 19),
                ("->".to_owned(), 20, 22),
                ("any:8080+1".to_owned(), 23, 31),
            ]
        );
        let words = replaced.words();
        let last = &words[5];
        let parts: Vec<_> = last.split(':').iter().flat_map(|p| p.split('+')).collect();
        let spans: Vec<_> = parts.iter().map(|p| (p.span.start, p.span.end)).collect();
        assert_eq!(spans, [(23, 26), (27, 29), (30, 31)]);
        let sides = replaced.across(&words[3..]).map(|text| text.text);
        assert_eq!(sides.as_deref(), Some("10.0.0.0/24 -> any:8080+1"));
    }

    #[test]
    fn a_part_of_a_replaced_part_has_no_place_of_its_own() {
        let text = Text::at_start("a $x b").replaced(&[(2..4, "one two".to_owned())]);
        let words = spans(&text);
        assert_eq!(words[1], ("one".to_owned(), 2, 4));
        assert_eq!(words[2], ("two".to_owned(), 2, 4));
        let nothing = Text::at_start("$x").replaced(&[(0..2, String::new())]);
        assert_eq!(nothing.part(0..0).span, Span { start: 2, end: 2 });
    }
}
