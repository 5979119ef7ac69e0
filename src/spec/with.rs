//! `with`: more keys for the map in which it stands.

use super::place::Place;
use super::tree::{Entry, Node, Value};
use super::{Diagnostic, codes};

/// Adds the keys of every `with` below `node` to the map in which it stands.
pub(super) fn add(node: &mut Node, place: &Place<'_>, found: &mut Vec<Diagnostic>) {
    if place.takes_with() {
        // What is added may have a `with` of its own.
        while let Some(with) = taken(node) {
            if let Err(broken) = merge(node, with, found) {
                node.value = broken;
            }
        }
    }
    match &mut node.value {
        Value::Map(entries) => {
            for Entry { key, value } in entries {
                let inner = place.entry(&key.text);
                if place.is_change() && inner.is_with() {
                    let message = "a change of `with`";
                    found.push(
                        Diagnostic::error(codes::WITH, key.span, message)
                            .help("its keys are keys of the thing: change those"),
                    );
                    value.value = Value::Broken;
                }
                add(value, &inner, found);
            }
        }
        Value::List(items) => {
            let place = place.item();
            for item in items {
                add(item, &place, found);
            }
        }
        Value::Text(_) | Value::Secret(_) | Value::Null | Value::Broken => {}
    }
}

/// Takes the entry `with` out of a map.
fn taken(node: &mut Node) -> Option<Entry> {
    let Value::Map(entries) = &mut node.value else {
        return None;
    };
    let at = entries.iter().position(|entry| entry.key.text == "with")?;
    Some(entries.remove(at))
}

/// Adds the keys of a `with`; where they cannot be known, neither can the thing.
fn merge(node: &mut Node, with: Entry, found: &mut Vec<Diagnostic>) -> Result<(), Value> {
    let Value::Map(more) = with.value.value else {
        if with.value.value != Value::Broken {
            found.push(
                Diagnostic::error(codes::WITH, with.value.span, "`with` is a map of keys").help(
                    "write the keys, or the field of an axis that has them: `with: $axis.field`",
                ),
            );
        }
        return Err(Value::Broken);
    };
    if let Value::Map(entries) = &mut node.value {
        for entry in more {
            match entries
                .iter()
                .find(|other| other.key.text == entry.key.text)
            {
                Some(first) => {
                    let message = format!("`{}` is given twice, once in `with`", entry.key.text);
                    found.push(
                        Diagnostic::error(codes::WITH, entry.key.span, message)
                            .related(first.key.span, "the other one"),
                    );
                }
                None => entries.push(entry),
            }
        }
    }
    Ok(())
}
