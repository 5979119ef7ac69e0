//! A document as it is printed: maps and lists with their style, comments and blank lines.
//!
//! Unlike `tree`, nothing here has a place in the source: what a rewrite moves takes its comments along.

/// A document, with the comments at its head, which stay there whatever is moved.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// The comments before the first entry.
    pub(super) head: Vec<Comment>,
    /// The document.
    pub(super) root: Doc,
}

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Doc {
    /// A scalar. `folded` where the author broke one line of text into several.
    Text {
        /// The text.
        text: String,
        /// Whether it may be wrapped.
        folded: bool,
    },
    /// The plain word `null`.
    Null,
    /// A map: each of its items has a key.
    Map(Block),
    /// A list: none of its items has a key.
    List(Block),
}

/// What a map or a list holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    /// The entries of a map, the items of a list.
    pub(super) items: Vec<Item>,
    /// How it is written.
    pub(super) style: Style,
    /// The comments behind the last item.
    pub(super) tail: Vec<Comment>,
}

/// How a map or a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Style {
    /// One line for each item.
    #[default]
    Block,
    /// In brackets on one line, if that is short enough.
    Flow,
    /// In brackets on one line, however long that is: a row of a table.
    Line,
}

/// An entry of a map or an item of a list.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// The comments above it.
    pub(super) lead: Vec<Comment>,
    /// Whether a blank line stands above it, below its comments.
    pub(super) blank: bool,
    /// The key, in a map.
    pub(super) key: Option<String>,
    /// How far behind the key's first character the value begins in the source, where both are on one line.
    pub(super) offset: Option<usize>,
    /// Whether the author put more than one space before the value, to align it.
    pub(super) padded: bool,
    /// The comment at the end of its line.
    pub(super) note: Option<Note>,
    /// The value.
    pub(super) value: Doc,
}

/// A comment on a line of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comment {
    /// The text, `#` included.
    pub(super) text: String,
    /// Whether a blank line stands above it.
    pub(super) blank: bool,
}

/// A comment at the end of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    /// The text, `#` included.
    pub(super) text: String,
    /// The column of the `#` in the source, from 0, in characters.
    pub(super) column: usize,
    /// Whether the author put more space before it than between two things, to align it.
    pub(super) padded: bool,
}

/// A value without its layout.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plain {
    /// A scalar.
    Text(String),
    /// The plain word `null`.
    Null,
    /// A map.
    Map(Vec<(String, Plain)>),
    /// A list.
    List(Vec<Plain>),
}

impl Doc {
    /// The value without its layout.
    pub(super) fn plain(&self) -> Plain {
        let key = |item: &Item| item.key.clone().unwrap_or_default();
        match self {
            Doc::Text { text, .. } => Plain::Text(text.clone()),
            Doc::Null => Plain::Null,
            Doc::Map(block) => {
                let entries = block
                    .items
                    .iter()
                    .map(|item| (key(item), item.value.plain()));
                Plain::Map(entries.collect())
            }
            Doc::List(block) => {
                Plain::List(block.items.iter().map(|item| item.value.plain()).collect())
            }
        }
    }

    /// A scalar.
    pub(super) fn text(text: impl Into<String>) -> Doc {
        Doc::Text {
            text: text.into(),
            folded: false,
        }
    }

    /// The text of a scalar.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Doc::Text { text, .. } => Some(text),
            Doc::Null | Doc::Map(_) | Doc::List(_) => None,
        }
    }

    /// What it holds, if it is a map or a list.
    pub(super) fn block(&self) -> Option<&Block> {
        match self {
            Doc::Map(block) | Doc::List(block) => Some(block),
            Doc::Text { .. } | Doc::Null => None,
        }
    }

    /// What it holds, if it is a map or a list.
    pub(super) fn block_mut(&mut self) -> Option<&mut Block> {
        match self {
            Doc::Map(block) | Doc::List(block) => Some(block),
            Doc::Text { .. } | Doc::Null => None,
        }
    }
}

impl Block {
    /// The item of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Item> {
        let has = |item: &&Item| item.key.as_deref() == Some(key);
        self.items.iter().find(has)
    }

    /// The comments in it, at any depth.
    pub(super) fn comments(&self) -> usize {
        let of = |item: &Item| {
            let inside = item.value.block().map_or(0, Block::comments);
            item.lead.len() + usize::from(item.note.is_some()) + inside
        };
        self.tail.len() + self.items.iter().map(of).sum::<usize>()
    }
}

impl Item {
    /// An entry of a map without anything around it.
    pub(super) fn entry(key: impl Into<String>, value: Doc) -> Item {
        Item {
            lead: Vec::new(),
            blank: false,
            key: Some(key.into()),
            offset: None,
            padded: false,
            note: None,
            value,
        }
    }

    /// Moves comments at the head of its value above it: behind a dash they have no line of their own.
    pub(super) fn lift_comments(&mut self) {
        if let Some(block) = self.value.block_mut()
            && let Some(first) = block.items.first_mut()
        {
            self.lead.append(&mut first.lead);
        }
    }
}

impl File {
    /// The comments in it.
    pub(super) fn comments(&self) -> usize {
        self.head.len() + self.root.block().map_or(0, Block::comments)
    }

    /// Drops every comment; blank lines stay.
    pub(super) fn drop_comments(&mut self) {
        self.head.clear();
        drop_in(&mut self.root);
    }
}

fn drop_in(doc: &mut Doc) {
    let Some(block) = doc.block_mut() else { return };
    block.tail.clear();
    for item in &mut block.items {
        item.blank |= item.lead.iter().any(|comment| comment.blank);
        item.lead.clear();
        item.note = None;
        drop_in(&mut item.value);
    }
}

/// Calls `act` for the value at every path, inner values first; items of lists have the segment `-`.
///
/// The path of a value in a `change` is the path that the change names.
pub(super) fn visit(doc: &mut Doc, act: &mut dyn FnMut(&[String], &mut Doc)) {
    walk(doc, &mut Vec::new(), act);
}

fn walk(doc: &mut Doc, path: &mut Vec<String>, act: &mut dyn FnMut(&[String], &mut Doc)) {
    let change = path.len() == 3 && path[0] == "steps" && path[1] == "-" && path[2] == "change";
    let items = doc.block_mut().map(|block| block.items.iter_mut());
    for item in items.into_iter().flatten() {
        match &item.key {
            Some(key) if change => walk(&mut item.value, &mut change_path(key), act),
            key => {
                path.push(key.as_deref().unwrap_or("-").to_owned());
                walk(&mut item.value, path, act);
                path.pop();
            }
        }
    }
    act(path, doc);
}

/// The segments of a path in a `change`: with a `/` in it only `/` separates.
pub(super) fn change_path(key: &str) -> Vec<String> {
    let separator = if key.contains('/') { '/' } else { '.' };
    key.split(separator).map(str::to_owned).collect()
}
