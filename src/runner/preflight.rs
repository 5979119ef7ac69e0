//! What is settled before the first request: every state compiles, and the budget allows it.

use crate::compile::{Compiled, Compiler};
use crate::topology::Experiment;

use super::RunError;

/// Why an experiment is refused before anything is deployed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// More clusters than the budget allows.
    #[error("the experiment needs {needed} clusters, its budget allows {allowed}")]
    Clusters {
        /// What the largest state needs.
        needed: usize,
        /// What the budget allows.
        allowed: u32,
    },
    /// More resources than the budget allows.
    #[error("the experiment needs {needed} resources, its budget allows {allowed}")]
    Resources {
        /// What the largest state needs.
        needed: usize,
        /// What the budget allows.
        allowed: u32,
    },
    /// No region is known.
    #[error("the spec names no `location`, and the target has no default")]
    NoLocation,
}

/// Compiles the state of the network in every step.
pub(super) fn compile(experiment: &Experiment) -> Result<Vec<Compiled>, RunError> {
    let failed = |step: &str| {
        let step = step.to_owned();
        move |source| RunError::Compile {
            step,
            source: Box::new(source),
        }
    };
    let compiler = Compiler::new().map_err(failed("deploy"))?;
    experiment
        .steps
        .iter()
        .map(|step| {
            compiler
                .compile(&step.topology, &experiment.tags)
                .map_err(failed(&step.name))
        })
        .collect()
}

/// Checks the largest state against the budget.
pub(super) fn check(experiment: &Experiment, compiled: &[Compiled]) -> Result<(), Refusal> {
    let clusters = experiment
        .steps
        .iter()
        .map(|step| step.topology.clusters.len())
        .max()
        .unwrap_or(0);
    if let Some(allowed) = experiment
        .budget
        .clusters
        .filter(|allowed| clusters > *allowed as usize)
    {
        return Err(Refusal::Clusters {
            needed: clusters,
            allowed,
        });
    }
    let resources = compiled
        .iter()
        .map(|compiled| compiled.template.resources.len())
        .max()
        .unwrap_or(0);
    if let Some(allowed) = experiment
        .budget
        .resources
        .filter(|allowed| resources > *allowed as usize)
    {
        return Err(Refusal::Resources {
            needed: resources,
            allowed,
        });
    }
    Ok(())
}
