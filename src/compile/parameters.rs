//! The parameters of a template: what is known only after a deployment, and what is secret.
//!
//! A name ends with what fills it, so that no workload, cluster or secret takes another's.

use std::collections::BTreeMap;

use crate::net::Prefix;
use crate::topology::{
    AddressSet, ClusterNetwork, Name, NextHop, Piece, Placement, RuleAddresses, SecretText,
    Topology, Workload,
};

use serde_json::{Value, json};

use super::CompileError;
use super::lookup::{self, cluster, workload};

/// What fills a parameter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ParameterSource {
    /// The private address of each copy of a workload: an array of strings.
    WorkloadAddresses(Name),
    /// The primary private address of each node of a cluster: an array of strings.
    NodeAddresses(Name),
    /// The value of a secret: a secure string.
    Secret(Name),
}

impl ParameterSource {
    /// The name of the parameter.
    #[must_use]
    pub fn parameter(&self) -> String {
        match self {
            ParameterSource::WorkloadAddresses(name) => format!("{name}-addresses"),
            ParameterSource::NodeAddresses(name) => format!("{name}-nodes"),
            ParameterSource::Secret(name) => format!("{name}-secret"),
        }
    }

    /// The type of the parameter in a template.
    #[must_use]
    pub fn parameter_type(&self) -> &'static str {
        match self {
            ParameterSource::WorkloadAddresses(_) | ParameterSource::NodeAddresses(_) => "array",
            ParameterSource::Secret(_) => "secureString",
        }
    }

    /// What fills it, in a sentence.
    #[must_use]
    pub fn description(&self) -> String {
        match self {
            ParameterSource::WorkloadAddresses(name) => {
                format!("The private address of each copy of workload `{name}`.")
            }
            ParameterSource::NodeAddresses(name) => {
                format!("The primary private address of each node of cluster `{name}`.")
            }
            ParameterSource::Secret(name) => format!("The value of secret `{name}`."),
        }
    }
}

/// The parameters of a topology's template.
pub(super) fn of(topology: &Topology) -> Result<BTreeMap<String, ParameterSource>, CompileError> {
    let mut sources = Vec::new();
    let rules = topology
        .network_security_groups
        .values()
        .flat_map(|nsg| &nsg.rules);
    for side in rules.flat_map(|rule| [&rule.source, &rule.destination]) {
        if let RuleAddresses::Addresses(set) = &side.addresses {
            sources.extend(deployed(topology, set)?);
        }
    }
    for route in topology
        .route_tables
        .values()
        .flat_map(|table| &table.routes)
    {
        if let NextHop::Workload(name) = &route.hop {
            workload(topology, name)?;
            sources.push(ParameterSource::WorkloadAddresses(name.clone()));
        }
    }
    let groups = topology.workloads.values();
    for group in groups.filter(|workload| matches!(workload.placement, Placement::Aci(_))) {
        let names = secrets(group).cloned().map(ParameterSource::Secret);
        sources.extend(names);
    }
    Ok(sources
        .into_iter()
        .map(|source| (source.parameter(), source))
        .collect())
}

/// The secrets that a workload needs.
pub(super) fn secrets(workload: &Workload) -> impl Iterator<Item = &Name> {
    let registry = workload.registry.iter();
    let texts = registry.flat_map(|registry| [&registry.user, &registry.password]);
    texts
        .chain(workload.env.values())
        .flat_map(SecretText::secrets)
}

/// What fills the part of a set that only a deployment tells. A thing whose whole range is in the set anyway
/// is left out: Azure refuses prefixes that overlap (R27).
pub(super) fn deployed(
    topology: &Topology,
    set: &AddressSet,
) -> Result<Vec<ParameterSource>, CompileError> {
    let covered = |range: Option<Prefix>| {
        range.is_some_and(|range| set.prefixes.iter().any(|prefix| prefix.contains(&range)))
    };
    let mut sources = Vec::new();
    for name in &set.workloads {
        if !covered(range(topology, workload(topology, name)?)?) {
            sources.push(ParameterSource::WorkloadAddresses(name.clone()));
        }
    }
    for name in &set.clusters {
        let nodes = lookup::subnet(topology, &cluster(topology, name)?.subnet)?.prefix;
        if !covered(Some(nodes)) {
            sources.push(ParameterSource::NodeAddresses(name.clone()));
        }
    }
    Ok(sources)
}

/// The range in which a workload's addresses lie.
fn range(topology: &Topology, workload: &Workload) -> Result<Option<Prefix>, CompileError> {
    let subnet = match &workload.placement {
        Placement::Aci(subnet) => subnet,
        Placement::Pod(name) => {
            let cluster = cluster(topology, name)?;
            match (workload.host_network, cluster.network, &cluster.pod_subnet) {
                (true, ..) | (_, ClusterNetwork::NodeSubnet, _) => &cluster.subnet,
                (_, ClusterNetwork::PodSubnet, Some(pods)) => pods,
                _ => return Ok(cluster.pods),
            }
        }
    };
    Ok(Some(lookup::subnet(topology, subnet)?.prefix))
}

/// A text as pieces for the handlebars files: what is known, and names of parameters.
pub(super) fn pieces(text: &SecretText) -> Value {
    text.pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => json!({ "text": text }),
            Piece::Secret(name) => {
                json!({ "parameter": ParameterSource::Secret(name.clone()).parameter() })
            }
        })
        .collect()
}
