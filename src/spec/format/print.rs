//! A document as text.
//!
//! - Two spaces a level; a list below a key is indented.
//! - Brackets stay on one line where that has at most [`WIDTH`] columns, and become lines where not.
//! - A run of entries on one line each, without a blank line between, is aligned if the author aligned two of
//!   them: the values begin in one column, and numbers at the head of every value end in one. That is the
//!   author's column where all of the run stand in it and it is wide enough, else the narrowest.
//! - A comment at the end of a line stands two spaces behind it. Where the author aligned it, alone or with that
//!   of a neighbouring line, it keeps its column, if that leaves the two spaces, and neighbours stay together.

use super::doc::{Block, Comment, Doc, File, Item, Note, Style};
use super::scalar::{self, Place};

/// The columns that a line with brackets, or of wrapped text, may have.
pub(super) const WIDTH: usize = 120;

/// The least space before a comment at the end of a line.
pub(super) const GAP: usize = 2;

/// Prints a document.
pub(super) fn print(file: &File) -> String {
    let mut printer = Printer { lines: Vec::new() };
    printer.comments(&file.head, 0, true);
    match &file.root {
        Doc::Map(block) | Doc::List(block)
            if block.style == Style::Block && !block.items.is_empty() =>
        {
            printer.block(&file.root, block, 0);
        }
        root => printer.line(0, inline(root, Place::Block), None),
    }
    printer.text()
}

struct Line {
    indent: usize,
    text: String,
    note: Option<Note>,
}

struct Printer {
    lines: Vec<Line>,
}

impl Printer {
    fn line(&mut self, indent: usize, text: String, note: Option<&Note>) {
        let note = note.cloned();
        self.lines.push(Line { indent, text, note });
    }

    /// A blank line, unless nothing stands above or a blank line does.
    fn blank(&mut self) {
        if self.lines.last().is_some_and(|line| !line.text.is_empty()) {
            self.line(0, String::new(), None);
        }
    }

    /// Comments on lines of their own; the `first` things of a block have no blank line above them.
    fn comments(&mut self, comments: &[Comment], indent: usize, first: bool) {
        for (at, comment) in comments.iter().enumerate() {
            if comment.blank && !(first && at == 0) {
                self.blank();
            }
            self.line(indent, comment.text.clone(), None);
        }
    }

    fn block(&mut self, doc: &Doc, block: &Block, indent: usize) {
        let list = matches!(doc, Doc::List(_));
        let pads = if list {
            vec![0; block.items.len()]
        } else {
            pads(block, indent)
        };
        for (at, (item, pad)) in block.items.iter().zip(pads).enumerate() {
            let first = at == 0 && indent > 0;
            self.comments(&item.lead, indent, first);
            if item.blank && !(first && item.lead.is_empty()) {
                self.blank();
            }
            let head = match &item.key {
                Some(key) => format!("{}:", scalar::inline(key, Place::Key)),
                None => "-".to_owned(),
            };
            self.item(item, indent, head, pad);
        }
        self.comments(&block.tail, indent, false);
    }

    fn item(&mut self, item: &Item, indent: usize, head: String, pad: usize) {
        let note = item.note.as_ref();
        match shape(item, indent, &head) {
            Shape::Line(value) => {
                let space = " ".repeat(1 + pad);
                self.line(indent, format!("{head}{space}{value}"), note);
            }
            Shape::Text(header, lines) => {
                self.line(indent, format!("{head} {header}"), note);
                for line in lines {
                    let indent = if line.is_empty() { 0 } else { indent + 2 };
                    self.line(indent, line, None);
                }
            }
            Shape::Block(block) => {
                if item.key.is_some() || note.is_some() {
                    self.line(indent, head, note);
                    self.block(&item.value, block, indent + 2);
                } else {
                    // The first line of the value stands behind the dash.
                    let at = self.lines.len();
                    self.block(&item.value, block, indent + 2);
                    if let Some(line) = self.lines.get_mut(at) {
                        line.indent = indent;
                        line.text = format!("- {}", line.text);
                    }
                }
            }
        }
    }

    fn text(mut self) -> String {
        let mut at = 0;
        while at < self.lines.len() {
            let column = |line: &Line| line.note.as_ref().map(|note| note.column);
            let Some(wanted) = column(&self.lines[at]) else {
                at += 1;
                continue;
            };
            let same = |line: &&Line| column(line) == Some(wanted);
            let count = self.lines[at..].iter().take_while(same).count();
            let run = &self.lines[at..at + count];
            let length = |line: &Line| line.indent + line.text.chars().count();
            let longest = run.iter().map(length).max().unwrap_or_default();
            let padded = |line: &Line| line.note.as_ref().is_some_and(|note| note.padded);
            let aligned = count > 1 || run.iter().any(padded);
            let start = (longest + GAP).max(if aligned { wanted } else { 0 });
            for line in &mut self.lines[at..at + count] {
                let space = " ".repeat(start - length(line));
                if let Some(note) = &line.note {
                    line.text.push_str(&space);
                    line.text.push_str(&note.text);
                }
            }
            at += count;
        }
        let mut text = String::new();
        for line in &self.lines {
            if !line.text.is_empty() {
                text.push_str(&" ".repeat(line.indent));
                text.push_str(&line.text);
            }
            text.push('\n');
        }
        text
    }
}

/// How an item is printed.
enum Shape<'d> {
    /// Behind its key or dash.
    Line(String),
    /// A block of text: its header and its lines.
    Text(&'static str, Vec<String>),
    /// Below its key or behind its dash, in lines.
    Block(&'d Block),
}

fn shape<'d>(item: &'d Item, indent: usize, head: &str) -> Shape<'d> {
    let room = WIDTH.saturating_sub(indent + head.chars().count() + 1);
    match &item.value {
        Doc::Text { text, folded } => {
            let inline = scalar::inline(text, Place::Block);
            let wraps = *folded && inline.chars().count() > room;
            if !text.contains('\n') && !wraps {
                return Shape::Line(inline);
            }
            match scalar::block(text, *folded, WIDTH.saturating_sub(indent + 2)) {
                Some((header, lines)) => Shape::Text(header, lines),
                None => Shape::Line(inline),
            }
        }
        Doc::Null => Shape::Line("null".to_owned()),
        Doc::Map(block) | Doc::List(block) => {
            let inline = inline(&item.value, Place::Block);
            let fits = inline.chars().count() <= room;
            let breaks = block.style == Style::Block || (block.style == Style::Flow && !fits);
            if breaks && !block.items.is_empty() {
                Shape::Block(block)
            } else {
                Shape::Line(inline)
            }
        }
    }
}

/// A value on one line.
fn inline(doc: &Doc, place: Place) -> String {
    match doc {
        Doc::Text { text, .. } => scalar::inline(text, place),
        Doc::Null => "null".to_owned(),
        Doc::Map(block) if block.items.is_empty() => "{}".to_owned(),
        Doc::Map(block) => format!("{{ {} }}", inline_items(block)),
        Doc::List(block) => format!("[{}]", inline_items(block)),
    }
}

fn inline_items(block: &Block) -> String {
    let items: Vec<String> = block
        .items
        .iter()
        .map(|item| {
            let value = inline(&item.value, Place::Flow);
            match &item.key {
                Some(key) => format!("{}: {value}", scalar::inline(key, Place::Key)),
                None => value,
            }
        })
        .collect();
    items.join(", ")
}

/// How many spaces more than one stand before the value of each entry of a map.
fn pads(block: &Block, indent: usize) -> Vec<usize> {
    let rows: Vec<Option<Row>> = block
        .items
        .iter()
        .map(|item| Row::of(item, indent))
        .collect();
    let mut pads = vec![0; rows.len()];
    let mut at = 0;
    while at < rows.len() {
        if rows[at].is_none() {
            at += 1;
            continue;
        }
        let more = |next: &usize| {
            let item = &block.items[*next];
            rows[*next].is_some() && !item.blank && item.lead.iter().all(|comment| !comment.blank)
        };
        let end = (at + 1..rows.len())
            .find(|next| !more(next))
            .unwrap_or(rows.len());
        let run: Vec<&Row> = rows[at..end].iter().flatten().collect();
        let numbers = run.iter().all(|row| row.digits > 0);
        let digits = |row: &Row| if numbers { row.digits } else { 0 };
        if is_aligned(&run) {
            let least = run.iter().map(|row| row.key + 1 + digits(row)).max();
            let mut written = run.iter().map(|row| Some(row.offset? + digits(row)));
            let first = written.next().flatten();
            let column = first.filter(|_| written.all(|other| other == first));
            let column = column.max(least).unwrap_or_default();
            for (pad, row) in pads[at..end].iter_mut().zip(run) {
                *pad = column - (row.key + 1 + digits(row));
            }
        }
        at = end;
    }
    pads
}

/// Whether the author aligned a run: a value that has more space before it than it needs begins where another
/// one does, or its number ends where another one's does.
fn is_aligned(run: &[&Row]) -> bool {
    let pairs = (0..run.len()).flat_map(|a| (0..run.len()).map(move |b| (a, b)));
    let mut pairs = pairs.filter(|(a, b)| a != b && run[*a].padded);
    pairs.any(|(a, b)| match (run[a].offset, run[b].offset) {
        (Some(one), Some(other)) => one == other || one + run[a].digits == other + run[b].digits,
        _ => false,
    })
}

/// An entry on one line: the width of its key, and of the number at the head of its value.
struct Row {
    key: usize,
    /// Where the value begins in the source, from the beginning of the key.
    offset: Option<usize>,
    digits: usize,
    padded: bool,
}

impl Row {
    fn of(item: &Item, indent: usize) -> Option<Row> {
        let head = format!("{}:", scalar::inline(item.key.as_deref()?, Place::Key));
        let Shape::Line(value) = shape(item, indent, &head) else {
            return None;
        };
        let digits = value.bytes().take_while(u8::is_ascii_digit).count();
        Some(Row {
            key: head.chars().count(),
            offset: item.offset,
            padded: item.padded,
            digits: if value[digits..].starts_with(' ') {
                digits
            } else {
                0
            },
        })
    }
}
