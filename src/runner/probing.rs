//! The probes of a step: their commands in the callers' containers, their readings, their evidence,
//! their verdicts.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;

use crate::arm::{Addresses, Destination, FlowState, Party, Question, ResourceId};
use crate::compile::{Compiled, ProbePlan};
use crate::predict::concrete::predict;
use crate::probe::Kind;
use crate::topology::{self, Name, ProbeExpectation};
use crate::verdict::event::{ObservedRecord, ProbeRecord};
use crate::verdict::{
    Expectation, Judgement, Observation, Observed, Outcome, Prediction, Standing, Verdict, judge,
};

use super::addresses::of_party;
use super::error::StepError;
use super::pods::NAMESPACE;
use super::steps::Context;
use super::trial::{Rules, Trial, covered};
use super::{Settle, expectation, millis};
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
    trial: Trial,
}

impl Context<'_> {
    /// Runs the probes of a step, several at once; in the order of the step. `None` is a probe that was
    /// not begun, because the run was interrupted.
    pub(super) async fn probes(
        &mut self,
        wanted: &[(&ProbeExpectation, &ProbePlan)],
        compiled: &Compiled,
        state: &State,
        settle: bool,
    ) -> Vec<Option<Tried>> {
        let this = &*self;
        let probes = wanted.iter().map(|&(wanted, plan)| async move {
            if this.cancel.is_cancelled() {
                return None;
            }
            let tried = this.probe(wanted, plan, compiled, state, settle).await;
            this.note_control(&tried.trial.observation);
            Some(tried)
        });
        let tried = futures::stream::iter(probes)
            .buffered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        let waits = tried
            .iter()
            .flatten()
            .flat_map(|tried| tried.trial.waits.clone());
        self.probes_waited += covered(waits.collect());
        tried
    }

    /// Tries a probe until it fits, or, after a deployment, until it settles.
    async fn probe(
        &self,
        wanted: &ProbeExpectation,
        plan: &ProbePlan,
        compiled: &Compiled,
        state: &State,
        settle: bool,
    ) -> Tried {
        let mut plan = with_address(plan, &state.addresses);
        if let Kind::Http(http) | Kind::Https(http) = &mut plan.probe.kind {
            let headers = plan.headers.iter();
            http.headers = headers
                .map(|(name, value)| (name.clone(), self.secrets.text(value)))
                .collect();
        }
        let expected = expectation::resolve(
            &wanted.expectation,
            &plan.question.from,
            &compiled.manifest,
            &state.addresses,
        );
        let flow = self.held.flow(&wanted.probe, &plan);
        let predicted = Mutex::new((flow, self.predict(&wanted.probe, &plan, flow, state)));
        let last = || {
            let predicted = predicted.lock().unwrap_or_else(PoisonError::into_inner);
            predicted.1.clone()
        };
        let rules = Rules {
            repeat: plan.repeat,
            settle: self.settle(&wanted.expectation, settle),
            longest: plan.probe.timeout,
            cancel: self.cancel,
        };
        let fits = |observation: &Observation| {
            let judged = self.judged(&expected, last().as_ref(), observation);
            // That the prediction differs is no reason to try again, unless a change may explain it.
            judged.verdict == Verdict::Pass || (judged.verdict == Verdict::Diverged && !settle)
        };
        let missed = |number, observation: &Observation| {
            let word = observation.outcome.word();
            self.progress(format!("`{}`, try {number}: {word}", wanted.probe));
        };
        let connect = async || {
            // The try before may have opened the connection.
            let flow = self.held.flow(&wanted.probe, &plan);
            if let Ok(mut predicted) = predicted.lock()
                && predicted.0 != flow
            {
                *predicted = (flow, self.predict(&wanted.probe, &plan, flow, state));
            }
            let observation = self.observe(&plan).await;
            self.held.note(&wanted.probe, &plan, &observation);
            observation
        };
        let trial = rules.run(connect, fits, missed).await;
        let predicted = last();
        Tried {
            name: wanted.probe.clone(),
            plan,
            expected,
            predicted,
            trial,
        }
    }

    /// How a change settles, in the author's words where there are any.
    fn settle(&self, wanted: &topology::Expectation, changed: bool) -> Option<Settle> {
        let given = wanted.within.is_some() || wanted.stable.is_some();
        let default = match changed {
            true => self.target.settle,
            false => Settle {
                within: Duration::ZERO,
                stable: 1,
            },
        };
        (changed || given).then(|| Settle {
            within: wanted.within.unwrap_or(default.within),
            stable: wanted.stable.unwrap_or(default.stable),
        })
    }

    /// What the deployed state implies for a try of a probe; `None` where the analysis cannot answer.
    fn predict(
        &self,
        name: &Name,
        plan: &ProbePlan,
        flow: FlowState,
        state: &State,
    ) -> Option<Prediction> {
        let question = Question {
            flow,
            ..plan.question.clone()
        };
        let predicted = predict(&state.resources, &state.addresses, &question);
        if let Err(error) = &predicted {
            let why = error_chain(error);
            self.progress(format!("no prediction for `{name}`: {why}"));
        }
        predicted.ok()
    }

    async fn observe(&self, plan: &ProbePlan) -> Observation {
        // Each try has a nonce of its own, so that no line and no packet of another try can be taken for it.
        let nonce = uuid::Uuid::new_v4().simple().to_string();
        let unread = |reason: String| Observation {
            outcome: Observed::Inconclusive { reason },
            ..plan.probe.read(&nonce, "")
        };
        let Some(argv) = plan.probe.command(&nonce) else {
            return unread("the target has not told the called workload's address".to_owned());
        };
        let mut observation = match self.exec(plan, &argv).await {
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

    async fn exec(&self, plan: &ProbePlan, argv: &[String]) -> Result<String, StepError> {
        let limit = plan.probe.longest() + EXEC_MARGIN;
        match &plan.question.from {
            Party::Pod { cluster, name, .. } => {
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
            Party::ContainerGroup(key) => {
                let id = ResourceId::in_group(&self.target.subscription, self.group, key);
                let client = &self.target.client;
                Ok(client.exec_in_container_group(&id, argv, limit).await?)
            }
            // No workload stands for one yet.
            Party::NetworkInterface(key) => Err(StepError::Unsupported {
                operation: format!("running a probe inside `{key}`"),
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
            &tried.trial.observation,
        );
        if tried.trial.unstable && verdict == Verdict::Pass {
            verdict = Verdict::Inconclusive;
            let tries = self.target.settle.stable;
            differs.push(format!(
                "the last {tries} tries did not agree before the time to settle was over"
            ));
        }
        if tried.trial.flaky && verdict == Verdict::Pass {
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
        } = tried.trial.observation;
        let reason = match &outcome {
            Observed::Is(_) => None,
            Observed::Inconclusive { reason } => Some(self.secrets.redacted(reason.clone())),
        };
        ProbeRecord {
            name: tried.name.to_string(),
            from: tried.plan.caller,
            to: tried.plan.to,
            expected: expectation::record(&tried.expected),
            predicted: tried.predicted,
            observed: ObservedRecord {
                outcome: outcome.word().to_owned(),
                reason,
                status,
                body: body.map(|body| self.secrets.redacted(body)),
                source,
                urls,
                simulated,
                duration_ms: millis(tried.trial.took),
                evidence,
            },
            differs,
            verdict,
        }
    }
}

/// A probe's plan with the called workload's address filled in.
fn with_address(plan: &ProbePlan, addresses: &Addresses) -> ProbePlan {
    let mut plan = plan.clone();
    if let (Destination::Party(called), Some(_)) = (&plan.question.to, &plan.target) {
        plan.probe.address = of_party(addresses, called);
    }
    plan
}

fn is_positive(observation: &Observation) -> bool {
    let outcome = observation.outcome.outcome();
    outcome.is_some_and(Outcome::is_positive)
}

/// What a state of the network looks like once it is deployed.
pub(super) struct State {
    /// The addresses that the target told.
    pub(super) addresses: Addresses,
    /// The expanded resources of the whole template.
    pub(super) resources: Vec<crate::arm::Resource>,
}
