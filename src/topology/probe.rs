//! Probes: who calls whom, and what its scheme has and needs.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::names::{Thing, bind};
use super::{Probe, ProbeConnection, ProbeTarget, Scheme};
use crate::net::Prefix;
use crate::spec::{self, Diagnostic, Host, Kind, Network, Span, Spanned, codes};

/// Ranges that no packet of a probe may be sent to: not of a virtual network (R30), and nobody's.
const UNCALLABLE: [(Prefix, &str); 4] = [
    (
        Prefix::new_assert(Ipv4Addr::UNSPECIFIED, 8),
        "means this host",
    ),
    (
        Prefix::new_assert(Ipv4Addr::LOCALHOST, 8),
        "is the caller itself",
    ),
    (
        Prefix::new_assert(Ipv4Addr::new(224, 0, 0, 0), 4),
        "is multicast, which no virtual network carries",
    ),
    (
        Prefix::new_assert(Ipv4Addr::new(240, 0, 0, 0), 4),
        "is reserved",
    ),
];

/// Resolves a probe.
pub(super) fn resolve(
    network: &Network,
    probe: &spec::Probe,
    found: &mut Vec<Diagnostic>,
) -> Option<Probe> {
    let from =
        probe.from.as_ref().and_then(
            |from| match bind(network, from, &[Kind::Workload], found)? {
                Thing::Workload(name, _) => Some(name.clone()),
                _ => None,
            },
        );
    let scheme = probe.scheme.as_ref().map(|scheme| scheme.value);
    let to = probe
        .to
        .as_ref()
        .and_then(|to| target(network, to, scheme, found));
    if let Some(scheme) = scheme {
        unfitting(probe, scheme, found);
    }
    let scheme = scheme?;
    Some(Probe {
        from: from?,
        to: to?,
        scheme,
        port: match &probe.port {
            Some(port) => Some(port.value),
            None => scheme.default_port(),
        },
        path: text(probe.path.as_ref(), "/"),
        method: text(probe.method.as_ref(), "GET"),
        headers: probe
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.value.clone()))
            .collect(),
        send: probe.send.as_ref().map(|send| send.value.clone()),
        resolver: probe.resolver.as_ref().map(|resolver| resolver.value),
        record_type: text(probe.record_type.as_ref(), "A"),
        timeout: duration(probe.timeout.as_ref()),
        attempts: probe.attempts.as_ref().map_or(1, |attempts| attempts.value),
        every: duration(probe.every.as_ref()),
        count: probe.count.as_ref().map_or(1, |count| count.value),
        connection: probe
            .connection
            .as_ref()
            .map(|connection| connection.value)
            .unwrap_or_default(),
        span: probe.key,
    })
}

fn text(given: Option<&Spanned<String>>, default: &str) -> String {
    given.map_or_else(|| default.to_owned(), |given| given.value.clone())
}

fn duration(given: Option<&Spanned<Duration>>) -> Duration {
    given.map_or(Duration::from_secs(1), |given| given.value)
}

fn target(
    network: &Network,
    to: &Spanned<Host>,
    scheme: Option<Scheme>,
    found: &mut Vec<Diagnostic>,
) -> Option<ProbeTarget> {
    match &to.value {
        Host::Hostname(host) => Some(ProbeTarget::Hostname(host.clone())),
        Host::Address(address) => {
            let uncallable = UNCALLABLE.iter().find(|(range, _)| range.contains(address));
            if let Some((_, why)) = uncallable {
                found.push(Diagnostic::error(
                    codes::UNCALLABLE_ADDRESS,
                    to.span,
                    format!("no probe can call {address}: it {why}"),
                ));
                return None;
            }
            if scheme == Some(Scheme::Dns) {
                found.push(asks_for_names(to.span, &address.to_string()));
            }
            Some(ProbeTarget::Address(*address))
        }
        Host::Name(reference) if scheme == Some(Scheme::Dns) => {
            found.push(asks_for_names(to.span, &reference.to_string()));
            None
        }
        Host::Name(reference) => {
            let reference = Spanned {
                value: reference.clone(),
                span: to.span,
            };
            match bind(network, &reference, &[Kind::Workload], found)? {
                Thing::Workload(name, _) => Some(ProbeTarget::Workload(name.clone())),
                _ => None,
            }
        }
    }
}

fn asks_for_names(span: Span, what: &str) -> Diagnostic {
    Diagnostic::error(
        codes::PROBE_SCHEME,
        span,
        format!("a DNS probe asks for a host name, and `{what}` is none"),
    )
    .help("a host name has a dot: `worker -> dns://www.example.com`; the server that is asked is `resolver`")
}

/// Keys that the scheme does not have, and the port that it needs.
fn unfitting(probe: &spec::Probe, scheme: Scheme, found: &mut Vec<Diagnostic>) {
    use Scheme::{Dns, Http, Https, Tcp, Tls, Udp};
    let header = probe.headers.values().next().map(|value| value.span);
    let held = probe
        .connection
        .as_ref()
        .filter(|connection| connection.value == ProbeConnection::Held);
    let keys: [(&str, Option<Span>, &[Scheme]); 8] = [
        (
            "port",
            probe.port.as_ref().map(|v| v.span),
            &[Http, Https, Tls, Tcp, Udp, Dns],
        ),
        ("path", probe.path.as_ref().map(|v| v.span), &[Http, Https]),
        (
            "method",
            probe.method.as_ref().map(|v| v.span),
            &[Http, Https],
        ),
        ("headers", header, &[Http, Https]),
        (
            "send",
            probe.send.as_ref().map(|v| v.span),
            &[Http, Https, Udp],
        ),
        ("resolver", probe.resolver.as_ref().map(|v| v.span), &[Dns]),
        ("type", probe.record_type.as_ref().map(|v| v.span), &[Dns]),
        (
            "connection: held",
            held.map(|v| v.span),
            &[Http, Https, Tls, Tcp],
        ),
    ];
    for (key, span, schemes) in keys {
        if let Some(span) = span
            && !schemes.contains(&scheme)
        {
            found.push(Diagnostic::error(
                codes::PROBE_SCHEME,
                span,
                format!("a probe by `{scheme}` has no `{key}`"),
            ));
        }
    }
    if scheme.has_port()
        && scheme.default_port().is_none()
        && probe.port.is_none()
        && !probe.unread.contains("port")
    {
        found.push(
            Diagnostic::error(
                codes::PROBE_SCHEME,
                probe.to.as_ref().map_or(probe.key, |to| to.span),
                format!("a probe by `{scheme}` needs a port"),
            )
            .help(format!("write it behind the host: `{scheme}://web:22`")),
        );
    }
}
