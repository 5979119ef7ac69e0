//! Probes: who calls whom.

use std::collections::BTreeMap;
use std::time::Duration;

use super::names::{Thing, bind};
use super::{Probe, ProbeConnection, ProbeTarget, Scheme};
use crate::spec::{self, Diagnostic, Host, Kind, Network, Spanned};

const HTTP_PORT: u16 = 80;

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
    let to = probe.to.as_ref().and_then(|to| match &to.value {
        Host::Address(address) => Some(ProbeTarget::Address(*address)),
        Host::Hostname(host) => Some(ProbeTarget::Hostname(host.clone())),
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
    });
    Some(Probe {
        from: from?,
        to: to?,
        scheme: Scheme::Http,
        port: Some(probe.port.as_ref().map_or(HTTP_PORT, |port| port.value)),
        method: "GET".to_owned(),
        headers: BTreeMap::new(),
        send: None,
        resolver: None,
        record_type: "A".to_owned(),
        attempts: 1,
        every: Duration::from_secs(1),
        count: 1,
        connection: ProbeConnection::New,
        path: probe
            .path
            .as_ref()
            .map_or_else(|| "/".to_owned(), |path| path.value.clone()),
        timeout: probe
            .timeout
            .as_ref()
            .map_or(Duration::from_secs(1), |timeout| timeout.value),
        span: probe.key,
    })
}
