//! What is settled before the first request: every state compiles, and the budget allows it.

use std::net::Ipv4Addr;
use std::path::Path;

use crate::compile::{Compiled, Compiler};
use crate::net::Prefix;
use crate::topology::{Experiment, ProbeTarget, Scheme};

use super::RunError;
use super::secrets::Secrets;

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
    /// A secret has no value.
    #[error("secret `{name}`: {reason}")]
    Secret {
        /// The secret.
        name: String,
        /// Why it has none.
        reason: String,
    },
    /// Something that the language says and no run can judge yet.
    #[error(
        "step `{step}`: {what} cannot be run yet; `vnetlab check` and `vnetlab compile` take it"
    )]
    NotRun {
        /// The step.
        step: String,
        /// What it is.
        what: String,
    },
    /// No region is known.
    #[error("the spec names no `location`, and the target has no default")]
    NoLocation,
}

/// Compiles the states of the network in every step.
pub(super) fn compile(
    compiler: &Compiler,
    experiment: &Experiment,
) -> Result<Vec<Vec<Compiled>>, RunError> {
    let failed = |step: &str| {
        let step = step.to_owned();
        move |source| RunError::Compile {
            step,
            source: Box::new(source),
        }
    };
    experiment
        .steps
        .iter()
        .map(|step| {
            compiler
                .step(step, &experiment.tags)
                .map_err(failed(&step.name))
        })
        .collect()
}

/// Reads the secrets that any state needs.
pub(super) fn secrets(
    experiment: &Experiment,
    compiled: &[Vec<Compiled>],
    spec: &Path,
) -> Result<Secrets, Refusal> {
    let states = compiled.iter().flatten();
    let needed = states.flat_map(|state| state.manifest.secrets()).collect();
    Secrets::read(&experiment.secrets, &needed, spec)
}

/// Checks the largest state against the budget.
pub(super) fn check(experiment: &Experiment, compiled: &[Vec<Compiled>]) -> Result<(), Refusal> {
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
        .flatten()
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

/// Refuses, before anything is deployed, what a run does not judge: silence would be taken for a pass.
pub(super) fn judged(experiment: &Experiment) -> Result<(), Refusal> {
    for step in &experiment.steps {
        let refuse = |what: String| {
            Err(Refusal::NotRun {
                step: step.name.clone(),
                what,
            })
        };
        let topology = &step.topology;
        let proven = topology.invariants.keys().chain(step.prove.keys()).next();
        if let Some(name) = proven {
            return refuse(format!("invariant `{name}`"));
        }
        for wanted in &step.probes {
            let name = &wanted.probe;
            let expected = &wanted.expectation;
            if !expected.header.is_empty() {
                return refuse(format!("the expected `header` of probe `{name}`"));
            }
            if expected.rtt.is_some() {
                return refuse(format!("the expected `rtt` of probe `{name}`"));
            }
            let Some(probe) = topology.probes.get(name) else {
                continue;
            };
            if let (ProbeTarget::Hostname(host), false) = (&probe.to, probe.scheme == Scheme::Dns) {
                return refuse(format!("a call by the host name `{host}` (probe `{name}`)"));
            }
            if probe.send.is_some() && probe.scheme != Scheme::Udp {
                return refuse(format!("a request with a body (`send` of probe `{name}`)"));
            }
        }
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
