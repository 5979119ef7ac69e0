//! From the document and its text to what is printed: each comment and blank line finds its item.
//!
//! A comment on a line of its own belongs to the item below it; behind the last item of a map or list it
//! belongs there as far as it is indented like the items. A comment at the end of a line belongs to the
//! item on that line. No comment is dropped: where its line does not survive, it moves above the item.

use serde_yaml::granit_parser::{Event, Options, Parser};

use super::doc::{Block, Comment, Doc, File, Item, Note, Style};
use super::print::GAP;
use crate::spec::tree::{Node, Text, Value};

/// Lays a document out as it is printed.
pub(super) fn layout(text: &str, document: &Node) -> File {
    let mut layout = Layout {
        text,
        comments: comments(text),
        next: 0,
    };
    let start = layout.first(document).unwrap_or(document.span.start);
    let head = layout.take_own(start);
    let mut root = layout.value(document, None, text.len());
    let rest = layout.take_own(text.len() + 1);
    match root.block_mut() {
        Some(block) => block.tail.extend(rest),
        None => {
            return File {
                head: [head, rest].concat(),
                root,
            };
        }
    }
    File { head, root }
}

/// A comment of the source.
struct Found {
    start: usize,
    end: usize,
    /// Whether nothing but space stands before it on its line.
    own_line: bool,
}

/// The comments of a text that is known to be YAML, in order.
fn comments(text: &str) -> Vec<Found> {
    let mut options = Options::default();
    options.set_emit_comments(true);
    options.emit_unresolved_aliases = true;
    options.max_buffered_comment_events = usize::MAX;
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut found = Vec::new();
    while let Some(Ok((event, span))) = parser.next_event() {
        match event {
            Event::Comment(..) => {
                let Some(range) = span.byte_range() else {
                    continue;
                };
                let line = &text[line_start(text, range.start)..range.start];
                found.push(Found {
                    start: range.start,
                    end: range.end,
                    own_line: line.trim().is_empty(),
                });
            }
            Event::StreamEnd => break,
            _ => {}
        }
    }
    found.sort_by_key(|comment| comment.start);
    found
}

struct Layout<'t> {
    text: &'t str,
    comments: Vec<Found>,
    /// The first comment that has no item yet.
    next: usize,
}

impl Layout<'_> {
    /// The value of a node: of one in a map or a list whose items stand at the column `outer`, up to the byte
    /// `limit`, where the next item begins.
    fn value(&mut self, node: &Node, outer: Option<usize>, limit: usize) -> Doc {
        let starts: Vec<usize> = match &node.value {
            Value::Text(text) => return Doc::text(&text.text),
            // A secret stands apart from texts only where substitutions are made, which is not here.
            Value::Null | Value::Broken | Value::Secret(_) => return Doc::Null,
            Value::Map(entries) => entries.iter().map(|entry| entry.key.span.start).collect(),
            Value::List(items) => items.iter().map(|item| self.dash(node, item)).collect(),
        };
        let flow = self.is_flow(node);
        let inside = if flow {
            node.span.end.min(limit)
        } else {
            limit
        };
        let mut block = Block {
            style: match flow && !self.comment_before(node.span.end) {
                true => Style::Flow,
                false => Style::Block,
            },
            ..Block::default()
        };
        let column = starts.first().map(|start| column_of(self.text, *start));
        for (at, start) in starts.iter().enumerate() {
            let limit = starts.get(at + 1).copied().unwrap_or(inside);
            block.items.push(match &node.value {
                Value::Map(entries) => {
                    let entry = &entries[at];
                    self.item(*start, Some(&entry.key), &entry.value, column, limit)
                }
                Value::List(items) => self.item(*start, None, &items[at], column, limit),
                _ => continue,
            });
        }
        while let Some(comment) = self.comments.get(self.next).filter(|c| c.start < inside) {
            let at = column_of(self.text, comment.start);
            let indented =
                column.is_some_and(|column| at >= column) && outer.is_none_or(|outer| at > outer);
            if !(flow || comment.own_line && indented) {
                break;
            }
            block.tail.extend(self.own());
        }
        match node.value {
            Value::List(_) => Doc::List(block),
            _ => Doc::Map(block),
        }
    }

    fn item(
        &mut self,
        start: usize,
        key: Option<&Text>,
        value: &Node,
        column: Option<usize>,
        limit: usize,
    ) -> Item {
        let mut lead = self.take_own(start);
        let mut note = None;
        // What stands between the key and the value: above its first item, or before its end.
        let before = self.first(value).unwrap_or(value.span.end);
        while let Some(comment) = self.comments.get(self.next).filter(|c| c.start < before) {
            if comment.own_line && key.is_some() && self.first(value).is_some() {
                break;
            }
            self.end_of_line_or(&mut note, &mut lead);
        }
        let gap_start = key.map_or(start + 1, |key| key.span.end);
        let gap = self
            .text
            .get(gap_start..value.span.start)
            .unwrap_or_default();
        let doc = match self.value(value, column, limit) {
            Doc::Text { text, .. } => Doc::Text {
                folded: self.is_folded(gap, value),
                text,
            },
            doc => doc,
        };
        let end = value.span.end;
        while let Some(comment) = self.comments.get(self.next).filter(|c| c.start < limit) {
            let same_line = comment.start >= end && !self.text[end..comment.start].contains('\n');
            if comment.own_line || !same_line {
                break;
            }
            self.end_of_line_or(&mut note, &mut lead);
        }
        let spaces = gap.trim_start_matches(':');
        let one_line = key.is_some() && !spaces.is_empty() && spaces.bytes().all(|b| b == b' ');
        Item {
            lead,
            blank: self.blank_above(start),
            key: key.map(|key| key.text.clone()),
            offset: one_line.then(|| self.text[start..value.span.start].chars().count()),
            padded: one_line && spaces.len() > 1,
            note,
            value: doc,
        }
    }

    /// Whether the author broke a line of text into several: not in a `|` block, which keeps its lines.
    fn is_folded(&self, gap: &str, value: &Node) -> bool {
        let source = self.text.get(value.span.start..value.span.end);
        let literal = gap.trim_start_matches([':', ' ', '\t']).starts_with('|');
        !literal && source.is_some_and(|source| source.contains('\n'))
    }

    /// Puts the next comment at the end of the line, or above it, if one stands at the end already.
    fn end_of_line_or(&mut self, note: &mut Option<Note>, lead: &mut Vec<Comment>) {
        let Some(found) = self.comments.get(self.next) else {
            return;
        };
        let (start, own_line) = (found.start, found.own_line);
        let Some(comment) = self.own() else { return };
        if own_line || note.is_some() {
            lead.push(comment);
        } else {
            *note = Some(Note {
                text: comment.text,
                column: column_of(self.text, start),
                padded: self.text[..start].ends_with(&" ".repeat(GAP + 1)),
            });
        }
    }

    /// The next comment, as one on a line of its own.
    fn own(&mut self) -> Option<Comment> {
        let found = self.comments.get(self.next)?;
        self.next += 1;
        Some(Comment {
            text: self.text[found.start..found.end].trim_end().to_owned(),
            blank: self.blank_above(found.start),
        })
    }

    /// The comments before a byte.
    fn take_own(&mut self, before: usize) -> Vec<Comment> {
        let mut taken = Vec::new();
        while self.comment_before(before) {
            taken.extend(self.own());
        }
        taken
    }

    fn comment_before(&self, byte: usize) -> bool {
        self.comments
            .get(self.next)
            .is_some_and(|comment| comment.start < byte)
    }

    fn is_flow(&self, node: &Node) -> bool {
        self.text
            .as_bytes()
            .get(node.span.start)
            .is_some_and(|byte| matches!(byte, b'{' | b'['))
    }

    /// Where the first item of a map or list that is written in lines begins; of one in brackets, where it
    /// will be written in lines because of its comments.
    fn first(&self, node: &Node) -> Option<usize> {
        if self.is_flow(node) && !self.comment_before(node.span.end) {
            return None;
        }
        match &node.value {
            Value::Map(entries) => entries.first().map(|entry| entry.key.span.start),
            Value::List(items) => items.first().map(|item| self.dash(node, item)),
            _ => None,
        }
    }

    /// Where an item of a list begins: at its dash, or in brackets at its value.
    fn dash(&self, list: &Node, item: &Node) -> usize {
        let start = item.span.start;
        if self.is_flow(list) {
            return start;
        }
        let mut before = self.text[..start].trim_end();
        loop {
            let word = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
            if &before[word..] == "-" {
                return word;
            }
            let ends_here = |comment: &&Found| comment.end.min(start) >= before.len();
            let comment = self
                .comments
                .iter()
                .find(|comment| comment.start < before.len() && ends_here(comment));
            before = match comment {
                Some(comment) => self.text[..comment.start].trim_end(),
                // The header of a block of text.
                None if before[word..].starts_with(['|', '>']) => before[..word].trim_end(),
                None => return start,
            };
        }
    }

    /// Whether what begins at a byte is the first on its line, below a blank line.
    fn blank_above(&self, byte: usize) -> bool {
        let line = line_start(self.text, byte);
        let first = |c: char| c.is_whitespace() || c == '-';
        self.text[line..byte].chars().all(first)
            && self.text[..line]
                .strip_suffix('\n')
                .is_some_and(|above| above[line_start(above, above.len())..].trim().is_empty())
    }
}

fn line_start(text: &str, byte: usize) -> usize {
    text[..byte].rfind('\n').map_or(0, |at| at + 1)
}

fn column_of(text: &str, byte: usize) -> usize {
    text[line_start(text, byte)..byte].chars().count()
}
