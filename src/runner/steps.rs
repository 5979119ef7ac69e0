//! The steps of a run, one after another.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::arm::{self, Parameters, ResourceKey, Scope};
use crate::client::kubernetes::Cluster;
use crate::compile::Compiled;
use crate::topology::{Action, Step};
use crate::verdict::event::{Event, ProbeRecord, StepKind, StepRecord};
use crate::verdict::{Verdict, combine};

use super::deployment::OPERATION_LIMIT;
use super::experiment::Run;
use super::probing::{State, Tried};
use super::{Target, millis, planes};
use crate::verdict::event::error_chain;

/// What a run carries from step to step.
pub(super) struct Context<'a> {
    pub(super) target: &'a Target,
    pub(super) group: &'a str,
    pub(super) location: &'a str,
    pub(super) run_id: &'a str,
    pub(super) emit: &'a (dyn Fn(Event) + Send + Sync),
    pub(super) cancel: &'a CancellationToken,
    /// When the time budget ends.
    pub(super) budget: Option<Instant>,
    /// The state that is deployed.
    pub(super) deployed: Option<Compiled>,
    /// The clusters whose credentials were fetched.
    pub(super) clusters: BTreeMap<ResourceKey, Cluster>,
    /// Whether a probe has reached something yet.
    pub(super) positive_control: bool,
    /// Whether something was deployed since the last probes, so that the network may still be settling.
    pub(super) unsettled: bool,
    /// How long probes have waited for answers that did not come.
    pub(super) probes_waited: Duration,
}

/// The kind of a step in reports.
pub(super) fn kind(action: &Action) -> StepKind {
    match action {
        Action::Deploy => StepKind::Deploy,
        Action::Change { .. } => StepKind::Change,
        Action::Undo => StepKind::Undo,
        Action::None => StepKind::Probe,
    }
}

/// A probe of a step, before those that ran are judged.
enum Attempt {
    Tried(Tried),
    Skipped(ProbeRecord),
}

/// The verdict over the probes of a step; one that only deploys passes, one whose probes are all skipped does not.
fn verdict(probes: &[ProbeRecord]) -> Verdict {
    let verdicts = probes.iter().map(|probe| probe.verdict);
    match probes {
        [] => Verdict::Pass,
        _ => combine(verdicts),
    }
}

impl<'a> Context<'a> {
    pub(super) fn new(
        run: &'a Run<'_>,
        group: &'a str,
        location: &'a str,
        run_id: &'a str,
        emit: &'a (dyn Fn(Event) + Send + Sync),
    ) -> Context<'a> {
        Context {
            target: run.target,
            group,
            location,
            run_id,
            emit,
            cancel: run.cancel,
            budget: run.deadline,
            deployed: None,
            clusters: BTreeMap::new(),
            positive_control: false,
            unsettled: false,
            probes_waited: Duration::ZERO,
        }
    }

    /// When an operation that begins now must have ended: the time budget counts also while it runs.
    pub(super) fn limit(&self) -> tokio::time::Instant {
        let longest = tokio::time::Instant::now() + OPERATION_LIMIT;
        self.budget.map_or(longest, |end| longest.min(end.into()))
    }

    pub(super) fn progress(&self, message: String) {
        (self.emit)(Event::Progress { message });
    }

    /// Runs one step; the second value says whether the run goes on (a failed deployment ends it).
    pub(super) async fn step(
        &mut self,
        index: usize,
        step: &Step,
        compiled: &Compiled,
    ) -> (StepRecord, bool) {
        let started = Instant::now();
        let mut record = StepRecord {
            name: step.name.clone(),
            kind: kind(&step.action),
            verdict: Verdict::Pass,
            duration_ms: 0,
            deployment: None,
            probes: Vec::new(),
            error: None,
        };
        let result = self.run(index, step, compiled, &mut record).await;
        if let Err(message) = &result {
            record.error = Some(message.clone());
            record.verdict = Verdict::Inconclusive;
        } else if record.verdict != Verdict::Skipped {
            record.verdict = verdict(&record.probes);
        }
        record.duration_ms = millis(started.elapsed());
        (record, result.is_ok())
    }

    async fn run(
        &mut self,
        index: usize,
        step: &Step,
        compiled: &Compiled,
        record: &mut StepRecord,
    ) -> Result<(), String> {
        if self.budget.is_some_and(|end| Instant::now() > end) {
            return Err("the experiment's time budget is used up".to_owned());
        }
        if step.action != Action::None {
            self.unsettled = true;
            record.deployment = self
                .deploy(index, compiled)
                .await
                .map_err(|error| error_chain(&error))?;
        }
        if let Some(why) = planes::not_here(&step.planes, self.target.name) {
            // What a step does to the network it does everywhere: the next one rests on it.
            let skipped = step
                .probes
                .iter()
                .map(|p| planes::skipped(p, compiled, &why));
            record.probes = skipped.collect();
            record.verdict = Verdict::Skipped;
            return Ok(());
        }
        if let Some(wait) = step.wait {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.cancel.cancelled() => return Err("interrupted".to_owned()),
            }
        }
        if step.probes.is_empty() {
            return Ok(());
        }
        let state = self.state(index, compiled).await?;
        let settle = std::mem::take(&mut self.unsettled);
        let mut attempts = Vec::new();
        for wanted in &step.probes {
            if self.cancel.is_cancelled() {
                return Err("interrupted".to_owned());
            }
            if let Some(why) = planes::not_here(&wanted.expectation.planes, self.target.name) {
                attempts.push(Attempt::Skipped(planes::skipped(wanted, compiled, &why)));
                continue;
            }
            let probe = self.probe(wanted, compiled, &state, settle).await;
            self.note_control(&probe);
            attempts.push(Attempt::Tried(probe));
        }
        for attempt in attempts {
            let probe = match attempt {
                Attempt::Tried(probe) => self.record(probe),
                Attempt::Skipped(record) => record,
            };
            (self.emit)(Event::ProbeFinished {
                step: index,
                record: Box::new(probe.clone()),
            });
            record.probes.push(probe);
        }
        Ok(())
    }

    /// The deployed state: addresses from the target, resources from the whole template.
    async fn state(&mut self, index: usize, compiled: &Compiled) -> Result<State, String> {
        let addresses = self
            .addresses(compiled)
            .await
            .map_err(|error| error_chain(&error))?;
        let scope = Scope {
            subscription_id: self.target.subscription.clone(),
            tenant_id: self.target.tenant.clone(),
            resource_group: self.group.to_owned(),
            location: self.location.to_owned(),
            deployment: format!("vnetlab-{}-{index}", &self.run_id[..8]),
        };
        let expansion = arm::expand(&compiled.template, &Parameters::new(), &scope)
            .map_err(|error| format!("the template cannot be expanded: {error}"))?;
        Ok(State {
            addresses,
            resources: expansion.resources,
        })
    }
}
