//! `when`: the rows of the matrix with which a step is run.

use std::collections::BTreeSet;

use super::Span;
use super::matrix::Combination;
use super::tree::{Entry, Node, Text, Value};

/// Takes out the steps that are not run with this combination; the others are marked in `run`.
pub(super) fn filter_steps(
    document: &mut Node,
    combination: &Combination<'_>,
    run: &mut BTreeSet<Span>,
) {
    let runs = |step: &Node| {
        let Some(Value::Map(when)) = step.get("when").map(|when| &when.value) else {
            return true;
        };
        when.iter().all(|Entry { key, value }| {
            // An axis that does not exist is reported; what the step says is checked all the same.
            combination
                .row(&key.text)
                .is_none_or(|row| texts(value).any(|text| text.text == row) || !readable(value))
        })
    };
    if let Value::Map(entries) = &mut document.value
        && let Some(steps) = entries.iter_mut().find(|entry| entry.key.text == "steps")
        && let Value::List(steps) = &mut steps.value.value
    {
        steps.retain(runs);
        run.extend(steps.iter().map(|step| step.span));
    }
}

/// The steps that have conditions, with those.
pub(super) fn conditions(document: &Node) -> impl Iterator<Item = (&Node, &[Entry])> {
    let steps = match document.get("steps").map(|steps| &steps.value) {
        Some(Value::List(steps)) => &steps[..],
        _ => &[],
    };
    steps
        .iter()
        .filter_map(|step| match &step.get("when")?.value {
            Value::Map(entries) => Some((step, &entries[..])),
            _ => None,
        })
}

/// A text, or the texts of a list.
pub(super) fn texts(node: &Node) -> impl Iterator<Item = &Text> {
    let nodes = match &node.value {
        Value::List(items) => &items[..],
        _ => std::slice::from_ref(node),
    };
    nodes.iter().filter_map(|node| match &node.value {
        Value::Text(text) => Some(text),
        _ => None,
    })
}

fn readable(node: &Node) -> bool {
    matches!(node.value, Value::Text(_) | Value::List(_))
}
