//! Experiments from deploy to teardown: one, or one for each combination of a matrix.
//!
//! The runner turns each step into a deployment and probes, sets expected, predicted and observed side
//! by side, and emits [`Event`]s; it never prints. It knows a target by its client alone: whether that
//! is Azure or the local Azure is none of its business, save for what [`Target`] says of it.

mod addresses;
mod deployment;
mod error;
mod expectation;
mod experiment;
mod planes;
mod preflight;
mod probing;
mod secrets;
mod steps;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::client::{Client, ClientError};
use crate::compile::CompileError;
use crate::topology::{ClusterNetwork, Experiment};
use crate::verdict::combine;
use crate::verdict::event::{
    CombinationRecord, Event, FabricName, Report, SpecRecord, TargetName, error_chain,
};

use experiment::{Prepared, Run};

pub use preflight::Refusal;
pub use secrets::{SecretError, Secrets};

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
    /// A secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// There is no experiment to run.
    #[error("there is no experiment to run")]
    Nothing,
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

/// Runs experiments, the combinations of one spec: each deploys, probes, changes, and cleans up, in a
/// resource group of its own, whatever happens on the way. The budget is theirs together.
///
/// `cancel` interrupts the run; what was deployed is still removed, until `abandon` is cancelled too. The
/// report's exit code follows the documented precedence.
///
/// # Errors
/// [`RunError`] when nothing was deployed; all that goes wrong later is in the report.
pub async fn run(
    experiments: &[Experiment],
    file: PathBuf,
    target: &Target,
    emit: &(dyn Fn(Event) + Send + Sync),
    cancel: &CancellationToken,
    abandon: &CancellationToken,
) -> Result<Report, RunError> {
    let started = Instant::now();
    let first = experiments.first().ok_or(RunError::Nothing)?;
    let notes = notes(experiments, target);
    emit(Event::RunStarted {
        name: first.name.to_string(),
        file: file.clone(),
        target: target.name,
        fabric: target.fabric,
        notes: notes.clone(),
    });
    let prepared = experiments
        .iter()
        .map(|experiment| Prepared::new(experiment, target))
        .collect::<Result<Vec<_>, RunError>>()?;
    preflight::check(&prepared)?;
    let secrets = Secrets::read(experiments)?;
    let emit = |event: Event| emit(secrets.redacted_event(event));
    let run = Run {
        target,
        secrets: &secrets,
        cancel,
        abandon,
        deadline: first.budget.time.map(|time| started + time),
    };
    let mut records = if first.combination.is_empty() {
        vec![run.experiment(&prepared[0], &emit).await?]
    } else {
        let parallel = usize::try_from(side_by_side(experiments, target)).unwrap_or(1);
        let runs = prepared.iter().enumerate();
        let runs = runs.map(|at| run.combination(at, prepared.len(), &emit));
        futures::stream::iter(runs)
            .buffered(parallel)
            .collect()
            .await
    };
    let verdict = combine(records.iter().map(|record| record.verdict));
    let exit_code = combined_exit_code(records.iter().map(|record| record.exit_code));
    let waited = records.iter().map(|record| record.probes_waited_ms).sum();
    let steps = match first.combination.is_empty() {
        true => records.drain(..).flat_map(|record| record.steps).collect(),
        false => Vec::new(),
    };
    let report = Report {
        vnetlab: 1,
        spec: SpecRecord {
            name: first.name.to_string(),
            file,
        },
        target: target.name,
        fabric: target.fabric,
        notes,
        verdict,
        exit_code,
        duration_ms: millis(started.elapsed()),
        probes_waited_ms: waited,
        steps,
        combinations: records,
    };
    emit(Event::RunFinished {
        report: Box::new(report.clone()),
    });
    Ok(report)
}

impl Run<'_> {
    /// Runs one combination of several; one that cannot be deployed does not keep the others from running.
    async fn combination(
        &self,
        (index, prepared): (usize, &Prepared<'_>),
        of: usize,
        emit: &(dyn Fn(Event) + Send + Sync),
    ) -> CombinationRecord {
        let name = prepared.experiment.combination_label();
        emit(Event::CombinationStarted {
            index,
            of,
            name: name.clone(),
        });
        let within = |event| {
            emit(Event::Within {
                combination: name.clone(),
                event: Box::new(event),
            });
        };
        let record = match self.experiment(prepared, &within).await {
            Ok(record) => record,
            Err(error) => CombinationRecord {
                error: Some(self.secrets.redacted(&error_chain(&error))),
                verdict: crate::verdict::Verdict::Inconclusive,
                exit_code: 3,
                ..prepared.nothing_run()
            },
        };
        emit(Event::CombinationFinished {
            index,
            record: Box::new(record.clone()),
        });
        record
    }
}

/// The exit code of a run from those of its combinations: the first of the documented precedence that one
/// has. That nothing ran is said only where it is true of all.
fn combined_exit_code(codes: impl Iterator<Item = i32> + Clone) -> i32 {
    const PRECEDENCE: [i32; 9] = [4, 130, 143, 2, 7, 3, 1, 6, 8];
    let mut precedence = PRECEDENCE.into_iter();
    let first = precedence.find(|code| codes.clone().any(|other| other == *code));
    let mut codes = codes;
    first.unwrap_or(if codes.all(|code| code == 5) { 5 } else { 0 })
}

/// What the reader of a report must know of these experiments on this target.
fn notes(experiments: &[Experiment], target: &Target) -> Vec<String> {
    let mut notes = target.notes.clone();
    let states = experiments
        .iter()
        .flat_map(|experiment| &experiment.steps)
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
    let parallel = experiments
        .first()
        .map_or(1, |first| first.lifecycle.parallel);
    if experiments.len() > 1 && parallel > side_by_side(experiments, target) {
        notes.push(
            "the local Azure is one network: combinations run one after the other".to_owned(),
        );
    }
    notes
}

/// How many combinations run at a time. The local Azure is one network, in which addresses are unique.
fn side_by_side(experiments: &[Experiment], target: &Target) -> u32 {
    match (target.name, experiments.first()) {
        (TargetName::Azure, Some(first)) => first.lifecycle.parallel.max(1),
        _ => 1,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_the_first_of_the_precedence_that_a_combination_has() {
        for (codes, combined) in [
            (&[0, 0][..], 0),
            (&[0, 5], 0),
            (&[5, 5], 5),
            (&[0, 8, 6], 6),
            (&[6, 1], 1),
            (&[1, 3], 3),
            (&[3, 130], 130),
        ] {
            assert_eq!(
                combined_exit_code(codes.iter().copied()),
                combined,
                "{codes:?}"
            );
        }
    }
}
