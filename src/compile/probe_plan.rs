//! A probe of the spec as a command to run and as a question to the analysis.

use std::collections::BTreeMap;

use crate::arm::{Destination, FlowState, Listening, Question};
use crate::net::Protocol;
use crate::probe::{
    self, CLIENT_ADDRESS_PATH, Dns, Held, Http, Kind, RecordType, Tcp, Tls, Udp, echo_path,
};
use crate::topology::{self, ListenScheme, Name, ProbeConnection, ProbeTarget, Scheme, Topology};

use super::{ProbePlan, Repeat, Workload};

/// The resolver that Azure gives to whoever names none.
const PLATFORM_RESOLVER: std::net::Ipv4Addr = std::net::Ipv4Addr::new(168, 63, 129, 16);

/// The plan of one probe.
pub(super) fn plan(
    topology: &Topology,
    workloads: &BTreeMap<Name, Workload>,
    name: &Name,
    probe: &topology::Probe,
) -> ProbePlan {
    let (target, address) = match &probe.to {
        ProbeTarget::Workload(name) => (Some(name.clone()), None),
        ProbeTarget::Address(address) => (None, Some(*address)),
        ProbeTarget::Hostname(_) => (None, None),
    };
    let called = target
        .as_ref()
        .and_then(|name| topology.workloads.get(name));
    let to = match (&probe.to, probe.scheme) {
        (_, Scheme::Dns) => Destination::Address(probe.resolver.unwrap_or(PLATFORM_RESOLVER)),
        (ProbeTarget::Workload(name), _) => Destination::Party(workloads[name].party()),
        (ProbeTarget::Address(address), _) => Destination::Address(*address),
        // Refused before it is asked: only a name lookup takes a host name.
        (ProbeTarget::Hostname(_), _) => Destination::Address(PLATFORM_RESOLVER),
    };
    ProbePlan {
        from: probe.from.clone(),
        to: probe.to.to_string(),
        probe: probe::Probe {
            address,
            timeout: probe.timeout,
            kind: kind(name, probe, called),
        },
        headers: probe.headers.clone(),
        repeat: Repeat {
            attempts: probe.attempts,
            every: probe.every,
            count: probe.count,
        },
        target,
        question: Question {
            from: workloads[&probe.from].party(),
            to,
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

fn kind(name: &Name, probe: &topology::Probe, called: Option<&topology::Workload>) -> Kind {
    let port = probe.port.unwrap_or_default();
    // The agent's server says whom it sees; with an own image nothing is known of it.
    let serves = |datagrams: bool| {
        called.filter(|workload| {
            workload.image.is_none()
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
                session: name.to_string(),
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
    match called.filter(|workload| workload.image.is_none() && plain) {
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
        None if workload.image.is_none() => Listening::No,
        None => Listening::Unknown,
    }
}
