//! What is settled before the first request: every state compiles, and the budget allows it.

use std::net::Ipv4Addr;

use crate::compile::{Compiled, Compiler};
use crate::net::Prefix;
use crate::topology::{Experiment, ProbeTarget, Step};

use super::RunError;
use super::experiment::Prepared;

/// Why an experiment is refused before anything is deployed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// More clusters than the budget allows.
    #[error("the experiment needs {needed} clusters, its budget allows {allowed}")]
    Clusters {
        /// What the largest states need, over all combinations.
        needed: usize,
        /// What the budget allows.
        allowed: u32,
    },
    /// More resources than the budget allows.
    #[error("the experiment needs {needed} resources, its budget allows {allowed}")]
    Resources {
        /// What the largest states need, over all combinations.
        needed: usize,
        /// What the budget allows.
        allowed: u32,
    },
    /// A probe calls an address that the local Azure cannot carry packets to.
    #[error(
        "probe `{probe}` calls {address}: the local Azure has no Internet; run it with `--target azure`"
    )]
    NoInternet {
        /// The probe.
        probe: String,
        /// The address.
        address: Ipv4Addr,
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

/// Checks the largest states of all experiments together against the budget that they share.
pub(super) fn check(prepared: &[Prepared<'_>]) -> Result<(), Refusal> {
    let largest = |size: &dyn Fn(&Step, &Compiled) -> usize| {
        let experiments = prepared.iter().map(|prepared| {
            let states = prepared.experiment.steps.iter().zip(&prepared.compiled);
            states.map(|(step, compiled)| size(step, compiled)).max()
        });
        experiments.flatten().sum::<usize>()
    };
    let Some(budget) = prepared.first().map(|first| first.experiment.budget) else {
        return Ok(());
    };
    let exceeds = |needed: usize| move |allowed: &u32| needed > *allowed as usize;
    let needed = largest(&|step, _| step.topology.clusters.len());
    if let Some(allowed) = budget.clusters.filter(exceeds(needed)) {
        return Err(Refusal::Clusters { needed, allowed });
    }
    let needed = largest(&|_, compiled| compiled.template.resources.len());
    if let Some(allowed) = budget.resources.filter(exceeds(needed)) {
        return Err(Refusal::Resources { needed, allowed });
    }
    Ok(())
}

/// Refuses, before anything is deployed, what the local Azure cannot carry: a call that its routes would
/// send to the Internet (R21, R35) meets nobody there, which says nothing about Azure.
pub(super) fn carried_locally(experiment: &Experiment) -> Result<(), Refusal> {
    // The ranges that a system route drops where no virtual network has them (R35).
    const DROPPED: [(Ipv4Addr, u8); 4] = [
        (Ipv4Addr::new(10, 0, 0, 0), 8),
        (Ipv4Addr::new(172, 16, 0, 0), 12),
        (Ipv4Addr::new(192, 168, 0, 0), 16),
        (Ipv4Addr::new(100, 64, 0, 0), 10),
    ];
    let dropped = DROPPED.map(|(address, length)| Prefix::new_assert(address, length));
    for topology in experiment.steps.iter().map(|step| &step.topology) {
        let spaces = topology
            .virtual_networks
            .values()
            .flat_map(|vnet| &vnet.address_space);
        let known = spaces.chain(&dropped).collect::<Vec<_>>();
        for (name, probe) in &topology.probes {
            if let ProbeTarget::Address(address) = probe.to
                && !known.iter().any(|prefix| prefix.contains(&address))
            {
                return Err(Refusal::NoInternet {
                    probe: name.to_string(),
                    address,
                });
            }
        }
    }
    Ok(())
}
