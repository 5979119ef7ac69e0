//! Probes: who calls whom.

use std::time::Duration;

use super::names::{Thing, bind};
use super::{Probe, ProbeTarget};
use crate::spec::{self, Diagnostic, Host, Kind, Network, Spanned, WorkloadPlacement, codes};

const HTTP_PORT: u16 = 80;

/// Resolves a probe.
pub(super) fn resolve(
    network: &Network,
    probe: &spec::Probe,
    found: &mut Vec<Diagnostic>,
) -> Option<Probe> {
    let from = match bind(network, &probe.from, &[Kind::Workload]) {
        Ok(Thing::Workload(name, workload)) => {
            if let WorkloadPlacement::Aci(_) = workload.placement {
                found.push(
                    Diagnostic::error(
                        codes::VALUE_NOT_YET,
                        probe.from.span,
                        format!("a probe from a container group (`{name}`) is not supported yet"),
                    )
                    .related(workload.key, "it runs on ACI")
                    .help("call from a pod"),
                );
            }
            Some(name.clone())
        }
        Ok(_) => None,
        Err(diagnostic) => {
            found.push(diagnostic);
            None
        }
    };
    let to = match &probe.to.value {
        Host::Address(address) => Some(ProbeTarget::Address(*address)),
        Host::Name(reference) => {
            let reference = Spanned {
                value: reference.clone(),
                span: probe.to.span,
            };
            match bind(network, &reference, &[Kind::Workload]) {
                Ok(Thing::Workload(name, _)) => Some(ProbeTarget::Workload(name.clone())),
                Ok(_) => None,
                Err(diagnostic) => {
                    found.push(diagnostic);
                    None
                }
            }
        }
    };
    Some(Probe {
        from: from?,
        to: to?,
        port: probe.port.as_ref().map_or(HTTP_PORT, |port| port.value),
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
