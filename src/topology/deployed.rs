//! Addresses that only a deployment tells: where they may be named.
//!
//! The network security group of a subnet, or its route table, cannot depend on what is deployed into the
//! subnet. So such a name may stand only in a state that a `change` makes, and only where the thing was there
//! before the change.

use std::sync::Arc;

use super::Topology;
use crate::spec::{self, Diagnostic, Host, Kind, Name, Network, Span, codes};

/// The states that lead to the one that is resolved; the last is deployed before it. None before the first one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deployed<'t>(pub(super) &'t [Arc<Topology>]);

impl Deployed<'_> {
    /// The workload that a probe names and that a change has removed.
    pub(super) fn removed<'p>(self, network: &Network, probe: &'p spec::Probe) -> Option<&'p Name> {
        let from = probe.from.iter().map(|from| &from.value);
        let to = probe.to.iter().filter_map(|to| match &to.value {
            Host::Name(reference) => Some(reference),
            Host::Address(_) | Host::Hostname(_) => None,
        });
        let gone = |name: &&Name| {
            let had = |state: &Arc<Topology>| state.workloads.contains_key(*name);
            !network.workloads.contains_key(*name) && self.0.iter().any(had)
        };
        from.chain(to).map(|reference| &reference.name).find(gone)
    }

    /// Whether the address of a workload, or of a cluster's nodes, is known when the state is deployed; if not,
    /// that is reported. `place` is where it is named.
    pub(super) fn admits(
        self,
        kind: Kind,
        name: &Name,
        span: Span,
        place: &str,
        found: &mut Vec<Diagnostic>,
    ) -> bool {
        let (what, there) = match kind {
            Kind::Cluster => (
                "the nodes of",
                self.0.last().map(|t| t.clusters.contains_key(name)),
            ),
            _ => ("", self.0.last().map(|t| t.workloads.contains_key(name))),
        };
        let what = format!("{what} `{name}`");
        let what = what.trim_start();
        let (message, help) = match there {
            Some(true) => return true,
            Some(false) => (
                format!("{what} must be deployed before {place} can name it"),
                "add it in an earlier step",
            ),
            None => (
                format!("only a deployment tells the address of {what}"),
                match place {
                    "a rule" => {
                        "it may stand in a `change` after `deploy`; here, name its subnet instead"
                    }
                    _ => "it may stand in a `change` after `deploy`; here, give an address",
                },
            ),
        };
        found.push(
            Diagnostic::error(codes::DEPLOYED_ADDRESS, span, message)
                .label(format!("{place} needs it before that"))
                .help(help),
        );
        false
    }
}
