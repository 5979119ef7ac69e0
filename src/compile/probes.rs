//! The probes of a topology: a plan for each caller and each called copy.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::arm::{Destination, Question};
use crate::net::Protocol;
use crate::probe::{self, CLIENT_ADDRESS_PATH, echo_path};
use crate::topology::{self, Name, ProbeTarget, Scheme, Topology};

use super::manifest::{ProbePlan, Repeat, Workload};

/// The plans of every probe of which both ends are there. A change may remove a workload that a probe names;
/// such a probe has no plan in that state.
pub(super) fn plans(
    topology: &Topology,
    workloads: &BTreeMap<Name, Vec<Workload>>,
) -> BTreeMap<Name, Vec<ProbePlan>> {
    let plans = topology.probes.iter().filter_map(|(name, probe)| {
        let callers = workloads.get(&probe.from)?;
        let plans = match &probe.to {
            ProbeTarget::Workload(target) => {
                let called = workloads.get(target)?;
                let pairs = callers
                    .iter()
                    .flat_map(|caller| called.iter().map(move |called| (caller, called)));
                pairs
                    .map(|(caller, to)| {
                        let shown = shown(target, called, to);
                        let end = Destination::Party(to.party());
                        plan(topology, probe, (callers, caller), shown, end)
                    })
                    .collect()
            }
            ProbeTarget::Address(address) => callers
                .iter()
                .map(|caller| {
                    let end = Destination::Address(*address);
                    plan(topology, probe, (callers, caller), address.to_string(), end)
                })
                .collect(),
            // Which address the name has is the caller's resolver's business; the question is about that
            // resolver where one is given.
            ProbeTarget::Hostname(host) => callers
                .iter()
                .map(|caller| {
                    let end = Destination::Address(probe.resolver.unwrap_or(Ipv4Addr::UNSPECIFIED));
                    plan(topology, probe, (callers, caller), host.clone(), end)
                })
                .collect(),
        };
        Some((name.clone(), plans))
    });
    plans.collect()
}

/// A copy of a workload as a report shows it.
fn shown(name: &Name, copies: &[Workload], copy: &Workload) -> String {
    match copies {
        [_] => name.to_string(),
        _ => copy.name().to_owned(),
    }
}

fn plan(
    topology: &Topology,
    probe: &topology::Probe,
    (callers, caller): (&[Workload], &Workload),
    to: String,
    end: Destination,
) -> ProbePlan {
    let (target, address) = match &probe.to {
        ProbeTarget::Workload(name) => (Some(name.clone()), Ipv4Addr::UNSPECIFIED),
        ProbeTarget::Address(address) => (None, *address),
        ProbeTarget::Hostname(_) => (None, Ipv4Addr::UNSPECIFIED),
    };
    let called = target
        .as_ref()
        .and_then(|name| topology.workloads.get(name));
    let is_built_in =
        |workload: &&topology::Workload| workload.image.is_none() && workload.command.is_empty();
    // The agent's server has no text of its own at `/`: it is asked for the workload's body, and on the
    // same connection for the address that it sees.
    let built_in = called.filter(is_built_in).filter(|_| probe.path == "/");
    let paths = match built_in {
        Some(workload) => {
            let body = workload.body.as_deref().unwrap_or(&workload.azure_name);
            vec![echo_path(body), CLIENT_ADDRESS_PATH.to_owned()]
        }
        None => vec![probe.path.clone()],
    };
    ProbePlan {
        from: probe.from.clone(),
        caller: shown(&probe.from, callers, caller),
        to,
        scheme: probe.scheme,
        probe: probe::Probe {
            address,
            port: probe.port.unwrap_or_default(),
            paths,
            asks_source: built_in.is_some(),
            timeout: probe.timeout,
        },
        repeat: Repeat {
            attempts: probe.attempts,
            every: probe.every,
            count: probe.count,
        },
        connection: probe.connection,
        headers: probe.headers.clone(),
        target,
        question: Question {
            from: caller.party(),
            to: end,
            protocol: match probe.scheme {
                Scheme::Udp | Scheme::Dns => Protocol::Udp,
                Scheme::Icmp => Protocol::Icmp,
                Scheme::Http | Scheme::Https | Scheme::Tls | Scheme::Tcp => Protocol::Tcp,
            },
            port: probe.port,
            // Of an own image, or an address, nothing is known but that the author calls it.
            listens: called.is_none_or(|workload| {
                !is_built_in(&workload)
                    || probe.port.is_none()
                    || workload
                        .serve
                        .iter()
                        .any(|listen| Some(listen.port) == probe.port)
            }),
        },
    }
}
