//! Addresses that only a deployment tells: where they may be named.
//!
//! The network security group of a subnet, or its route table, cannot depend on what is deployed into the
//! subnet. So such a name may stand only in a state that a `change` makes, and only where the thing was there
//! before the change.

use super::Topology;
use crate::spec::{Diagnostic, Kind, Name, Span, codes};

/// What is deployed before the state that is resolved; nothing before the first one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deployed<'t>(pub(super) Option<&'t Topology>);

impl Deployed<'_> {
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
                self.0.map(|t| t.clusters.contains_key(name)),
            ),
            _ => ("", self.0.map(|t| t.workloads.contains_key(name))),
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
