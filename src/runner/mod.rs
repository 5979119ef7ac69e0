//! An experiment from deploy to teardown.
//!
//! The runner turns each step into a deployment and probes, sets expected, predicted and observed side
//! by side, and emits [`Event`]s; it never prints. It knows a target by its client alone: whether that
//! is Azure or the local Azure is none of its business, save for what [`Target`] says of it.

mod addresses;
mod deployment;
mod error;
mod expectation;
mod held;
mod parameters;
mod pods;
mod preflight;
mod probing;
mod secrets;
mod steps;
mod trial;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::client::{Client, ClientError};
use crate::compile::{CompileError, Compiler};
use crate::topology::{Cleanup, ClusterNetwork, Experiment};
use crate::verdict::event::{
    Event, FabricName, Report, SpecRecord, StepRecord, TargetName, error_chain,
};
use crate::verdict::{Verdict, combine, exit_code};

pub use preflight::Refusal;

/// Where an experiment is deployed.
pub struct Target {
    /// The ARM API.
    pub client: Client,
    /// The target's name in reports.
    pub name: TargetName,
    /// What its network is made of.
    pub fabric: FabricName,
    /// The subscription's id.
    pub subscription: String,
    /// The tenant's id; all zeros where it is not known (it decides no resource of ours).
    pub tenant: String,
    /// The region where the spec names none.
    pub default_location: Option<String>,
    /// How long the network may take to show a change.
    pub settle: Settle,
    /// Things the reader of a report must know.
    pub notes: Vec<String>,
}

impl Target {
    /// Whether the target keeps a record of packets and deciding rules.
    fn keeps_evidence(&self) -> bool {
        self.fabric == FabricName::Lab
    }

    fn is_simulated(&self) -> bool {
        self.fabric == FabricName::Model
    }
}

/// How long a change may take to show, and how many tries in a row must then agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settle {
    /// The longest time; zero where a change holds as soon as its deployment succeeded.
    pub within: Duration,
    /// The number of tries in a row.
    pub stable: u32,
}

impl Settle {
    /// The local Azure: a deployment has succeeded when the network carries it.
    pub const LOCAL: Settle = Settle {
        within: Duration::ZERO,
        stable: 1,
    };
    /// Azure: rules need time to apply, and no page says how much (R85).
    pub const AZURE: Settle = Settle {
        within: Duration::from_secs(120),
        stable: 3,
    };
}

/// Why an experiment was not run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Refused before anything was deployed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A topology cannot be compiled.
    #[error("cannot compile step `{step}`")]
    Compile {
        /// The step.
        step: String,
        /// Why.
        #[source]
        source: Box<CompileError>,
    },
    /// The resource group cannot be made.
    #[error("cannot create resource group `{group}`")]
    Group {
        /// The group.
        group: String,
        /// Why.
        #[source]
        source: Box<ClientError>,
    },
}

/// Runs an experiment: deploys, probes, changes, and cleans up, whatever happens on the way.
///
/// `cancel` interrupts it; the cleanup still runs, until `abandon` is cancelled too. The report's exit
/// code follows the documented precedence.
///
/// # Errors
/// [`RunError`] when nothing was deployed; all that goes wrong later is in the report.
pub async fn run(
    experiment: &Experiment,
    compiler: &Compiler,
    file: PathBuf,
    target: &Target,
    emit: &(dyn Fn(Event) + Send + Sync),
    cancel: &CancellationToken,
    abandon: &CancellationToken,
) -> Result<Report, RunError> {
    let started = Instant::now();
    let notes = notes(experiment, target);
    emit(Event::RunStarted {
        name: experiment.name.to_string(),
        file: file.clone(),
        target: target.name,
        fabric: target.fabric,
        notes: notes.clone(),
    });
    let compiled = preflight::compile(compiler, experiment)?;
    preflight::check(experiment, &compiled)?;
    preflight::judged(experiment)?;
    let secrets = preflight::secrets(experiment, &compiled, &file)?;
    if target.name == TargetName::Local {
        preflight::carried_locally(experiment)?;
    }
    let location = experiment
        .location
        .clone()
        .or_else(|| target.default_location.clone())
        .ok_or(Refusal::NoLocation)?;

    let run_id = uuid::Uuid::new_v4().simple().to_string();
    let group = format!("vnetlab-{}-{}", experiment.name, &run_id[..4]);
    let expires = jiff::Timestamp::now() + experiment.lifecycle.ttl;
    let tags = BTreeMap::from([
        ("vnetlab-run".to_owned(), run_id.clone()),
        ("vnetlab-expires".to_owned(), expires.to_string()),
    ]);
    target
        .client
        .put_group(&group, &location, &tags)
        .await
        .map_err(|source| RunError::Group {
            group: group.clone(),
            source: Box::new(source),
        })?;

    let budget = experiment.budget.time.map(|time| started + time);
    let mut context = steps::Context::new(target, &group, &location, &run_id, emit, cancel, budget);
    context.secrets = secrets;
    let mut records = Vec::new();
    for (index, (step, states)) in experiment.steps.iter().zip(&compiled).enumerate() {
        if cancel.is_cancelled() {
            break;
        }
        let name = step.name.clone();
        let kind = steps::kind(&step.action);
        emit(Event::StepStarted {
            index,
            of: experiment.steps.len(),
            name,
            kind,
        });
        let (record, goes_on) = context.step(index, step, states).await;
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

    let verdict = combine(records.iter().map(|record| record.verdict));
    let residue = clean_up(experiment, target, &group, verdict, emit, abandon).await;
    let interrupted = cancel.is_cancelled();
    let report = Report {
        vnetlab: 1,
        spec: SpecRecord {
            name: experiment.name.to_string(),
            file,
        },
        target: target.name,
        fabric: target.fabric,
        notes,
        verdict,
        exit_code: if interrupted {
            130
        } else {
            exit_code(verdict, residue)
        },
        duration_ms: millis(started.elapsed()),
        probes_waited_ms: millis(waited),
        steps: records,
    };
    emit(Event::RunFinished {
        report: Box::new(report.clone()),
    });
    Ok(report)
}

/// What the reader of a report must know of this experiment on this target.
fn notes(experiment: &Experiment, target: &Target) -> Vec<String> {
    let mut notes = target.notes.clone();
    let states = experiment
        .steps
        .iter()
        .flat_map(|step| step.topology.clusters.values());
    if states
        .into_iter()
        .any(|cluster| cluster.network == ClusterNetwork::Kubenet)
    {
        // R54.
        notes.push(
            "kubenet is legacy: AKS supports it until 2028-03-31; overlay is its successor"
                .to_owned(),
        );
    }
    notes
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

/// Deletes the resource group as the lifecycle asks; true when something is left that should not be.
async fn clean_up(
    experiment: &Experiment,
    target: &Target,
    group: &str,
    verdict: Verdict,
    emit: &(dyn Fn(Event) + Send + Sync),
    abandon: &CancellationToken,
) -> bool {
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

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
