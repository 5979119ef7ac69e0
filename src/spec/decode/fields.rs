//! The decoder's vocabulary: maps with known keys, and scalars read by their place.

use std::time::Duration;

use crate::net::Prefix;
use crate::spec::language::Shape;
use crate::spec::tree::{Entry, Node, Text, Value};
use crate::spec::{
    Diagnostic, Name, NameError, Plane, Reference, SecretText, Span, Spanned, Unread, codes, list,
    sentence, suggestion,
};

/// Words that cannot be names, because sentences use them.
const RESERVED: [&str; 10] = [
    "any", "except", "node", "pod", "self", "none", "sees", "via", "avoiding", "when",
];

/// A map with its known keys.
pub(super) struct Fields<'n> {
    /// Where the map is named.
    at: Span,
    shape: &'static Shape,
    entries: &'n [Entry],
    /// The keys whose values could not be read.
    pub(super) unread: Unread,
}

impl<'n> Fields<'n> {
    pub(super) fn entry(&self, key: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|entry| entry.key.text == key)
    }

    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub(super) fn first_key(&self) -> Option<Span> {
        self.entries.first().map(|entry| entry.key.span)
    }
}

/// Reads nodes and collects what is wrong with them.
pub(in crate::spec) struct Decoder<'f> {
    pub(in crate::spec) found: &'f mut Vec<Diagnostic>,
}

impl Decoder<'_> {
    pub(super) fn report<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result
            .map_err(|diagnostic| self.found.push(diagnostic))
            .ok()
    }

    fn shape(&mut self, node: &Node, expected: &str) {
        let (code, message) = match node.value {
            Value::Broken => return,
            Value::Null => (
                codes::NO_VALUE,
                format!("`null` where {expected} is expected"),
            ),
            Value::Secret(_) => (codes::SECRET_PLACE, "a secret cannot stand here".to_owned()),
            Value::Text(_) => (codes::SHAPE, format!("a text where {expected} is expected")),
            Value::Map(_) => (codes::SHAPE, format!("a map where {expected} is expected")),
            Value::List(_) => (codes::SHAPE, format!("a list where {expected} is expected")),
        };
        let diagnostic = Diagnostic::error(code, node.span, message);
        self.found.push(match node.value {
            Value::Null => diagnostic.help("`null` removes a thing, and only in a `change`"),
            Value::Secret(_) => diagnostic
                .help("secrets stand in the values of `env`, `headers` and `registry` alone"),
            _ => diagnostic,
        });
    }

    /// The entries of a map; `what` it is, for the message.
    pub(super) fn map<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Entry]> {
        match &node.value {
            Value::Map(entries) => Some(entries),
            _ => {
                self.shape(node, &format!("a map for {what}"));
                None
            }
        }
    }

    /// The entries of a map whose keys are names.
    pub(super) fn named<'n>(&mut self, node: &'n Node, what: &str) -> Vec<(Name, &'n Entry)> {
        let entries = self.map(node, what).unwrap_or_default();
        let mut named = Vec::new();
        for entry in entries {
            // A key without a value is often half of a sentence that a comma split: said once is enough.
            if entry.value.value != Value::Broken
                && let Some(name) = self.declared(&entry.key)
            {
                named.push((name, entry));
            }
        }
        named
    }

    fn declared(&mut self, key: &Text) -> Option<Name> {
        if RESERVED.contains(&key.text.as_str()) {
            let message = format!(
                "`{}` is a word of the language and cannot be a name",
                key.text
            );
            self.found
                .push(Diagnostic::error(codes::NAME, key.span, message));
            return None;
        }
        let name = key.text.parse().map_err(|NameError { reason, .. }| {
            Diagnostic::error(
                codes::NAME,
                key.span,
                format!("`{}` is not a name", key.text),
            )
            .help(reason)
        });
        self.report(name)
    }

    /// A map whose keys are checked already (see `keys`); `at` is where it is named.
    pub(super) fn fields<'n>(
        &mut self,
        node: &'n Node,
        at: Span,
        shape: &'static Shape,
    ) -> Option<Fields<'n>> {
        let entries = self.map(node, shape.what)?;
        Some(Fields {
            at,
            entries,
            shape,
            unread: shape
                .later()
                .filter(|later| entries.iter().any(|entry| entry.key.text == *later))
                .collect(),
        })
    }

    pub(super) fn required<T>(
        &mut self,
        fields: &mut Fields<'_>,
        key: &'static str,
        read: impl FnOnce(&mut Self, &Node) -> Option<T>,
    ) -> Option<T> {
        if fields.get(key).is_none() {
            self.found.push(Diagnostic::error(
                codes::MISSING_KEY,
                fields.at,
                format!("{} needs the key `{key}`", fields.shape.what),
            ));
            fields.unread.insert(key);
        }
        self.optional(fields, key, read)
    }

    pub(super) fn optional<T>(
        &mut self,
        fields: &mut Fields<'_>,
        key: &'static str,
        read: impl FnOnce(&mut Self, &Node) -> Option<T>,
    ) -> Option<T> {
        debug_assert!(fields.shape.key(key).is_some(), "`{key}` is in the table");
        let value = read(self, fields.get(key)?);
        if value.is_none() {
            fields.unread.insert(key);
        }
        value
    }

    /// One value or a list of them, without those that cannot be read.
    pub(super) fn many<T>(
        &mut self,
        fields: &mut Fields<'_>,
        key: &'static str,
        mut read: impl FnMut(&mut Self, &Node) -> Option<T>,
    ) -> Vec<T> {
        let nodes = match fields.get(key) {
            None => return Vec::new(),
            Some(node) => one_or_many(node),
        };
        let values: Vec<T> = nodes.iter().filter_map(|node| read(self, node)).collect();
        if values.len() < nodes.len() {
            fields.unread.insert(key);
        }
        values
    }

    /// A scalar, read by a sentence parser.
    pub(super) fn sentence<T>(
        &mut self,
        node: &Node,
        expected: &str,
        read: impl FnOnce(&Text) -> Result<T, Diagnostic>,
    ) -> Option<Spanned<T>> {
        match &node.value {
            Value::Text(text) => {
                let value = self.report(read(text))?;
                Some(Spanned {
                    value,
                    span: text.span,
                })
            }
            _ => {
                self.shape(node, expected);
                None
            }
        }
    }

    pub(super) fn text(&mut self, node: &Node) -> Option<Spanned<String>> {
        self.sentence(node, "a text", |text| Ok(text.text.clone()))
    }

    /// A text in which secrets may stand.
    pub(super) fn secret_text(&mut self, node: &Node) -> Option<Spanned<SecretText>> {
        match &node.value {
            Value::Secret(text) => Some(Spanned {
                value: text.clone(),
                span: node.span,
            }),
            _ => self.sentence(node, "a text", |text| {
                Ok(SecretText::plain(text.text.as_str()))
            }),
        }
    }

    /// A text that is one word.
    pub(super) fn word(&mut self, node: &Node) -> Option<Spanned<String>> {
        self.sentence(node, "a word", |text| {
            if text.text.is_empty() || text.text.contains(char::is_whitespace) {
                let message = format!("`{}` is not a single word", text.text);
                Err(Diagnostic::error(codes::VALUE, text.span, message))
            } else {
                Ok(text.text.clone())
            }
        })
    }

    pub(super) fn name(&mut self, node: &Node) -> Option<Spanned<Name>> {
        self.sentence(node, "a name", |text| {
            text.text.parse().map_err(|NameError { reason, .. }| {
                let message = format!("`{}` is not a name", text.text);
                Diagnostic::error(codes::NAME, text.span, message).help(reason)
            })
        })
    }

    pub(super) fn number(&mut self, node: &Node, least: u32, most: u32) -> Option<Spanned<u32>> {
        self.sentence(node, "a number", |text| {
            let digits = text.text.bytes().all(|b| b.is_ascii_digit());
            let read = text.text.parse().ok().filter(|_| digits);
            read.filter(|n| (least..=most).contains(n)).ok_or_else(|| {
                let bounds = match most {
                    u32::MAX => format!("a whole number from {least}"),
                    _ => format!("a whole number from {least} to {most}"),
                };
                let message = format!("`{}` is not {bounds}", text.text);
                Diagnostic::error(codes::VALUE, text.span, message)
            })
        })
    }

    pub(super) fn boolean(&mut self, node: &Node) -> Option<Spanned<bool>> {
        self.one_of(node, &[("true", true), ("false", false)], &[])
    }

    /// One of a few words; `later` are words of the language that are not supported yet.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        node: &Node,
        words: &[(&str, T)],
        later: &[&str],
    ) -> Option<Spanned<T>> {
        let valid = || words.iter().map(|(word, _)| *word);
        self.sentence(node, &format!("one of {}", list(valid())), |text| {
            let word = text.text.as_str();
            if let Some((_, value)) = words.iter().find(|(valid, _)| *valid == word) {
                return Ok(*value);
            }
            Err(if later.contains(&word) {
                Diagnostic::error(
                    codes::VALUE_NOT_YET,
                    text.span,
                    format!("`{word}` is not supported yet"),
                )
                .help(format!("what is: {}", list(valid())))
            } else {
                Diagnostic::error(
                    codes::VALUE,
                    text.span,
                    format!("`{word}` is not a value of this key"),
                )
                .help(suggestion(word, valid(), "it is one of"))
            })
        })
    }

    pub(super) fn plane(&mut self, node: &Node) -> Option<Spanned<Plane>> {
        let words = [
            ("predict", Plane::Predict),
            ("local", Plane::Local),
            ("azure", Plane::Azure),
        ];
        self.one_of(node, &words, &[])
    }

    pub(super) fn duration(&mut self, node: &Node) -> Option<Spanned<Duration>> {
        self.sentence(node, "a duration", sentence::duration)
    }

    pub(super) fn prefix(&mut self, node: &Node) -> Option<Spanned<Prefix>> {
        self.sentence(node, "an address prefix", sentence::prefix)
    }

    pub(super) fn reference(&mut self, node: &Node) -> Option<Spanned<Reference>> {
        self.sentence(node, "a name", sentence::reference)
            .map(|reference| reference.value)
    }
}

/// One node, or a list of them.
pub(super) fn one_or_many(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}
