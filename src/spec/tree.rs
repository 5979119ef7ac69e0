//! The document as a tree: maps with their keys, lists, and scalars as the text that was written.
//!
//! A scalar is never typed by YAML's own rules: `no`, `22:22` and `1.10` stay text. A text with a secret in
//! it is a value of its own, so that nothing that reads texts can read it by mistake.

pub(crate) use super::text::Text;
use super::{SecretText, Span};

/// A node of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// Where it stands.
    pub(crate) span: Span,
    /// What it is.
    pub(crate) value: Value,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// A scalar, as text.
    Text(Text),
    /// A scalar in which secrets stand.
    Secret(SecretText),
    /// The plain word `null`.
    Null,
    /// A map, in the author's order.
    Map(Vec<Entry>),
    /// A list.
    List(Vec<Node>),
    /// A node whose fault is already reported.
    Broken,
}

/// An entry of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: Text,
    /// The value.
    pub(crate) value: Node,
}

impl Node {
    /// The value of a key, if the node is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries
                .iter()
                .find(|entry| entry.key.text == key)
                .map(|entry| &entry.value),
            _ => None,
        }
    }
}
