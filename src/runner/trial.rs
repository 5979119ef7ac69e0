//! How often a probe is tried, and what its tries add up to.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::compile::Repeat;
use crate::verdict::{Observation, Outcome};

use super::Settle;

/// What the tries of a probe came to.
pub(super) struct Trial {
    /// The observation that counts: of the last try, the first connection that does not fit, or the
    /// last.
    pub(super) observation: Observation,
    /// How long that connection took.
    pub(super) took: Duration,
    /// Whether it fits in the end, but not often enough in a row before the time to settle was over.
    pub(super) unstable: bool,
    /// Whether it fits late, and no change explains why.
    pub(super) flaky: bool,
    /// When connections waited in vain, and for how long.
    pub(super) waits: Vec<(Instant, Duration)>,
}

/// How a probe is tried.
pub(super) struct Rules<'a> {
    /// How often, and with what pause.
    pub(super) repeat: Repeat,
    /// After a change: how long it may take to show, and how many tries in a row must then fit.
    pub(super) settle: Option<Settle>,
    /// How long one connection of the probe may wait.
    pub(super) longest: Duration,
    /// Ends the tries.
    pub(super) cancel: &'a CancellationToken,
}

impl Rules<'_> {
    /// Tries until it fits, or, after a change, until it settles. `missed` hears of every try that
    /// does not fit and is not the last.
    pub(super) async fn run(
        &self,
        mut connect: impl AsyncFnMut() -> Observation,
        fits: impl Fn(&Observation) -> bool,
        missed: impl Fn(u32, &Observation),
    ) -> Trial {
        let (within, stable) = self
            .settle
            .map_or((Duration::ZERO, 1), |settle| (settle.within, settle.stable));
        let until = Instant::now() + within;
        let mut waits = Vec::new();
        let (mut tries, mut agreed) = (0, 0);
        loop {
            tries += 1;
            let (observation, took, passed) = self.attempt(&mut connect, &fits, &mut waits).await;
            agreed = if passed { agreed + 1 } else { 0 };
            let over = Instant::now() >= until && tries >= self.repeat.attempts;
            if agreed >= stable || over || self.cancel.is_cancelled() {
                return Trial {
                    observation,
                    took,
                    unstable: (1..stable).contains(&agreed),
                    flaky: passed && tries > 1 && self.settle.is_none(),
                    waits,
                };
            }
            if !passed {
                missed(tries, &observation);
            }
            tokio::select! {
                () = tokio::time::sleep(self.repeat.every) => {}
                () = self.cancel.cancelled() => {}
            }
        }
    }

    /// One try: its connections one after the other.
    async fn attempt(
        &self,
        connect: &mut impl AsyncFnMut() -> Observation,
        fits: &impl Fn(&Observation) -> bool,
        waits: &mut Vec<(Instant, Duration)>,
    ) -> (Observation, Duration, bool) {
        let mut connections = 0;
        loop {
            connections += 1;
            let began = Instant::now();
            let observation = connect().await;
            let took = began.elapsed();
            if observation.outcome.outcome() == Some(Outcome::Timeout) {
                waits.push((began, self.longest.min(took)));
            }
            let passed = fits(&observation);
            if !passed || connections >= self.repeat.count || self.cancel.is_cancelled() {
                return (observation, took, passed);
            }
        }
    }
}

/// How long any of the waits went on: what they have in common counts once.
pub(super) fn covered(mut waits: Vec<(Instant, Duration)>) -> Duration {
    waits.sort();
    let mut total = Duration::ZERO;
    let mut covered_to = None;
    for (began, wait) in waits {
        let end = began + wait;
        let from = covered_to.map_or(began, |to: Instant| to.max(began));
        total += end.saturating_duration_since(from);
        covered_to = Some(from.max(end));
    }
    total
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use crate::verdict::Observed;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn seen(outcome: Outcome) -> Observation {
        Observation {
            outcome: Observed::Is(outcome),
            status: None,
            body: None,
            source: None,
            caller: None,
            urls: Vec::new(),
            simulated: false,
            evidence: None,
        }
    }

    /// Runs over a script of outcomes, the last of which repeats; `reachable` fits. A silent one takes
    /// a second. The trial, how many connections were made, and which tries were missed.
    async fn run(
        attempts: u32,
        count: u32,
        settle: Option<Settle>,
        script: &[Outcome],
    ) -> (Trial, usize, Vec<u32>) {
        let repeat = Repeat {
            attempts,
            every: SECOND,
            count,
        };
        let cancel = CancellationToken::new();
        let rules = Rules {
            repeat,
            settle,
            longest: SECOND,
            cancel: &cancel,
        };
        let (made, missed) = (Cell::new(0), RefCell::new(Vec::new()));
        let connect = async || {
            let outcome = script[made.get().min(script.len() - 1)];
            made.set(made.get() + 1);
            if outcome == Outcome::Timeout {
                tokio::time::sleep(SECOND).await;
            }
            seen(outcome)
        };
        let fits = |observation: &Observation| *observation == seen(Outcome::Reachable);
        let note = |number, _: &Observation| missed.borrow_mut().push(number);
        let trial = rules.run(connect, fits, note).await;
        (trial, made.get(), missed.take())
    }

    const YES: Outcome = Outcome::Reachable;
    const NO: Outcome = Outcome::Refused;

    fn outcome(trial: &Trial) -> Option<Outcome> {
        trial.observation.outcome.outcome()
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_is_tried_until_it_fits() {
        let (trial, made, missed) = run(1, 1, None, &[NO, YES]).await;
        assert_eq!((outcome(&trial), made, missed.len()), (Some(NO), 1, 0));
        let begun = Instant::now();
        let (trial, made, missed) = run(5, 1, None, &[NO, NO, YES]).await;
        assert_eq!((outcome(&trial), made), (Some(YES), 3));
        assert_eq!((trial.flaky, missed), (true, vec![1, 2]));
        assert_eq!(begun.elapsed().as_secs(), 2);
        let (trial, made, _) = run(3, 1, None, &[NO]).await;
        assert_eq!((outcome(&trial), made, trial.flaky), (Some(NO), 3, false));
        let (trial, made, _) = run(3, 1, None, &[YES]).await;
        assert_eq!((made, trial.flaky), (1, false));
    }

    #[tokio::test(start_paused = true)]
    async fn every_connection_of_a_try_must_fit() {
        let (trial, made, _) = run(1, 3, None, &[YES]).await;
        assert_eq!((outcome(&trial), made), (Some(YES), 3));
        let (trial, made, _) = run(1, 3, None, &[YES, NO, YES]).await;
        assert_eq!((outcome(&trial), made), (Some(NO), 2));
        let (trial, made, _) = run(2, 2, None, &[YES, NO, YES]).await;
        assert_eq!((outcome(&trial), made), (Some(YES), 4));
        assert!(trial.flaky);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_change_tries_go_on_until_enough_agree() {
        let within = |seconds, stable| {
            let within = Duration::from_secs(seconds);
            Some(Settle { within, stable })
        };
        let (trial, made, _) = run(1, 1, within(60, 3), &[NO, YES, NO, YES]).await;
        assert_eq!((made, trial.flaky, trial.unstable), (6, false, false));
        let (trial, made, _) = run(1, 1, within(4, 3), &[NO, NO, NO, YES]).await;
        assert_eq!((made, trial.unstable), (5, true));
        // Nothing to wait for: one try, unless the author wants more.
        let (_, made, _) = run(1, 1, Some(Settle::LOCAL), &[NO]).await;
        assert_eq!(made, 1);
        let (trial, made, _) = run(4, 1, Some(Settle::LOCAL), &[NO, YES]).await;
        assert_eq!((made, trial.flaky), (2, false));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_waited_in_vain_is_told() {
        let silent = Outcome::Timeout;
        let (trial, _, _) = run(3, 1, None, &[silent, silent, YES]).await;
        assert_eq!(covered(trial.waits), SECOND * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn waits_that_overlap_count_once() {
        let start = Instant::now();
        let wait = |from: u64, long: u64| {
            let from = start + Duration::from_millis(from);
            (from, Duration::from_millis(long))
        };
        for (waits, millis) in [
            (vec![], 0),
            (vec![wait(0, 100), wait(0, 100)], 100),
            (vec![wait(50, 100), wait(0, 100)], 150),
            (vec![wait(0, 300), wait(100, 100), wait(250, 100)], 350),
            (vec![wait(0, 100), wait(200, 100)], 200),
        ] {
            assert_eq!(covered(waits), Duration::from_millis(millis));
        }
    }
}
