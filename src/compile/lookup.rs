//! The things that a topology's parts refer to, and what they are called in Azure.
//!
//! A topology that [`crate::topology`] resolved has all of them; one that was put together by hand may not,
//! and then the thing is named.

use crate::arm::{ResourceKey, views};
use crate::topology::{
    Cluster, Name, NatGateway, Subnet, SubnetRef, Topology, VirtualNetwork, Workload,
};

use super::CompileError;

/// The type of a virtual network's side of a peering.
pub(super) const PEERING: &str = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings";
/// The type of a NAT gateway.
pub(super) const NAT_GATEWAY: &str = "Microsoft.Network/natGateways";
/// The type of a public address.
pub(super) const PUBLIC_ADDRESS: &str = "Microsoft.Network/publicIPAddresses";
/// The type of a route, for the spans of a manifest.
pub(super) const ROUTE: &str = "Microsoft.Network/routeTables/routes";

fn missing(what: &'static str, name: impl ToString) -> CompileError {
    CompileError::Missing {
        what,
        name: name.to_string(),
    }
}

pub(super) fn virtual_network<'t>(
    topology: &'t Topology,
    name: &Name,
) -> Result<&'t VirtualNetwork, CompileError> {
    let found = topology.virtual_networks.get(name);
    found.ok_or_else(|| missing("virtual network", name))
}

pub(super) fn subnet<'t>(
    topology: &'t Topology,
    at: &SubnetRef,
) -> Result<&'t Subnet, CompileError> {
    let vnet = virtual_network(topology, &at.vnet)?;
    let found = vnet.subnets.get(&at.subnet);
    found.ok_or_else(|| missing("subnet", format!("{}/{}", at.vnet, at.subnet)))
}

/// `network/subnet`, as the id of a subnet has it.
pub(super) fn subnet_name(topology: &Topology, at: &SubnetRef) -> Result<String, CompileError> {
    let vnet = virtual_network(topology, &at.vnet)?;
    let subnet = subnet(topology, at)?;
    Ok(format!("{}/{}", vnet.azure_name, subnet.azure_name))
}

pub(super) fn network_security_group<'t>(
    topology: &'t Topology,
    name: &Name,
) -> Result<&'t str, CompileError> {
    let found = topology.network_security_groups.get(name);
    let found = found.ok_or_else(|| missing("network security group", name))?;
    Ok(&found.azure_name)
}

pub(super) fn route_table<'t>(
    topology: &'t Topology,
    name: &Name,
) -> Result<&'t str, CompileError> {
    let found = topology.route_tables.get(name);
    Ok(&found
        .ok_or_else(|| missing("route table", name))?
        .azure_name)
}

pub(super) fn nat_gateway<'t>(
    topology: &'t Topology,
    name: &Name,
) -> Result<&'t NatGateway, CompileError> {
    let found = topology.nat_gateways.get(name);
    found.ok_or_else(|| missing("NAT gateway", name))
}

pub(super) fn cluster<'t>(
    topology: &'t Topology,
    name: &Name,
) -> Result<&'t Cluster, CompileError> {
    let found = topology.clusters.get(name);
    found.ok_or_else(|| missing("cluster", name))
}

pub(super) fn workload<'t>(
    topology: &'t Topology,
    name: &Name,
) -> Result<&'t Workload, CompileError> {
    let found = topology.workloads.get(name);
    found.ok_or_else(|| missing("workload", name))
}

/// The key of the managed cluster that stands for a cluster.
pub(super) fn cluster_key(cluster: &Cluster) -> ResourceKey {
    ResourceKey::new(views::MANAGED_CLUSTER, &*cluster.azure_name)
}

/// The key of the container group that stands for a workload.
pub(super) fn container_group_key(workload: &Workload) -> ResourceKey {
    ResourceKey::new(views::CONTAINER_GROUP, &*workload.azure_name)
}
