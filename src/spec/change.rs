//! Changes by path: the document of one state edited into the document of the next.
//!
//! A path leads into the long form, whatever form the file uses: short forms on the way are expanded
//! first. The edited document is then read like any other, so every check runs on every state, and a
//! finding on a new value points at the change.

use super::decode::{self, Place, expand};
use super::language::{Form, form_at};
use super::tree::{Entry, Node, Text, Value};
use super::{Change, Diagnostic, Network, codes, suggestion};

/// What a path may begin with.
const SECTIONS: [&str; 6] = [
    "vnets",
    "nsgs",
    "peerings",
    "routes",
    "clusters",
    "workloads",
];

impl Network {
    /// The network after `changes`, all at once, as far as they can be applied and read.
    pub(crate) fn changed(&self, changes: &[Change], found: &mut Vec<Diagnostic>) -> Network {
        let mut document = self.document.clone();
        let mut unsure = self.unsure;
        for change in changes {
            if let Err(diagnostic) = set(&mut document, &[], &change.segments, &change.value) {
                found.push(diagnostic);
                unsure = true;
            }
        }
        Network {
            unsure,
            ..decode::network(document, found)
        }
    }
}

/// Splits a path into its segments; with a `/` in it only `/` separates.
pub(super) fn path(text: &Text) -> Result<Vec<Text>, Diagnostic> {
    let separator = if text.text.contains('/') { '/' } else { '.' };
    let segments = text.split(separator);
    if let Some(empty) = segments.iter().find(|segment| segment.text.is_empty()) {
        let message = format!("path `{}` has an empty segment", text.text);
        return Err(Diagnostic::error(codes::UNKNOWN_PATH, empty.span, message));
    }
    let first = &segments[0];
    if !SECTIONS.contains(&first.text.as_str()) {
        let later = ["dns", "asgs", "externals"];
        return Err(if later.contains(&first.text.as_str()) {
            let message = format!("`{}` is not supported yet", first.text);
            Diagnostic::error(codes::KEY_NOT_YET, first.span, message)
        } else {
            let message = format!("a change cannot begin at `{}`", first.text);
            Diagnostic::error(codes::UNKNOWN_PATH, first.span, message).help(suggestion(
                &first.text,
                SECTIONS,
                "a path begins with",
            ))
        });
    }
    if segments.len() == 1 {
        let message = format!("a change of `{}` as a whole", first.text);
        return Err(Diagnostic::error(codes::UNKNOWN_PATH, first.span, message)
            .help(format!("name the thing: `{}.NAME`", first.text)));
    }
    Ok(segments)
}

/// Sets what `rest` leads to below `node`; `walked` is the path so far.
fn set(node: &mut Node, walked: &[&str], rest: &[Text], value: &Node) -> Result<(), Diagnostic> {
    let Some((segment, rest)) = rest.split_first() else {
        node.span = value.span;
        node.value = value.value.clone();
        return Ok(());
    };
    if let Some(place) = place(walked) {
        expand(node, place)?;
    }
    // Where a map belongs and none is, that is reported with the network, whatever would be in there.
    if node.value == Value::Broken || (holds_keys(walked) && !matches!(node.value, Value::Map(_))) {
        return Ok(());
    }
    let here = if walked.is_empty() {
        "the spec".to_owned()
    } else {
        format!("`{}`", walked.join("."))
    };
    let Value::Map(entries) = &mut node.value else {
        let message = format!("nothing can be named inside {here}");
        let diagnostic = Diagnostic::error(codes::UNKNOWN_PATH, segment.span, message);
        return Err(match node.value {
            Value::List(_) => diagnostic.help("a list is replaced whole"),
            _ => diagnostic,
        });
    };
    let at = entries
        .iter()
        .position(|entry| entry.key.text == segment.text);
    let last = rest.is_empty();
    match at {
        Some(at) if last && value.value == Value::Null => {
            entries.remove(at);
            Ok(())
        }
        Some(at) => {
            let walked = [walked, &[segment.text.as_str()]].concat();
            set(&mut entries[at].value, &walked, rest, value)
        }
        // A new last segment adds; a section that is left out is an empty one.
        None if value.value != Value::Null && (last || is_section(walked, &segment.text)) => {
            let mut added = Node {
                span: value.span,
                value: Value::Map(Vec::new()),
            };
            let walked = [walked, &[segment.text.as_str()]].concat();
            set(&mut added, &walked, rest, value)?;
            entries.push(Entry {
                key: segment.clone(),
                value: added,
            });
            Ok(())
        }
        None => {
            let keys = entries.iter().map(|entry| entry.key.text.as_str());
            Err(Diagnostic::error(
                codes::UNKNOWN_PATH,
                segment.span,
                format!("there is no `{}` in {here}", segment.text),
            )
            .help(suggestion(&segment.text, keys, "it has")))
        }
    }
}

/// Which short form may stand at a path.
fn place(path: &[&str]) -> Option<Place> {
    match path {
        ["vnets", _, "subnets", _] => Some(Place::Subnet),
        ["nsgs", _, "inbound" | "outbound", _] => Some(Place::Rule),
        ["peerings", _] => Some(Place::Peering),
        ["routes", _, _] => Some(Place::Route),
        _ => None,
    }
}

/// Whether a map belongs at a path: a section, or a thing in one.
fn holds_keys(path: &[&str]) -> bool {
    matches!(
        form_at(path),
        Some(Form::Thing(_) | Form::Things(_) | Form::Map(_))
    )
}

/// Whether a segment names a section, which may be left out where it is empty.
fn is_section(walked: &[&str], segment: &str) -> bool {
    let path = [walked, &[segment]].concat();
    matches!(form_at(&path), Some(Form::Things(_) | Form::Map(_)))
}
