//! Short forms into long ones: a sentence becomes the map that it stands for.

use crate::spec::tree::{Entry, Node, Text, Value};
use crate::spec::{Diagnostic, codes, sentence};

/// The places of a document that have a short form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A subnet: its prefix.
    Subnet,
    /// A security rule, also under the key `rule`.
    Rule,
    /// A probe, also under the key `call`.
    Probe,
}

/// Puts the node at `place` into its long form, if it is in its short one.
pub(crate) fn expand(node: &mut Node, place: Place) -> Result<(), Diagnostic> {
    let key = match place {
        Place::Subnet => {
            if let Value::Text(_) = &node.value {
                let value = node.clone();
                node.value = Value::Map(vec![field("prefix", value)]);
            }
            return Ok(());
        }
        Place::Rule => "rule",
        Place::Probe => "call",
    };
    let split = match place {
        Place::Probe => sentence::probe_fields,
        Place::Rule | Place::Subnet => sentence::rule_fields,
    };
    match &mut node.value {
        Value::Text(text) => {
            let fields = split(text)?;
            node.value = Value::Map(entries(fields));
        }
        Value::Map(map) => {
            let Some(at) = map.iter().position(|entry| entry.key.text == key) else {
                return Ok(());
            };
            let sentence = map.remove(at);
            let fields = match &sentence.value.value {
                Value::Text(text) => split(text)?,
                Value::Broken => {
                    // Without its sentence the rest of the map would only be found wanting.
                    node.value = Value::Broken;
                    return Ok(());
                }
                _ => {
                    let message = format!("`{key}` is a sentence");
                    return Err(Diagnostic::error(codes::SHAPE, sentence.key.span, message));
                }
            };
            for entry in entries(fields) {
                if let Some(twice) = map.iter().find(|other| other.key.text == entry.key.text) {
                    return Err(Diagnostic::error(
                        codes::CONTRADICTION,
                        twice.key.span,
                        format!("`{}` is given twice", twice.key.text),
                    )
                    .related(entry.value.span, format!("`{key}` gives it here")));
                }
                map.push(entry);
            }
        }
        _ => {}
    }
    Ok(())
}

fn entries(fields: sentence::Fields) -> Vec<Entry> {
    fields
        .into_iter()
        .map(|(key, text)| field(key, text.node()))
        .collect()
}

fn field(key: &str, value: Node) -> Entry {
    Entry {
        key: Text::new(key, value.span),
        value,
    }
}

/// Refuses substitutions and turns `$$` into a dollar, in every scalar but `about` and `note`.
pub(crate) fn substitutions(node: &mut Node, found: &mut Vec<Diagnostic>) {
    match &mut node.value {
        Value::Map(entries) => {
            for entry in entries {
                if !matches!(entry.key.text.as_str(), "about" | "note") {
                    substitutions(&mut entry.value, found);
                }
            }
        }
        Value::List(items) => {
            for item in items {
                substitutions(item, found);
            }
        }
        Value::Text(text) => match substitution(text) {
            Some(part) => {
                let (word, span) = (part.text, part.span);
                found.push(
                    Diagnostic::error(
                        codes::SUBSTITUTION_NOT_YET,
                        span,
                        format!("substitution `{word}` is not supported yet"),
                    )
                    .help("`$$` is a dollar"),
                );
                node.value = Value::Broken;
            }
            None => {
                if text.text.contains("$$") {
                    *text = Text::new(text.text.replace("$$", "$"), text.span);
                }
            }
        },
        Value::Secret(_) | Value::Null | Value::Broken => {}
    }
}

/// The first `$name` or `$(name)` of a text.
fn substitution(text: &Text) -> Option<Text> {
    let bytes = text.text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'$' {
            match bytes.get(at + 1) {
                Some(b'$') => at += 1,
                Some(b'(') => {
                    let end = text.text[at..]
                        .find(')')
                        .map_or(bytes.len(), |end| at + end + 1);
                    return Some(text.part(at..end));
                }
                Some(b'a'..=b'z') => {
                    let name = |b: &u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
                    let length = bytes[at + 1..].iter().take_while(|b| name(b)).count();
                    return Some(text.part(at..at + 1 + length));
                }
                _ => {}
            }
        }
        at += 1;
    }
    None
}
