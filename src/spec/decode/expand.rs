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
    /// A peering: its ends.
    Peering,
    /// A route, also under the key `route`.
    Route,
    /// An invariant: its claim.
    Invariant,
}

/// Splits a sentence into the fields of its long form.
type Split = fn(&Text) -> Result<sentence::Fields, Diagnostic>;

/// Puts the node at `place` into its long form, if it is in its short one.
pub(crate) fn expand(node: &mut Node, place: Place) -> Result<(), Diagnostic> {
    let (key, split): (_, Split) = match place {
        Place::Subnet => return value_of(node, "prefix"),
        Place::Peering => return value_of(node, "between"),
        Place::Invariant => return value_of(node, "claim"),
        Place::Rule => ("rule", sentence::rule_fields),
        Place::Route => ("route", sentence::route_fields),
        Place::Probe => ("call", sentence::probe_fields),
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

/// A text is the value of one key.
fn value_of(node: &mut Node, key: &str) -> Result<(), Diagnostic> {
    if let Value::Text(_) = &node.value {
        let value = node.clone();
        node.value = Value::Map(vec![field(key, value)]);
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
