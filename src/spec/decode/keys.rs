//! Which keys exist where.
//!
//! A slip of the pen is reported and then read as the key that was meant, so that what stands behind it is
//! known to everything that follows: to the decoder, to names, and to the paths of a `change`.

use super::step;
use crate::spec::language::{STEP, Shape, shape_at};
use crate::spec::tree::{Entry, Node, Text, Value};
use crate::spec::{Diagnostic, codes, list, nearest, suggestion};

/// Checks the keys of every map below `node`, which stands at `path`, and corrects those that are misspelt.
pub(super) fn check(node: &mut Node, path: &[&str], found: &mut Vec<Diagnostic>) {
    match &mut node.value {
        Value::Map(entries) => {
            if let Some(shape) = shape_at(path) {
                correct(entries, shape, found);
            }
            for Entry { key, value } in entries {
                check(value, &[path, &[key.text.as_str()]].concat(), found);
            }
        }
        Value::List(items) if path == ["steps"] => {
            for item in items {
                check(item, &["steps", "-"], found);
            }
        }
        Value::List(_) | Value::Text(_) | Value::Secret(_) | Value::Null | Value::Broken => {}
    }
}

fn correct(entries: &mut [Entry], shape: &Shape, found: &mut Vec<Diagnostic>) {
    for at in 0..entries.len() {
        let key = &entries[at].key;
        let (word, span) = (key.text.as_str(), key.span);
        if shape.known().any(|known| known == word) || shape.is_open() {
            continue;
        }
        if shape.later().any(|later| later == word) {
            found.push(Diagnostic::error(
                codes::KEY_NOT_YET,
                span,
                format!("`{word}` is not supported yet"),
            ));
            continue;
        }
        let meant = nearest(word, shape.keys.iter().map(|key| key.name));
        found.push(unknown(word, meant, key, shape));
        if let Some(meant) = meant
            && entries.iter().all(|entry| entry.key.text != meant)
        {
            entries[at].key = Text::new(meant, span);
        }
    }
}

/// In a step every key is a kind of step, or says something about one.
fn unknown(word: &str, meant: Option<&str>, key: &Text, shape: &Shape) -> Diagnostic {
    if std::ptr::eq(shape, &raw const STEP) {
        let help = format!("a step has {}", list(shape.known()));
        return step::unknown(word, meant, key.span, &help);
    }
    Diagnostic::error(
        codes::UNKNOWN_KEY,
        key.span,
        format!("unknown key `{word}` in {}", shape.what),
    )
    .help(match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => suggestion(word, shape.known(), "expected one of"),
    })
}
