//! The one table that sets expected, predicted and observed side by side.

use super::{Expectation, Observation, Prediction, Verdict};

/// What is known of the run around one probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether the same probe machinery reached something in this step or an earlier one.
    pub positive_control: bool,
    /// Whether the target keeps a record of deciding rules (the lab does; Azure and the model do not).
    pub decider_observable: bool,
}

/// A verdict with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Each fact that differs, or is missing, in words a person reads.
    pub differs: Vec<String>,
    /// Facts that the target could not observe, judged by the prediction alone.
    pub not_observed: Vec<String>,
}

/// Judges one probe.
#[must_use]
pub fn judge(
    _expected: &Expectation,
    _predicted: Option<&Prediction>,
    _observed: &Observation,
    _standing: Standing,
) -> Judgement {
    unreachable!("seam: written by the verdict work package")
}
