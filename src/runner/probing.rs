//! The probes of a step: their commands in the callers' containers, their readings, their evidence,
//! their verdicts.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::StreamExt;

use crate::arm::Addresses;
use crate::compile::{Compiled, ProbePlan, Workload};
use crate::predict::concrete::predict;
use crate::topology::Name;
use crate::topology::ProbeExpectation;
use crate::verdict::event::{ObservedRecord, ProbeRecord};
use crate::verdict::{
    Expectation, Judgement, Observation, Observed, Outcome, Prediction, Standing, Verdict, judge,
};

use super::addresses::of_workload;
use super::deployment::NAMESPACE;
use super::error::StepError;
use super::steps::Context;
use super::{expectation, millis};
use crate::verdict::event::error_chain;

/// What the exec machinery may take on top of the probe's own time.
const EXEC_MARGIN: Duration = Duration::from_secs(30);

/// How many probes of a step run at once: enough that one silence does not hold up the others, few
/// enough that a caller's container is not crowded.
const AT_ONCE: usize = 8;

/// A probe that ran, before it is judged: a positive control may come later in the same step.
pub(super) struct Tried {
    name: Name,
    plan: ProbePlan,
    expected: Expectation,
    predicted: Option<Prediction>,
    observation: Observation,
    took: Duration,
    /// Whether it passed in the end, but not often enough in a row before the time to settle was over.
    unstable: bool,
    /// Whether it passed late, and no change explains why.
    flaky: bool,
    /// When tries waited in vain, and for how long.
    waits: Vec<(Instant, Duration)>,
}

/// One connection of a try.
struct Tested {
    observation: Observation,
    took: Duration,
}

impl Context<'_> {
    /// Runs the probes of a step, several at once; in the order of the step. `None` is a probe that was
    /// not begun, because the run was interrupted.
    pub(super) async fn probes(
        &mut self,
        wanted: &[ProbeExpectation],
        compiled: &Compiled,
        state: &State,
        settle: bool,
    ) -> Vec<Option<Tried>> {
        let this = &*self;
        let probes = wanted.iter().map(|wanted| async move {
            if this.cancel.is_cancelled() {
                return None;
            }
            let tried = this.probe(wanted, compiled, state, settle).await;
            this.note_control(&tried.observation);
            Some(tried)
        });
        let tried = futures::stream::iter(probes)
            .buffered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        let waits = tried.iter().flatten().flat_map(|tried| tried.waits.clone());
        self.probes_waited += covered(waits.collect());
        tried
    }

    /// Tries a probe until it fits, or, after a deployment, until it settles.
    async fn probe(
        &self,
        wanted: &ProbeExpectation,
        compiled: &Compiled,
        state: &State,
        settle: bool,
    ) -> Tried {
        let plan = self.plan(&wanted.probe, compiled, &state.addresses);
        let caller = &compiled.manifest.workloads[&plan.from];
        let expected = expectation::resolve(
            &wanted.expectation,
            caller,
            &compiled.manifest,
            &state.addresses,
        );
        let predicted = predict(&state.resources, &state.addresses, &plan.question);
        if let Err(error) = &predicted {
            self.progress(format!(
                "no prediction for `{}`: {}",
                wanted.probe,
                error_chain(error)
            ));
        }
        let predicted = predicted.ok();
        let (within, stable) = if settle {
            (self.target.settle.within, self.target.settle.stable)
        } else {
            (Duration::ZERO, 1)
        };
        let until = Instant::now() + within;
        let mut waits = Vec::new();
        let (mut tries, mut agreed) = (0, 0);
        loop {
            tries += 1;
            let fits = |observation: &Observation| {
                let predicted = predicted.as_ref();
                self.judged(&expected, predicted, observation).verdict == Verdict::Pass
            };
            let (tested, passed) = self.attempt(&plan, caller, &fits, &mut waits).await;
            agreed = if passed { agreed + 1 } else { 0 };
            let over = Instant::now() >= until && tries >= plan.repeat.attempts;
            if agreed >= stable || over || self.cancel.is_cancelled() {
                return Tried {
                    name: wanted.probe.clone(),
                    unstable: (1..stable).contains(&agreed),
                    flaky: passed && tries > 1 && !settle,
                    plan,
                    expected,
                    predicted,
                    observation: tested.observation,
                    took: tested.took,
                    waits,
                };
            }
            if !passed {
                let word = tested.observation.outcome.word();
                self.progress(format!("`{}`, try {tries}: {word}", wanted.probe));
            }
            tokio::select! {
                () = tokio::time::sleep(plan.repeat.every) => {}
                () = self.cancel.cancelled() => {}
            }
        }
    }

    /// One try: its connections one after the other. Shown is the first that does not fit, or the last.
    async fn attempt(
        &self,
        plan: &ProbePlan,
        caller: &Workload,
        fits: &(dyn Fn(&Observation) -> bool + Sync),
        waits: &mut Vec<(Instant, Duration)>,
    ) -> (Tested, bool) {
        let mut connections = 0;
        loop {
            connections += 1;
            let began = Instant::now();
            let observation = self.observe(plan, caller).await;
            let took = began.elapsed();
            if observation.outcome.outcome() == Some(Outcome::Timeout) {
                waits.push((began, plan.probe.timeout.min(took)));
            }
            let passed = fits(&observation);
            if !passed || connections >= plan.repeat.count || self.cancel.is_cancelled() {
                return (Tested { observation, took }, passed);
            }
        }
    }

    /// The probe's plan with the called workload's address filled in.
    fn plan(&self, name: &Name, compiled: &Compiled, addresses: &Addresses) -> ProbePlan {
        let mut plan = compiled.manifest.probes[name].clone();
        if let Some(target) = &plan.target {
            plan.probe.address = of_workload(addresses, &compiled.manifest.workloads[target]);
        }
        plan
    }

    async fn observe(&self, plan: &ProbePlan, caller: &Workload) -> Observation {
        // Each try has a nonce of its own, so that no line and no packet of another try can be taken for it.
        let nonce = uuid::Uuid::new_v4().simple().to_string();
        let unread = |reason: String| Observation {
            outcome: Observed::Inconclusive { reason },
            ..plan.probe.read(&nonce, "")
        };
        let Some(argv) = plan.probe.command(&nonce) else {
            return unread("the target has not told the called workload's address".to_owned());
        };
        let mut observation = match self.exec(plan, caller, &argv).await {
            Ok(output) => plan.probe.read(&nonce, &output),
            Err(error) => unread(format!("the probe could not run: {}", error_chain(&error))),
        };
        observation.simulated = self.target.is_simulated();
        if self.target.keeps_evidence() {
            match self.target.client.evidence(&nonce).await {
                Ok(evidence) => observation.evidence = evidence,
                Err(error) => {
                    self.progress(format!("no evidence for a probe: {}", error_chain(&error)))
                }
            }
        }
        observation
    }

    async fn exec(
        &self,
        plan: &ProbePlan,
        caller: &Workload,
        argv: &[String],
    ) -> Result<String, StepError> {
        let limit = plan.probe.longest() + EXEC_MARGIN;
        match caller {
            Workload::Pod { cluster, name, .. } => {
                // Connected when the addresses of the step were asked for.
                let connected = self.clusters.get(cluster);
                let connected = connected.ok_or_else(|| StepError::Command {
                    message: format!("cluster `{}` is gone", cluster.name),
                })?;
                let output = connected.exec(NAMESPACE, name, argv, limit).await?;
                // Why the command did not run says more than that its line is missing.
                if output.stdout.is_empty() && !output.stderr.is_empty() {
                    let message = output.stderr.trim_end().to_owned();
                    return Err(StepError::Command { message });
                }
                Ok(output.stdout)
            }
            // `topology::resolve` refuses a container group as a caller.
            Workload::ContainerGroup { key } => Err(StepError::Unsupported {
                operation: format!("running a probe inside container group `{}`", key.name),
            }),
        }
    }

    fn judged(
        &self,
        expected: &Expectation,
        predicted: Option<&Prediction>,
        observation: &Observation,
    ) -> Judgement {
        let standing = Standing {
            positive_control: self.positive_control.load(Ordering::Relaxed)
                || is_positive(observation),
            decider_observable: self.target.keeps_evidence(),
        };
        judge(expected, predicted, observation, standing)
    }

    /// Notes that something was reached, for the negatives of this step and of those to come.
    fn note_control(&self, observation: &Observation) {
        if is_positive(observation) {
            self.positive_control.store(true, Ordering::Relaxed);
        }
    }

    /// Judges a probe and makes its record.
    pub(super) fn record(&self, tried: Tried) -> ProbeRecord {
        let Judgement {
            mut verdict,
            mut differs,
            ..
        } = self.judged(
            &tried.expected,
            tried.predicted.as_ref(),
            &tried.observation,
        );
        if tried.unstable && verdict == Verdict::Pass {
            verdict = Verdict::Inconclusive;
            let tries = self.target.settle.stable;
            differs.push(format!(
                "the last {tries} tries did not agree before the time to settle was over"
            ));
        }
        if tried.flaky && verdict == Verdict::Pass {
            verdict = Verdict::Flaky;
        }
        let Observation {
            outcome,
            status,
            body,
            source,
            urls,
            simulated,
            evidence,
            ..
        } = tried.observation;
        let reason = match &outcome {
            Observed::Is(_) => None,
            Observed::Inconclusive { reason } => Some(reason.clone()),
        };
        ProbeRecord {
            name: tried.name.to_string(),
            from: tried.plan.from.to_string(),
            to: tried.plan.to,
            expected: expectation::record(&tried.expected),
            predicted: tried.predicted,
            observed: ObservedRecord {
                outcome: outcome.word().to_owned(),
                reason,
                status,
                body,
                source,
                urls,
                simulated,
                duration_ms: millis(tried.took),
                evidence,
            },
            differs,
            verdict,
        }
    }
}

fn is_positive(observation: &Observation) -> bool {
    let outcome = observation.outcome.outcome();
    outcome.is_some_and(Outcome::is_positive)
}

/// How long any of the waits went on: what they have in common counts once.
fn covered(mut waits: Vec<(Instant, Duration)>) -> Duration {
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

/// What a state of the network looks like once it is deployed.
pub(super) struct State {
    /// The addresses that the target told.
    pub(super) addresses: Addresses,
    /// The expanded resources of the whole template.
    pub(super) resources: Vec<crate::arm::Resource>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_that_overlap_count_once() {
        let start = Instant::now();
        let wait = |from: u64, long: u64| {
            (
                start + Duration::from_millis(from),
                Duration::from_millis(long),
            )
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
