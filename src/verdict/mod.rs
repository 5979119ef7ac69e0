//! Expectation, prediction, observation and the verdict that sets them side by side.
//!
//! The vocabulary of a run: outcome words, deciding rules, the three witnesses, [`judge`], and the
//! [`event::Event`]s and records from which every report is made. Nothing here knows a spec, a
//! template or a socket: the vocabulary outlives both ends.

mod decider;
pub mod event;
mod expectation;
mod judge;
mod observation;
mod outcome;
mod prediction;

pub use decider::{Decider, Direction, Leg, RouteRef, RuleRef};
pub use expectation::{
    Answer, BodyMatch, ByPattern, Expectation, ExpectedAnswer, ExpectedSource, ExpectedSourceSet,
    RulePattern,
};
pub use judge::{Judgement, Standing, combine, exit_code, judge};
pub use observation::{Action, Evidence, Observation, Observed, Packet};
pub use outcome::Outcome;
pub use prediction::{Hop, Predicted, Prediction, Reading};

use serde::{Deserialize, Serialize};

/// How a probe, a step or a run came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything expected held.
    Pass,
    /// Not run.
    Skipped,
    /// Passed, but not on the first try and without a change to explain it.
    Flaky,
    /// The expectation held, but what was predicted and what was observed differ.
    Diverged,
    /// It could not be judged: the probe did not run, or a negative has no positive control.
    Inconclusive,
    /// An expectation did not hold.
    Fail,
}

impl Verdict {
    /// The word used in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Skipped => "skipped",
            Verdict::Flaky => "flaky",
            Verdict::Diverged => "diverged",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Fail => "fail",
        }
    }
}
