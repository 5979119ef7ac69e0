//! Typed views of the resources that shape a network.
//!
//! A view reads the properties that decide where packets go, without regard to case, from templates
//! and from exported resources alike (singular and plural fields, ids in any spelling). It decides
//! nothing: what a rule or a route *means* is written twice, in `predict` and in `lab`, on purpose.

mod container_group;
mod egress;
mod interface;
mod managed_cluster;
mod route_table;
mod security_group;
#[cfg(test)]
mod tests;
mod view;
mod virtual_network;

pub use container_group::ContainerGroup;
pub use egress::{NatGateway, PublicIpAddress};
pub use interface::{ApplicationSecurityGroup, IpConfiguration, NetworkInterface, VirtualMachine};
pub use managed_cluster::{AgentPool, ClusterNetwork, ManagedCluster};
pub use route_table::{Route, RouteTable};
pub use security_group::{Access, AddressMatch, AddressTerm, NetworkSecurityGroup, SecurityRule};
pub use virtual_network::{Peering, PeeringState, Subnet, VirtualNetwork};

pub(in crate::arm) use view::View;

use super::{Resource, ResourceId};

/// `Microsoft.Network/virtualNetworks`.
pub const VIRTUAL_NETWORK: &str = "Microsoft.Network/virtualNetworks";
/// `Microsoft.Network/virtualNetworks/subnets`.
pub const SUBNET: &str = "Microsoft.Network/virtualNetworks/subnets";
/// `Microsoft.Network/virtualNetworks/virtualNetworkPeerings`.
pub const PEERING: &str = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings";
/// `Microsoft.Network/networkSecurityGroups`.
pub const NETWORK_SECURITY_GROUP: &str = "Microsoft.Network/networkSecurityGroups";
/// `Microsoft.Network/networkSecurityGroups/securityRules`.
pub const SECURITY_RULE: &str = "Microsoft.Network/networkSecurityGroups/securityRules";
/// `Microsoft.Network/applicationSecurityGroups`.
pub const APPLICATION_SECURITY_GROUP: &str = "Microsoft.Network/applicationSecurityGroups";
/// `Microsoft.Network/routeTables`.
pub const ROUTE_TABLE: &str = "Microsoft.Network/routeTables";
/// `Microsoft.Network/routeTables/routes`.
pub const ROUTE: &str = "Microsoft.Network/routeTables/routes";
/// `Microsoft.Network/networkInterfaces`.
pub const NETWORK_INTERFACE: &str = "Microsoft.Network/networkInterfaces";
/// `Microsoft.Network/natGateways`.
pub const NAT_GATEWAY: &str = "Microsoft.Network/natGateways";
/// `Microsoft.Network/publicIPAddresses`.
pub const PUBLIC_IP_ADDRESS: &str = "Microsoft.Network/publicIPAddresses";
/// `Microsoft.Compute/virtualMachines`.
pub const VIRTUAL_MACHINE: &str = "Microsoft.Compute/virtualMachines";
/// `Microsoft.ContainerInstance/containerGroups`.
pub const CONTAINER_GROUP: &str = "Microsoft.ContainerInstance/containerGroups";
/// `Microsoft.ContainerService/managedClusters`.
pub const MANAGED_CLUSTER: &str = "Microsoft.ContainerService/managedClusters";
/// `Microsoft.ContainerService/managedClusters/agentPools`.
pub const AGENT_POOL: &str = "Microsoft.ContainerService/managedClusters/agentPools";
/// `Microsoft.ManagedIdentity/userAssignedIdentities`.
pub const USER_ASSIGNED_IDENTITY: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";
/// `Microsoft.Authorization/roleAssignments`.
pub const ROLE_ASSIGNMENT: &str = "Microsoft.Authorization/roleAssignments";

/// A value that a view cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{resource}: {path}: {message}")]
pub struct ViewError {
    /// The resource.
    pub resource: ResourceId,
    /// The path of the value in the resource.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

/// Every resource of `kind`, read by `read`, in the order of their ids.
fn all<T>(
    resources: &[Resource],
    kind: &str,
    read: impl Fn(&ResourceId, &View<'_>) -> Result<T, ViewError>,
) -> Result<Vec<T>, ViewError> {
    let mut found = resources
        .iter()
        .filter(|resource| resource.is(kind))
        .collect::<Vec<_>>();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
        .into_iter()
        .map(|resource| read(&resource.id, &View::of(resource)))
        .collect()
}

/// Joins child resources of `kind` to their parents: `put` gets the id of the parent, the child's own
/// id and its properties. A child whose parent is not among the resources is left out.
fn join<P>(
    parents: &mut [P],
    id: impl Fn(&P) -> &ResourceId,
    resources: &[Resource],
    kind: &str,
    put: impl Fn(&mut P, &ResourceId, &View<'_>) -> Result<(), ViewError>,
) -> Result<(), ViewError> {
    for resource in resources.iter().filter(|resource| resource.is(kind)) {
        let parent = resource.id.parent();
        let found = parents.iter_mut().find(|p| Some(id(p)) == parent.as_ref());
        if let Some(found) = found {
            put(found, &resource.id, &View::of(resource))?;
        }
    }
    Ok(())
}
