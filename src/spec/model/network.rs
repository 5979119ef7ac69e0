//! Virtual networks and what stands in them.

use super::*;

/// A virtual network.
#[derive(Debug, Clone)]
pub struct VirtualNetwork {
    /// Its key.
    pub key: Span,
    /// Its name in Azure, if another.
    pub azure_name: Option<Spanned<String>>,
    /// Its address space.
    pub space: Vec<Spanned<Prefix>>,
    /// Its subnets.
    pub subnets: BTreeMap<Name, Subnet>,
    /// Its DNS servers; empty is Azure's own.
    pub dns_servers: Vec<Spanned<Ipv4Addr>>,
    /// Its region, if another than the experiment's.
    pub location: Option<Spanned<String>>,
    pub(crate) unread: Unread,
}

/// A subnet.
#[derive(Debug, Clone)]
pub struct Subnet {
    /// Its key.
    pub key: Span,
    /// Its name in Azure, if another.
    pub azure_name: Option<Spanned<String>>,
    /// Its range.
    pub prefix: Option<Spanned<Prefix>>,
    /// Its network security group.
    pub nsg: Option<Spanned<Reference>>,
    /// Its route table.
    pub routes: Option<Spanned<Reference>>,
    /// Its NAT gateway.
    pub nat: Option<Spanned<Nat>>,
    /// Its service endpoints.
    pub endpoints: Vec<Spanned<String>>,
    /// The service that it is delegated to, where that does not follow from its workloads.
    pub delegation: Option<Spanned<String>>,
    /// Whether Azure's default outbound access is on.
    pub default_outbound: Option<Spanned<bool>>,
    pub(crate) unread: Unread,
}

/// The NAT gateway of a subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nat {
    /// None.
    None,
    /// One of its own.
    Own,
    /// One that it shares with the subnets that give the same name.
    Shared(Name),
}

/// A peering of two virtual networks, made on both sides.
#[derive(Debug, Clone)]
pub struct Peering {
    /// Its key.
    pub key: Span,
    /// Its name in Azure, if another.
    pub azure_name: Option<Spanned<String>>,
    /// The two virtual networks.
    pub between: Option<Spanned<[Spanned<Reference>; 2]>>,
    /// Whether each may call the other.
    pub access: Option<Spanned<bool>>,
    /// Whether each takes what the other only forwards.
    pub forwarded_traffic: Option<Spanned<bool>>,
    pub(crate) unread: Unread,
}

/// A route table.
#[derive(Debug, Clone)]
pub struct RouteTable {
    /// Its key.
    pub key: Span,
    /// Its routes, in the author's order.
    pub routes: Vec<Route>,
}

/// A route.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its name.
    pub name: Spanned<Name>,
    /// Its name in Azure, if another.
    pub azure_name: Option<Spanned<String>>,
    /// Where the whole route stands.
    pub span: Span,
    /// What it routes.
    pub prefix: Option<Spanned<RoutePrefix>>,
    /// Where to.
    pub hop: Option<Spanned<Hop>>,
}

/// What a route routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoutePrefix {
    /// A range; `any` is all of IPv4.
    Prefix(Prefix),
    /// A service tag, as written.
    Tag(String),
}

/// The next hop of a route, not yet bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hop {
    /// An appliance.
    Appliance(Host),
    /// The virtual network.
    Vnet,
    /// The Internet.
    Internet,
    /// A virtual network gateway.
    Gateway,
    /// Nothing: what is routed is dropped.
    None,
}

/// A network security group.
#[derive(Debug, Clone)]
pub struct NetworkSecurityGroup {
    /// Its key.
    pub key: Span,
    /// Its name in Azure, if another.
    pub azure_name: Option<Spanned<String>>,
    /// Its rules, inbound first, in the author's order.
    pub rules: Vec<SecurityRule>,
    /// Whether flows that exist are judged again when rules change.
    pub flush_connections: Option<Spanned<bool>>,
    pub(crate) unread: Unread,
}

/// A security rule.
#[derive(Debug, Clone)]
pub struct SecurityRule {
    /// Its name.
    pub name: Spanned<Name>,
    /// Its name in Azure, if another.
    pub azure_name: Option<Spanned<String>>,
    /// Where the whole rule stands.
    pub span: Span,
    /// Its direction.
    pub direction: Direction,
    /// Its priority, not yet checked.
    pub priority: Option<Spanned<u32>>,
    /// What it does.
    pub access: Option<Access>,
    /// The protocol; `None` is any.
    pub protocol: Option<Spanned<Protocol>>,
    /// The source.
    pub from: Side,
    /// The destination.
    pub to: Side,
}

/// One side of a security rule.
#[derive(Debug, Clone)]
pub struct Side {
    /// The addresses.
    pub set: Option<Set>,
    /// The ports, sorted and merged; empty is any.
    pub ports: Spanned<Vec<PortRange>>,
}

/// What a rule does with what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Lets it pass.
    Allow,
    /// Drops it.
    Deny,
}
