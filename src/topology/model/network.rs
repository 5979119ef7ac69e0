//! Virtual networks and what stands in them.

use super::*;

/// A virtual network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualNetwork {
    /// The name in Azure.
    pub azure_name: String,
    /// The address space.
    pub address_space: Vec<Prefix>,
    /// The subnets.
    pub subnets: BTreeMap<Name, Subnet>,
    /// The DNS servers; empty is Azure's own.
    pub dns_servers: Vec<Ipv4Addr>,
    /// The region, if another than the experiment's.
    pub location: Option<String>,
    /// Where it stands in the spec.
    pub span: Span,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// The name in Azure.
    pub azure_name: String,
    /// The address prefix.
    pub prefix: Prefix,
    /// The network security group.
    pub nsg: Option<Name>,
    /// The route table that the author gave it.
    pub routes: Option<Name>,
    /// The NAT gateway.
    pub nat: Option<Name>,
    /// The service endpoints.
    pub endpoints: Vec<String>,
    /// The service that it is delegated to; follows from its workloads and clusters where it is not given.
    pub delegation: Option<Delegation>,
    /// Whether Azure's default outbound access is on.
    pub default_outbound: bool,
    /// Where it stands in the spec.
    pub span: Span,
}

/// A service that a subnet is delegated to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delegation {
    /// `Microsoft.ContainerInstance/containerGroups`.
    ContainerGroups,
    /// `Microsoft.ContainerService/managedClusters`: a pod subnet.
    ManagedClusters,
    /// Another one, as the author wrote it.
    Other(String),
}

/// A NAT gateway; the author writes it at the subnets that it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatGateway {
    /// The name in Azure.
    pub azure_name: String,
    /// The region, if another than the experiment's.
    pub location: Option<String>,
    /// Where it is first named in the spec.
    pub span: Span,
}

/// A peering, made on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peering {
    /// The name in Azure, of both sides.
    pub azure_name: String,
    /// The two virtual networks.
    pub between: [Name; 2],
    /// Whether each may call the other.
    pub access: bool,
    /// Whether each takes what the other only forwards.
    pub forwarded_traffic: bool,
    /// Where it stands in the spec.
    pub span: Span,
}

/// A route table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTable {
    /// The name in Azure.
    pub azure_name: String,
    /// The region, if another than the experiment's.
    pub location: Option<String>,
    /// The routes, in the author's order.
    pub routes: Vec<Route>,
    /// Where it stands in the spec.
    pub span: Span,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The name.
    pub name: Name,
    /// The name in Azure.
    pub azure_name: String,
    /// What is routed.
    pub prefix: RoutePrefix,
    /// Where to.
    pub hop: NextHop,
    /// Where it stands in the spec.
    pub span: Span,
}

/// Where a route leads: Azure's next hop type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NextHop {
    /// `VirtualAppliance` with an address.
    Appliance(Ipv4Addr),
    /// `VirtualAppliance` with the address of a workload, which only a deployment tells.
    Workload(Name),
    /// `VnetLocal`.
    VirtualNetwork,
    /// `Internet`.
    Internet,
    /// `VirtualNetworkGateway`.
    Gateway,
    /// `None`: what is routed is dropped.
    None,
}

/// A subnet by its virtual network and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubnetRef {
    /// The virtual network.
    pub vnet: Name,
    /// The subnet.
    pub subnet: Name,
}

/// A network security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSecurityGroup {
    /// The name in Azure.
    pub azure_name: String,
    /// The custom rules by direction, priority and name.
    pub rules: Vec<SecurityRule>,
    /// Whether flows that exist are judged again when rules change (R12).
    pub flush_connections: bool,
    /// Where it stands in the spec.
    pub span: Span,
}

/// A security rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityRule {
    /// The name.
    pub name: Name,
    /// The name in Azure.
    pub azure_name: String,
    /// The direction.
    pub direction: Direction,
    /// The priority, 100 to 4096.
    pub priority: u16,
    /// What it does.
    pub access: Access,
    /// The protocol; `None` is any.
    pub protocol: Option<Protocol>,
    /// The source.
    pub source: RuleSide,
    /// The destination.
    pub destination: RuleSide,
    /// Where it stands in the spec.
    pub span: Span,
}

/// One side of a security rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSide {
    /// The addresses.
    pub addresses: RuleAddresses,
    /// The ports, sorted and merged; empty is any.
    pub ports: Vec<PortRange>,
}

/// The addresses of one side of a security rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleAddresses {
    /// Any.
    Any,
    /// One service tag, as Azure spells it.
    Tag(String),
    /// Prefixes and addresses, at least one of either.
    Addresses(AddressSet),
}

/// Addresses, of which some may only be told by a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressSet {
    /// Prefixes, sorted and merged.
    pub prefixes: Vec<Prefix>,
    /// Workloads: their addresses.
    pub workloads: Vec<Name>,
    /// Clusters: their nodes' addresses.
    pub clusters: Vec<Name>,
}

impl AddressSet {
    /// Whether every address in it is known before a deployment.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.workloads.is_empty() && self.clusters.is_empty()
    }
}
