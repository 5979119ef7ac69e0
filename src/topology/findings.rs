//! The findings of every state and every combination as one list.

use std::collections::BTreeMap;

use crate::spec::{Diagnostic, Name, Span};

/// Rows of the matrix, by axis.
type Rows = BTreeMap<Name, String>;

type Key = (Span, &'static str, String);

fn key(finding: &Diagnostic) -> Key {
    (finding.primary.span, finding.code, finding.message.clone())
}

/// Every state repeats the findings on what it shares with the one before: one of each is enough.
pub(super) fn once_each(found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut by_place = BTreeMap::new();
    for finding in found {
        by_place.entry(key(&finding)).or_insert(finding);
    }
    by_place.into_values().collect()
}

/// The findings on what all combinations share, and those on each; a finding that only some of them have
/// names these.
pub(super) fn merged(
    shared: Vec<Diagnostic>,
    found: Vec<(Rows, Vec<Diagnostic>)>,
) -> Vec<Diagnostic> {
    let combinations = found.len();
    let mut all: BTreeMap<Key, (Diagnostic, Vec<Rows>)> = BTreeMap::new();
    for (rows, here) in found {
        for finding in once_each(here) {
            let (_, having) = all
                .entry(key(&finding))
                .or_insert_with(|| (finding, Vec::new()));
            having.push(rows.clone());
        }
    }
    let noted = all.into_values().map(|(finding, having)| {
        if having.len() == combinations || finding.note.is_some() {
            return finding;
        }
        let note = note(&having);
        finding.note(note)
    });
    once_each(shared.into_iter().chain(noted).collect())
}

/// Which combinations have a finding.
fn note(having: &[Rows]) -> String {
    const NAMED: usize = 3;
    let name = |rows: &Rows| {
        let rows: Vec<String> = rows.iter().map(|(a, row)| format!("{a}={row}")).collect();
        format!("`{}`", rows.join(", "))
    };
    let names: Vec<String> = having.iter().take(NAMED).map(name).collect();
    match having.len().saturating_sub(NAMED) {
        0 => format!("with {}", names.join(", ")),
        more => format!("with {} and {more} more", names.join(", ")),
    }
}
