//! One prediction from the walks under every reading of the sources: what they share, and where they
//! differ each reading with its statements.

use std::net::Ipv4Addr;

use crate::verdict::{Decider, Hop, Outcome, Predicted, Prediction, Reading, RuleRef};

use super::readings::Explored;

/// Where one walk ended.
#[derive(Debug, PartialEq)]
pub(super) struct Walked {
    pub(super) outcome: Outcome,
    pub(super) by: Decider,
    pub(super) path: Vec<RuleRef>,
    pub(super) via: Vec<Hop>,
    pub(super) source: Option<Ipv4Addr>,
    /// What the far end sees where its address is not known.
    pub(super) source_unknown: Option<String>,
    pub(super) assumed: bool,
}

/// One prediction from the walks under every reading.
pub(super) fn combine(explored: Explored<Walked>) -> Prediction {
    let walks = || explored.results.iter().map(|(walked, _)| walked);
    let seen = |walked: &Walked| {
        let words = walked.source_unknown.clone();
        (walked.outcome, walked.source, words)
    };
    let mut readings = Vec::new();
    for (walked, statements) in &explored.results {
        if readings.iter().all(|(other, _)| *other != seen(walked)) {
            readings.push((seen(walked), statements.clone()));
        }
    }
    let common = |agree: fn(&Walked, &Walked) -> bool| {
        let first = walks().next()?;
        walks().all(|other| agree(first, other)).then_some(first)
    };
    let outcome = match readings.as_slice() {
        [((outcome, _, _), _)] if explored.complete => Predicted::Is(*outcome),
        _ => Predicted::Undetermined,
    };
    let readings = match outcome {
        Predicted::Is(_) => Vec::new(),
        Predicted::Undetermined => readings
            .into_iter()
            .map(|((outcome, _, _), source)| Reading { outcome, source })
            .collect(),
    };
    Prediction {
        outcome,
        readings,
        assumed: walks().any(|walked| walked.assumed),
        by: common(|a, b| a.by == b.by).map(|walked| walked.by.clone()),
        path: shared(walks().map(|walked| walked.path.as_slice())),
        via: shared(walks().map(|walked| walked.via.as_slice())),
        source: common(|a, b| a.source == b.source).and_then(|walked| walked.source),
        source_unknown: common(|a, b| a.source_unknown == b.source_unknown)
            .and_then(|walked| walked.source_unknown.clone()),
        not_considered: Vec::new(),
    }
}

/// What all lists begin with.
fn shared<'a, T: PartialEq + Clone + 'a>(lists: impl Iterator<Item = &'a [T]>) -> Vec<T> {
    let common = lists.reduce(|a, b| {
        let length = a.iter().zip(b).take_while(|(a, b)| a == b).count();
        &a[..length]
    });
    common.unwrap_or_default().to_vec()
}
