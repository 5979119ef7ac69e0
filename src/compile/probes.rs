//! The probes of a topology: a plan for each caller and each called copy.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::arm::{Destination, FlowState, Listening, Question};
use crate::net::Protocol;
use crate::probe::{
    self, CLIENT_ADDRESS_PATH, Dns, Held, Http, Kind, RecordType, Tcp, Tls, Udp, echo_path,
};
use crate::topology::{self, ListenScheme, Name, ProbeConnection, ProbeTarget, Scheme, Topology};

use super::manifest::{ProbePlan, Repeat, Workload};

/// The resolver that Azure gives to whoever names none.
const PLATFORM_RESOLVER: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

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
                        plan(topology, (name, probe), (callers, caller), shown, end)
                    })
                    .collect()
            }
            ProbeTarget::Address(address) => callers
                .iter()
                .map(|caller| {
                    let end = Destination::Address(*address);
                    plan(
                        topology,
                        (name, probe),
                        (callers, caller),
                        address.to_string(),
                        end,
                    )
                })
                .collect(),
            // Which address the name has is the caller's resolver's business; the question is about that
            // resolver where one is given.
            ProbeTarget::Hostname(host) => callers
                .iter()
                .map(|caller| {
                    let end = Destination::Address(probe.resolver.unwrap_or(PLATFORM_RESOLVER));
                    plan(
                        topology,
                        (name, probe),
                        (callers, caller),
                        host.clone(),
                        end,
                    )
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
    (name, probe): (&Name, &topology::Probe),
    (callers, caller): (&[Workload], &Workload),
    to: String,
    end: Destination,
) -> ProbePlan {
    let (target, address) = match &probe.to {
        ProbeTarget::Workload(name) => (Some(name.clone()), None),
        ProbeTarget::Address(address) => (None, Some(*address)),
        ProbeTarget::Hostname(_) => (None, None),
    };
    let called = target
        .as_ref()
        .and_then(|name| topology.workloads.get(name));
    let caller_shown = shown(&probe.from, callers, caller);
    // Each pair of copies keeps a connection of its own.
    let session = format!("{name}-{}", to.replace('.', "-"));
    ProbePlan {
        from: probe.from.clone(),
        caller: caller_shown,
        scheme: probe.scheme,
        probe: probe::Probe {
            address,
            timeout: probe.timeout,
            kind: kind(session, probe, called),
        },
        to,
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
            listens: listening(called, probe),
            // The runner knows whether a connection that is kept is open already.
            flow: FlowState::New,
            forwarders: Vec::new(),
        },
    }
}

/// Whether the agent's server is what runs there, and so what is known of it.
fn is_built_in(workload: &topology::Workload) -> bool {
    workload.image.is_none() && workload.command.is_empty()
}

fn kind(session: String, probe: &topology::Probe, called: Option<&topology::Workload>) -> Kind {
    let port = probe.port.unwrap_or_default();
    // The agent's server says whom it sees; with an own image nothing is known of it.
    let serves = |datagrams: bool| {
        called.filter(|workload| {
            is_built_in(workload)
                && workload.serve.iter().any(|listen| {
                    listen.port == port && (listen.scheme == ListenScheme::Udp) == datagrams
                })
        })
    };
    let agent = serves(false);
    match (probe.scheme, probe.connection) {
        (Scheme::Http | Scheme::Tcp, ProbeConnection::Held) => {
            let (paths, asks_source) = paths(probe, called);
            Kind::Held(Held {
                port,
                session,
                paths,
                asks_source,
            })
        }
        (Scheme::Http | Scheme::Https, _) => {
            let (paths, asks_source) = paths(probe, called);
            let http = Http {
                method: probe.method.clone(),
                asks_source,
                ..Http::get(port, paths)
            };
            match probe.scheme {
                Scheme::Https => Kind::Https(http),
                _ => Kind::Http(http),
            }
        }
        (Scheme::Tls, _) => Kind::Tls(Tls {
            port,
            server_name: match &probe.to {
                ProbeTarget::Hostname(host) => Some(host.clone()),
                _ => None,
            },
        }),
        (Scheme::Tcp, _) => Kind::Tcp(Tcp {
            port,
            asks_source: agent.is_some(),
        }),
        (Scheme::Udp, _) => Kind::Udp(Udp {
            port,
            payload: probe.send.clone(),
            asks_source: serves(true).is_some(),
        }),
        (Scheme::Dns, _) => Kind::Dns(Dns {
            name: probe.to.to_string(),
            record_type: probe.record_type.parse().unwrap_or(RecordType::A),
            resolver: probe.resolver,
            port,
        }),
        (Scheme::Icmp, _) => Kind::Icmp,
    }
}

/// What is asked over HTTP, and whether the last answer tells whom the server sees. The agent's server has
/// no text of its own at `/`: it is asked for the workload's body, and on the same connection for the
/// address that it sees.
fn paths(probe: &topology::Probe, called: Option<&topology::Workload>) -> (Vec<String>, bool) {
    let plain = probe.path == "/" && probe.method == "GET" && probe.scheme != Scheme::Https;
    match called.filter(|workload| is_built_in(workload) && plain) {
        Some(workload) => {
            let body = workload.body.as_deref().unwrap_or(&workload.azure_name);
            (vec![echo_path(body), CLIENT_ADDRESS_PATH.to_owned()], true)
        }
        None => (vec![probe.path.clone()], false),
    }
}

/// Whether a workload answers a probe. Of an own image, or of a bare address, nobody has told more than
/// what the workload declares to serve; the built-in server speaks no TLS, and has a side of the other
/// protocol on the same port, which a container group does not expose.
fn listening(called: Option<&topology::Workload>, probe: &topology::Probe) -> Listening {
    let Some(workload) = called else {
        return Listening::Unknown;
    };
    let datagrams = match probe.scheme {
        Scheme::Icmp => return Listening::Yes,
        Scheme::Udp => true,
        _ => false,
    };
    let secure = matches!(probe.scheme, Scheme::Https | Scheme::Tls);
    let mut on_port = workload
        .serve
        .iter()
        .filter(|listen| Some(listen.port) == probe.port);
    match on_port.next() {
        Some(listen) if (listen.scheme == ListenScheme::Udp) == datagrams && !secure => {
            Listening::Yes
        }
        Some(_) => Listening::Unknown,
        None if is_built_in(workload) => Listening::No,
        None => Listening::Unknown,
    }
}
