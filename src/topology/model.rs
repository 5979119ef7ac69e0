//! The types of the resolved network; see the module above for what they promise.

mod experiment;
mod network;
mod probe;
mod workload;

pub use experiment::{
    Action, Expectation, Experiment, ProbeExpectation, SourceSet, SourceWord, Step,
};
pub use network::{
    AddressSet, Delegation, NatGateway, NetworkSecurityGroup, NextHop, Peering, Route, RouteTable,
    RuleAddresses, RuleSide, SecurityRule, Subnet, SubnetRef, VirtualNetwork,
};
pub use probe::{FlowSet, FlowTerms, Invariant, Probe, ProbeTarget, Statement};
pub use workload::{Cluster, Placement, Registry, Workload};

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use crate::net::{PortRange, Prefix, Protocol};
use crate::spec::{
    Access, Budget, ClusterNetwork, Dataplane, Egress, Lifecycle, Listen, Name, NetworkPolicy,
    Plane, ProbeConnection, Quantifier, Restart, RoutePrefix, Scheme, SecretSource, SecretText,
    Span, Spread,
};
use crate::verdict::{Answer, BodyMatch, ByPattern, Direction};

/// One state of the network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Topology {
    /// The virtual networks.
    pub virtual_networks: BTreeMap<Name, VirtualNetwork>,
    /// The network security groups.
    pub network_security_groups: BTreeMap<Name, NetworkSecurityGroup>,
    /// The peerings.
    pub peerings: BTreeMap<Name, Peering>,
    /// The route tables that the author wrote.
    pub route_tables: BTreeMap<Name, RouteTable>,
    /// The NAT gateways, each with a public address.
    pub nat_gateways: BTreeMap<Name, NatGateway>,
    /// The clusters.
    pub clusters: BTreeMap<Name, Cluster>,
    /// The workloads.
    pub workloads: BTreeMap<Name, Workload>,
    /// The probes.
    pub probes: BTreeMap<Name, Probe>,
    /// The invariants.
    pub invariants: BTreeMap<Name, Invariant>,
}
