//! The order in which the parts of a change are sent.

use crate::spec::{Change, Diagnostic, Spanned, codes, suggestion};

/// The parts of a change, one after the other: all at once without an order.
pub(super) fn parts(
    changes: &[Change],
    order: &[Spanned<String>],
    found: &mut Vec<Diagnostic>,
) -> Vec<Vec<Change>> {
    if order.is_empty() {
        return vec![changes.to_vec()];
    }
    let mut parts: Vec<Vec<Change>> = Vec::new();
    let mut sound = true;
    for (at, path) in order.iter().enumerate() {
        let problem = if order[..at].iter().any(|other| other.value == path.value) {
            format!("`{}` stands twice in `order`", path.value)
        } else if let Some(change) = changes.iter().find(|c| c.path.value == path.value) {
            parts.push(vec![change.clone()]);
            continue;
        } else {
            format!("`{}` is not a path of this change", path.value)
        };
        let paths = changes.iter().map(|change| change.path.value.as_str());
        sound = false;
        found.push(
            Diagnostic::error(codes::ORDER, path.span, problem).help(suggestion(
                &path.value,
                paths,
                "its paths are",
            )),
        );
    }
    let left = changes
        .iter()
        .find(|change| order.iter().all(|path| path.value != change.path.value));
    if let (Some(left), true) = (left, sound) {
        sound = false;
        found.push(
            Diagnostic::error(
                codes::ORDER,
                left.path.span,
                format!("`{}` is not in `order`", left.path.value),
            )
            .help("`order` names every path of the change, each once"),
        );
    }
    if sound { parts } else { vec![changes.to_vec()] }
}
