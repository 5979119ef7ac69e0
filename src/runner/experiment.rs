//! One experiment: a resource group, the steps in it, and its end.

use std::collections::BTreeMap;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::compile::Compiled;
use crate::topology::{Cleanup, Experiment};
use crate::verdict::event::{CombinationRecord, Event, StepRecord, TargetName, error_chain};
use crate::verdict::{Verdict, combine, exit_code};

use super::secrets::Secrets;
use super::{Refusal, RunError, Target, deployment, millis, planes, preflight, steps};

/// An experiment that may be run.
pub(super) struct Prepared<'e> {
    pub(super) experiment: &'e Experiment,
    /// The state of the network in every step; empty where none of them is run here.
    pub(super) compiled: Vec<Compiled>,
    location: String,
}

impl<'e> Prepared<'e> {
    /// Settles what can be settled before the first request.
    pub(super) fn new(
        experiment: &'e Experiment,
        target: &Target,
    ) -> Result<Prepared<'e>, RunError> {
        let compiled = match planes::include(&experiment.planes, target.name) {
            true => preflight::compile(experiment)?,
            false => Vec::new(),
        };
        if target.name == TargetName::Local && !compiled.is_empty() {
            preflight::carried_locally(experiment)?;
        }
        let location = experiment
            .location
            .clone()
            .or_else(|| target.default_location.clone())
            .ok_or(Refusal::NoLocation)?;
        Ok(Prepared {
            experiment,
            compiled,
            location,
        })
    }

    /// The record of an experiment of which nothing was run.
    pub(super) fn nothing_run(&self) -> CombinationRecord {
        let rows = self.experiment.combination.iter();
        let mut steps = Vec::new();
        skip_rest(self.experiment, &mut steps);
        CombinationRecord {
            rows: rows
                .map(|(axis, row)| (axis.to_string(), row.clone()))
                .collect(),
            verdict: Verdict::Skipped,
            exit_code: exit_code(Verdict::Skipped, false),
            duration_ms: 0,
            probes_waited_ms: 0,
            steps,
            error: None,
        }
    }
}

/// What the experiments of a run share.
pub(super) struct Run<'r> {
    pub(super) target: &'r Target,
    pub(super) secrets: &'r Secrets,
    pub(super) cancel: &'r CancellationToken,
    pub(super) abandon: &'r CancellationToken,
    /// When the time budget of all of them ends.
    pub(super) deadline: Option<Instant>,
}

impl Run<'_> {
    /// Runs an experiment: its steps, and the cleanup whatever happens on the way.
    ///
    /// # Errors
    /// [`RunError::Group`] where nothing could be deployed.
    pub(super) async fn experiment(
        &self,
        prepared: &Prepared<'_>,
        emit: &(dyn Fn(Event) + Send + Sync),
    ) -> Result<CombinationRecord, RunError> {
        let started = Instant::now();
        let Prepared {
            experiment,
            compiled,
            location,
        } = prepared;
        let interrupted = CombinationRecord {
            exit_code: 130,
            ..prepared.nothing_run()
        };
        if self.cancel.is_cancelled() {
            return Ok(interrupted);
        }
        if let Some(why) = planes::not_here(&experiment.planes, self.target.name) {
            emit(Event::Progress { message: why });
            return Ok(prepared.nothing_run());
        }
        let run_id = uuid::Uuid::new_v4().simple().to_string();
        let group = format!("vnetlab-{}-{}", experiment.name, &run_id[..4]);
        let expires = jiff::Timestamp::now() + experiment.lifecycle.ttl;
        let tags = BTreeMap::from([
            ("vnetlab-run".to_owned(), run_id.clone()),
            ("vnetlab-expires".to_owned(), expires.to_string()),
        ]);
        self.target
            .client
            .put_group(&group, location, &tags)
            .await
            .map_err(|source| RunError::Group {
                group: group.clone(),
                source: Box::new(source),
            })?;

        let mut context = steps::Context::new(self, &group, location, &run_id, emit);
        let mut records = Vec::new();
        for (index, (step, compiled)) in experiment.steps.iter().zip(compiled).enumerate() {
            if self.cancel.is_cancelled() {
                break;
            }
            emit(Event::StepStarted {
                index,
                of: experiment.steps.len(),
                name: step.name.clone(),
                kind: steps::kind(&step.action),
            });
            let (record, goes_on) = context.step(index, step, compiled).await;
            let record = self.secrets.redacted_step(record);
            emit(Event::StepFinished {
                index,
                record: Box::new(record.clone()),
            });
            records.push(record);
            if !goes_on {
                break;
            }
        }
        skip_rest(experiment, &mut records);
        let waited = context.probes_waited;
        let verdict = verdict(&records);
        let residue = self.clean_up(experiment, &group, verdict, emit).await;
        Ok(CombinationRecord {
            verdict,
            exit_code: match self.cancel.is_cancelled() {
                true => 130,
                false => exit_code(verdict, residue),
            },
            duration_ms: millis(started.elapsed()),
            probes_waited_ms: millis(waited),
            steps: records,
            ..interrupted
        })
    }

    /// Deletes the resource group as the lifecycle asks; true when something is left that should not be.
    async fn clean_up(
        &self,
        experiment: &Experiment,
        group: &str,
        verdict: Verdict,
        emit: &(dyn Fn(Event) + Send + Sync),
    ) -> bool {
        let (target, abandon) = (self.target, self.abandon);
        let passed = verdict == Verdict::Pass;
        let keep = match experiment.lifecycle.cleanup {
            Cleanup::Always => false,
            Cleanup::OnSuccess => !passed,
            Cleanup::Never => true,
        };
        // The local Azure ends with the process: there is nothing to keep.
        if keep && target.name == TargetName::Azure {
            emit(Event::Cleanup {
                message: format!("resource group `{group}` is kept, as `cleanup` asks"),
                residue: false,
            });
            return false;
        }
        if !passed
            && !experiment.lifecycle.keep_on_failure.is_zero()
            && target.name == TargetName::Azure
        {
            let wait = experiment.lifecycle.keep_on_failure;
            emit(Event::Cleanup {
                message: format!("resource group `{group}` is kept for {} s", wait.as_secs()),
                residue: false,
            });
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = abandon.cancelled() => {}
            }
        }
        let progress = |_| {};
        let watch = deployment::watch(
            tokio::time::Instant::now() + deployment::OPERATION_LIMIT,
            abandon,
            &progress,
        );
        match target.client.delete_group(group, &watch).await {
            Ok(()) => {
                emit(Event::Cleanup {
                    message: format!("resource group `{group}` is deleted"),
                    residue: false,
                });
                false
            }
            Err(error) => {
                let cause = error_chain(&error);
                emit(Event::Cleanup {
                    message: format!("resource group `{group}` was not deleted: {cause}"),
                    residue: true,
                });
                true
            }
        }
    }
}

/// The verdict over steps; where there were probes and none was run, nothing has passed.
fn verdict(steps: &[StepRecord]) -> Verdict {
    let verdict = combine(steps.iter().map(|step| step.verdict));
    let mut probes = steps.iter().flat_map(|step| &step.probes).peekable();
    let probed = probes.peek().is_some();
    let skipped = probes.all(|probe| probe.verdict == Verdict::Skipped);
    if verdict == Verdict::Pass && probed && skipped {
        Verdict::Skipped
    } else {
        verdict
    }
}

/// Records the steps that did not run, so that a report has a line for each.
fn skip_rest(experiment: &Experiment, records: &mut Vec<StepRecord>) {
    for step in experiment.steps.iter().skip(records.len()) {
        records.push(StepRecord {
            name: step.name.clone(),
            kind: steps::kind(&step.action),
            verdict: Verdict::Skipped,
            duration_ms: 0,
            deployment: None,
            probes: Vec::new(),
            error: None,
        });
    }
}
