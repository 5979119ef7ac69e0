//! What is settled before the first request: every state compiles, and the budget allows it.

use std::net::Ipv4Addr;
use std::path::Path;

use crate::compile::{Compiled, Compiler};
use crate::net::Prefix;
use crate::topology::{Expectation, Experiment, Probe, ProbeConnection, ProbeTarget, Scheme};

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
    #[error("{what} cannot be run yet; `vnetlab check` and `vnetlab compile` take it")]
    NotRun {
        /// What it is, and where.
        what: String,
    },
    /// A name lookup that no resolver of the local Azure answers.
    #[error(
        "probe `{probe}` asks its container's own resolver, and the local Azure has none: give it `resolver: 168.63.129.16`, or run it with `--target azure`"
    )]
    NoResolver {
        /// The probe.
        probe: String,
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
    let refuse = |what: String| Err(Refusal::NotRun { what });
    if experiment.lifecycle.group.is_some() {
        return refuse("a `group` that exists already".to_owned());
    }
    if !experiment.planes.is_empty() {
        return refuse("`planes` of the spec".to_owned());
    }
    for step in &experiment.steps {
        let name = &step.name;
        let topology = &step.topology;
        if !step.planes.is_empty() {
            return refuse(format!("`planes` of step `{name}`"));
        }
        let proven = topology.invariants.keys().chain(step.prove.keys()).next();
        if let Some(invariant) = proven {
            return refuse(format!("invariant `{invariant}` of step `{name}`"));
        }
        for wanted in &step.probes {
            let probe = topology.probes.get(&wanted.probe);
            let unjudged = unjudged_fact(&wanted.expectation);
            if let Some(what) = unjudged.or_else(|| probe.and_then(unsent)) {
                return refuse(format!("{what} (probe `{}`, step `{name}`)", wanted.probe));
            }
        }
    }
    Ok(())
}

/// What an expectation asks for that no witness tells yet.
fn unjudged_fact(expected: &Expectation) -> Option<String> {
    let facts = [
        ("header", !expected.header.is_empty()),
        ("rtt", expected.rtt.is_some()),
        ("planes", !expected.planes.is_empty()),
    ];
    let fact = facts.into_iter().find(|(_, asked)| *asked);
    fact.map(|(key, _)| format!("an expectation of `{key}`"))
}

/// What a probe says that its command does not do yet.
fn unsent(probe: &Probe) -> Option<String> {
    if let (ProbeTarget::Hostname(host), false) = (&probe.to, probe.scheme == Scheme::Dns) {
        return Some(format!("a call by the host name `{host}`"));
    }
    if probe.send.is_some() && probe.scheme != Scheme::Udp {
        return Some("`send` of a request".to_owned());
    }
    if probe.connection == ProbeConnection::New {
        return None;
    }
    if !matches!(probe.scheme, Scheme::Http | Scheme::Tcp) {
        return Some(format!("a connection that is held over {}", probe.scheme));
    }
    let plain = probe.method == "GET" && probe.headers.is_empty();
    (!plain).then(|| "`method` or `headers` over a connection that is held".to_owned())
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
            if probe.scheme == Scheme::Dns && probe.resolver.is_none() {
                return Err(Refusal::NoResolver {
                    probe: name.to_string(),
                });
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::{self, Source};

    /// Why a spec with these lines is not run.
    fn refusal(lines: &str, probe: &str, expectation: &str) -> String {
        let text = format!(
            "vnetlab: 1\nname: x\n{lines}\nvnets: {{ net: {{ space: 10.0.0.0/16, subnets: {{ a: 10.0.0.0/24 }} }} }}\n\
             workloads: {{ caller: {{ aci: a }}, web: {{ aci: a, serve: [http:80, udp:53] }} }}\n\
             probes: {{ call: {probe} }}\nsteps: [{{ probe: {{ call: {expectation} }} }}]\n"
        );
        let resolution = topology::load(&Source::new("x.yaml", text)).expect("a sound spec");
        match judged(&resolution.experiments[0]) {
            Err(Refusal::NotRun { what }) => what,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn what_no_run_judges_is_refused_by_name() {
        let plain = "caller -> http://web/";
        for (lines, probe, expectation, what) in [
            ("", plain, "200", "Ok(())"),
            (
                "lifecycle: { group: mine }",
                plain,
                "200",
                "a `group` that exists already",
            ),
            ("planes: [azure]", plain, "200", "`planes` of the spec"),
            (
                "invariants: { sealed: never a -> web }",
                plain,
                "200",
                "invariant `sealed` of step `deploy`",
            ),
            (
                "",
                plain,
                "{ header: { Server: x } }",
                "an expectation of `header` (probe `call`, step `probe call`)",
            ),
            (
                "",
                plain,
                "{ rtt: 5ms }",
                "an expectation of `rtt` (probe `call`, step `probe call`)",
            ),
            (
                "",
                plain,
                "{ status: 200, planes: azure }",
                "an expectation of `planes` (probe `call`, step `probe call`)",
            ),
            (
                "",
                "caller -> http://www.example.com/",
                "200",
                "a call by the host name `www.example.com` (probe `call`, step `probe call`)",
            ),
            (
                "",
                "{ call: caller -> http://web/, method: POST, send: x }",
                "200",
                "`send` of a request (probe `call`, step `probe call`)",
            ),
            (
                "",
                "{ call: caller -> https://web:80/, connection: held }",
                "tls-error",
                "a connection that is held over https (probe `call`, step `probe call`)",
            ),
            (
                "",
                "{ call: caller -> http://web/, connection: held, headers: { A: b } }",
                "200",
                "`method` or `headers` over a connection that is held (probe `call`, step `probe call`)",
            ),
        ] {
            assert_eq!(
                refusal(lines, probe, expectation),
                what,
                "{lines} {probe} {expectation}"
            );
        }
    }
}
