//! The steps of a run, one after another.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::arm::{self, Parameters, ResourceKey, Scope};
use crate::client::kubernetes::Cluster;
use crate::compile::Compiled;
use crate::topology::{Action, Step};
use crate::verdict::event::{Event, StepKind, StepRecord};
use crate::verdict::{Verdict, combine};

use super::deployment::OPERATION_LIMIT;
use super::held::HeldConnections;
use super::parameters;
use super::probing::State;
use super::secrets::Secrets;
use super::{Target, millis};
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
    /// The addresses that fill the parameters of what is deployed.
    pub(super) told: Parameters,
    /// The values of the secrets.
    pub(super) secrets: Secrets,
    /// The clusters whose credentials were fetched.
    pub(super) clusters: BTreeMap<ResourceKey, Cluster>,
    /// The connections that probes keep.
    pub(super) held: HeldConnections,
    /// Whether a probe has reached something yet.
    pub(super) positive_control: AtomicBool,
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

impl<'a> Context<'a> {
    pub(super) fn new(
        target: &'a Target,
        group: &'a str,
        location: &'a str,
        run_id: &'a str,
        emit: &'a (dyn Fn(Event) + Send + Sync),
        cancel: &'a CancellationToken,
        budget: Option<Instant>,
    ) -> Context<'a> {
        Context {
            target,
            group,
            location,
            run_id,
            emit,
            cancel,
            budget,
            deployed: None,
            told: Parameters::new(),
            secrets: Secrets::default(),
            clusters: BTreeMap::new(),
            held: HeldConnections::default(),
            positive_control: AtomicBool::new(false),
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
        states: &[Compiled],
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
        let result = self.run(index, step, states, &mut record).await;
        if let Err(message) = &result {
            record.error = Some(message.clone());
            record.verdict = Verdict::Inconclusive;
        } else {
            record.verdict = combine(
                record
                    .probes
                    .iter()
                    .map(|probe| probe.verdict)
                    .chain([Verdict::Pass]),
            );
        }
        record.duration_ms = millis(started.elapsed());
        (record, result.is_ok())
    }

    async fn run(
        &mut self,
        index: usize,
        step: &Step,
        states: &[Compiled],
        record: &mut StepRecord,
    ) -> Result<(), String> {
        if self.budget.is_some_and(|end| Instant::now() > end) {
            return Err("the experiment's time budget is used up".to_owned());
        }
        if step.action != Action::None {
            self.unsettled = true;
            for (part, compiled) in states.iter().enumerate() {
                let name = match states {
                    [_] => self.deployment(index),
                    _ => format!("{}-{}", self.deployment(index), part + 1),
                };
                let deployed = self
                    .deploy(&name, compiled)
                    .await
                    .map_err(|error| error_chain(&error))?;
                record.deployment = match (record.deployment.take(), deployed) {
                    (Some(mut before), Some(deployed)) => {
                        before.resources.extend(deployed.resources);
                        before.deleted.extend(deployed.deleted);
                        Some(before)
                    }
                    (before, deployed) => before.or(deployed),
                };
            }
        }
        let Some(compiled) = states.last() else {
            return Err("the step has no state".to_owned());
        };
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
        let mut wanted = Vec::new();
        for probe in &step.probes {
            let plans = compiled.manifest.probes.get(&probe.probe);
            let plans = plans.ok_or_else(|| {
                format!(
                    "probe `{}` cannot run: one of its ends is not deployed",
                    probe.probe
                )
            })?;
            wanted.extend(plans.iter().map(|plan| (probe, plan)));
        }
        let tried = self.probes(&wanted, compiled, &state, settle).await;
        let interrupted = tried.iter().any(Option::is_none);
        for probe in tried.into_iter().flatten() {
            let probe = self.record(probe);
            (self.emit)(Event::ProbeFinished {
                step: index,
                record: Box::new(probe.clone()),
            });
            record.probes.push(probe);
        }
        if interrupted {
            return Err("interrupted".to_owned());
        }
        Ok(())
    }

    /// The name of a step's deployment.
    fn deployment(&self, step: usize) -> String {
        format!("vnetlab-{}-{step}", &self.run_id[..8])
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
            deployment: self.deployment(index),
        };
        let parameters =
            parameters::without_secrets(&compiled.template, &compiled.manifest, &self.told);
        let expansion = arm::expand(&compiled.template, &parameters, &scope)
            .map_err(|error| format!("the template cannot be expanded: {error}"))?;
        Ok(State {
            addresses,
            resources: expansion.resources,
        })
    }
}
