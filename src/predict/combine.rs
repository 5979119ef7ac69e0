//! One prediction from the walks under every reading of the sources: what they share, and where they
//! differ each reading with its statements.

use std::net::Ipv4Addr;

use crate::verdict::{Decider, Outcome, Predicted, Prediction, Reading, RuleRef};

use super::readings::Explored;

/// Where one walk ended.
#[derive(Debug, PartialEq)]
pub(super) struct Walked {
    pub(super) outcome: Outcome,
    pub(super) by: Decider,
    pub(super) path: Vec<RuleRef>,
    pub(super) source: Option<Ipv4Addr>,
}

/// One prediction from the walks under every reading.
pub(super) fn combine(explored: Explored<Walked>, assumed: bool) -> Prediction {
    let mut readings = Vec::<(Outcome, Option<Ipv4Addr>, String)>::new();
    for (walked, statements) in &explored.results {
        let known = readings
            .iter()
            .any(|(outcome, source, _)| (*outcome, *source) == (walked.outcome, walked.source));
        if !known {
            readings.push((walked.outcome, walked.source, statements.clone()));
        }
    }
    let common = |agree: fn(&Walked, &Walked) -> bool| {
        let mut walks = explored.results.iter().map(|(walked, _)| walked);
        let first = walks.next()?;
        walks.all(|other| agree(first, other)).then_some(first)
    };
    let path = explored
        .results
        .iter()
        .map(|(walked, _)| walked.path.as_slice())
        .reduce(|a, b| {
            let length = a.iter().zip(b).take_while(|(a, b)| a == b).count();
            &a[..length]
        });
    let outcome = match readings.as_slice() {
        [(outcome, _, _)] if explored.complete => Predicted::Is(*outcome),
        _ => Predicted::Undetermined,
    };
    let readings = match outcome {
        Predicted::Is(_) => Vec::new(),
        Predicted::Undetermined => readings
            .into_iter()
            .map(|(outcome, _, source)| Reading { outcome, source })
            .collect(),
    };
    Prediction {
        outcome,
        readings,
        assumed,
        by: common(|a, b| a.by == b.by).map(|walked| walked.by.clone()),
        path: path.unwrap_or_default().to_vec(),
        source: common(|a, b| a.source == b.source).and_then(|walked| walked.source),
    }
}
