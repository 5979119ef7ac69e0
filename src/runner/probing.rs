//! One probe: its command in the caller's container, its reading, its evidence, its verdict.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use crate::arm::{Addresses, ResourceId};
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

/// Between two tries of a probe that waits for a change to show.
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

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
}

impl Context<'_> {
    /// Runs a probe once, or, after a deployment, until it settles.
    pub(super) async fn probe(
        &mut self,
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
        let started = Instant::now();
        let until = started
            + if settle {
                self.target.settle.within
            } else {
                Duration::ZERO
            };
        let stable = if settle { self.target.settle.stable } else { 1 };
        let mut agreed = 0;
        loop {
            let began = Instant::now();
            let observation = self.observe(&plan, caller).await;
            let took = began.elapsed();
            if observation.outcome.outcome() == Some(Outcome::Timeout) {
                self.probes_waited += plan.probe.timeout;
            }
            let tried = Tried {
                name: wanted.probe.clone(),
                plan: plan.clone(),
                expected: expected.clone(),
                predicted: predicted.clone(),
                observation,
                took,
                unstable: false,
            };
            let judged = self.judged(&tried);
            agreed = if judged.verdict == Verdict::Pass {
                agreed + 1
            } else {
                0
            };
            if agreed >= stable || Instant::now() >= until || self.cancel.is_cancelled() {
                return Tried {
                    unstable: (1..stable).contains(&agreed),
                    ..tried
                };
            }
            tokio::select! {
                () = tokio::time::sleep(BETWEEN_TRIES) => {}
                () = self.cancel.cancelled() => {}
            }
        }
    }

    /// The probe's plan with the called workload's address filled in.
    fn plan(&self, name: &Name, compiled: &Compiled, addresses: &Addresses) -> ProbePlan {
        let mut plan = compiled.manifest.probes[name].clone();
        if let Some(target) = &plan.target {
            let address = of_workload(addresses, &compiled.manifest.workloads[target]);
            plan.probe.address = address.unwrap_or(Ipv4Addr::UNSPECIFIED);
        }
        plan
    }

    async fn observe(&mut self, plan: &ProbePlan, caller: &Workload) -> Observation {
        // Each try has a nonce of its own, so that no line and no packet of another try can be taken for it.
        let nonce = uuid::Uuid::new_v4().simple().to_string();
        let unread = |reason: String| Observation {
            outcome: Observed::Inconclusive { reason },
            ..plan.probe.read(&nonce, "")
        };
        if plan.probe.address.is_unspecified() {
            return unread("the target has not told the called workload's address".to_owned());
        }
        let mut observation = match self.exec(plan, caller, &nonce).await {
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
        &mut self,
        plan: &ProbePlan,
        caller: &Workload,
        nonce: &str,
    ) -> Result<String, StepError> {
        let argv = plan.probe.command(nonce);
        let urls = u32::try_from(plan.probe.paths.len()).unwrap_or(u32::MAX);
        let limit = plan.probe.timeout * urls + EXEC_MARGIN;
        match caller {
            Workload::Pod { cluster, name, .. } => {
                let output = self
                    .cluster(cluster)
                    .await?
                    .exec(NAMESPACE, name, &argv, limit)
                    .await?;
                Ok(output.stdout)
            }
            Workload::ContainerGroup { key } => {
                let id = ResourceId::in_group(&self.target.subscription, self.group, key);
                let client = &self.target.client;
                Ok(client.exec_in_container_group(&id, &argv, limit).await?)
            }
        }
    }

    fn judged(&self, tried: &Tried) -> Judgement {
        let standing = Standing {
            positive_control: self.positive_control || is_positive(tried),
            decider_observable: self.target.keeps_evidence(),
        };
        judge(
            &tried.expected,
            tried.predicted.as_ref(),
            &tried.observation,
            standing,
        )
    }

    /// Notes that something was reached, for the negatives of this step and of those to come.
    pub(super) fn note_control(&mut self, tried: &Tried) {
        self.positive_control |= is_positive(tried);
    }

    /// Judges a probe and makes its record.
    pub(super) fn record(&self, tried: Tried) -> ProbeRecord {
        let Judgement {
            mut verdict,
            mut differs,
            ..
        } = self.judged(&tried);
        if tried.unstable && verdict == Verdict::Pass {
            verdict = Verdict::Inconclusive;
            let tries = self.target.settle.stable;
            differs.push(format!(
                "the last {tries} tries did not agree before the time to settle was over"
            ));
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

fn is_positive(tried: &Tried) -> bool {
    tried
        .observation
        .outcome
        .outcome()
        .is_some_and(Outcome::is_positive)
}

/// What a state of the network looks like once it is deployed.
pub(super) struct State {
    /// The addresses that the target told.
    pub(super) addresses: Addresses,
    /// The expanded resources of the whole template.
    pub(super) resources: Vec<crate::arm::Resource>,
}
