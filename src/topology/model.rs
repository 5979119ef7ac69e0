//! The types of the resolved network; see the module above for what they promise.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use crate::net::{PortRange, Prefix, Protocol};
use crate::spec::{Access, Budget, ClusterNetwork, Lifecycle, Listen, Name, Span};
use crate::verdict::{Answer, BodyMatch, ByPattern, Direction};

/// A whole experiment: the states of the network in order, and what is expected in each.
#[derive(Debug, Clone)]
pub struct Experiment {
    /// The experiment's name.
    pub name: Name,
    /// What it is about.
    pub about: Option<String>,
    /// The region; `None` where the spec names none.
    pub location: Option<String>,
    /// Tags of every resource.
    pub tags: BTreeMap<String, String>,
    /// The steps; the first is always a `deploy`.
    pub steps: Vec<Step>,
    /// What happens to the resources at the end.
    pub lifecycle: Lifecycle,
    /// What the run may cost.
    pub budget: Budget,
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// The step's name; made from its kind where the author gave none.
    pub name: String,
    /// What it does to the network.
    pub action: Action,
    /// The network after the action.
    pub topology: Arc<Topology>,
    /// What is probed then, in the author's order.
    pub probes: Vec<ProbeExpectation>,
    /// A remark that the report shows.
    pub note: Option<String>,
    /// A pause before the probes.
    pub wait: Option<Duration>,
    /// Where the step stands in the spec.
    pub span: Span,
}

/// What a step does to the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Deploys everything.
    Deploy,
    /// Changes what the paths name.
    Change {
        /// The changed paths, as written.
        paths: Vec<String>,
    },
    /// Takes back the newest change, or all of them.
    Undo,
    /// Leaves the network as it is.
    None,
}

/// A probe and what is expected of it in one step.
#[derive(Debug, Clone)]
pub struct ProbeExpectation {
    /// The probe's name.
    pub probe: Name,
    /// What is expected.
    pub expectation: Expectation,
    /// Where it stands in the spec.
    pub span: Span,
}

/// An expectation whose addresses only a deployment may tell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expectation {
    /// The answers of which one must be seen; empty where the outcome is free.
    pub one_of: Vec<Answer>,
    /// What the body must hold.
    pub body: Option<BodyMatch>,
    /// Who the called endpoint must see.
    pub source: Option<SourceWord>,
    /// The set in which the source must lie.
    pub source_in: Option<SourceSet>,
    /// What must have decided.
    pub by: Option<ByPattern>,
}

/// The author's word for a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceWord {
    /// `node`: the node that the calling pod runs on.
    Node,
    /// `pod`: the calling pod's own address.
    Pod,
    /// `self`: the caller's own address.
    Caller,
    /// A workload's address.
    Workload(Name),
    /// An address.
    Address(Ipv4Addr),
}

/// A set of sources: the author's words, the prefixes that are known, the workloads whose addresses
/// join them after deployment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceSet {
    /// The words, as written.
    pub words: String,
    /// Ranges of subnets and virtual networks, literal prefixes and addresses; `AzureLoadBalancer` is 168.63.129.16/32 (R20).
    pub prefixes: Vec<Prefix>,
    /// Workloads.
    pub workloads: Vec<Name>,
    /// Clusters: their nodes' addresses.
    pub clusters: Vec<Name>,
}

/// One state of the network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Topology {
    /// The virtual networks.
    pub virtual_networks: BTreeMap<Name, VirtualNetwork>,
    /// The network security groups.
    pub network_security_groups: BTreeMap<Name, NetworkSecurityGroup>,
    /// The clusters.
    pub clusters: BTreeMap<Name, Cluster>,
    /// The workloads.
    pub workloads: BTreeMap<Name, Workload>,
    /// The probes.
    pub probes: BTreeMap<Name, Probe>,
}

/// A virtual network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualNetwork {
    /// The name in Azure.
    pub azure_name: String,
    /// The address space.
    pub address_space: Vec<Prefix>,
    /// The subnets.
    pub subnets: BTreeMap<Name, Subnet>,
    /// Where it stands in the spec.
    pub span: Span,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// The address prefix.
    pub prefix: Prefix,
    /// The network security group.
    pub nsg: Option<Name>,
    /// The service that it is delegated to; follows from its workloads.
    pub delegation: Option<Delegation>,
    /// Whether Azure's default outbound access is on.
    pub default_outbound: bool,
    /// Where it stands in the spec.
    pub span: Span,
}

/// A service that a subnet is delegated to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delegation {
    /// `Microsoft.ContainerInstance/containerGroups`.
    ContainerGroups,
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
    /// Prefixes, sorted and merged, at least one.
    Prefixes(Vec<Prefix>),
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// The name in Azure.
    pub azure_name: String,
    /// How pods get their addresses.
    pub network: ClusterNetwork,
    /// The nodes' subnet.
    pub subnet: SubnetRef,
    /// The pod range, for kubenet and overlay.
    pub pods: Option<Prefix>,
    /// The service range.
    pub services: Prefix,
    /// The address of the cluster's DNS service.
    pub dns_ip: Ipv4Addr,
    /// The number of nodes.
    pub nodes: u32,
    /// The nodes' size.
    pub size: String,
    /// The Kubernetes version; `None` is the region's default.
    pub version: Option<String>,
    /// The most pods on a node; `None` is Azure's default for the network mode.
    pub max_pods: Option<u32>,
    /// Where it stands in the spec.
    pub span: Span,
}

/// A workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// The name in Azure, or of the pod.
    pub azure_name: String,
    /// Where it runs.
    pub placement: Placement,
    /// The image; `None` is the default agent.
    pub image: Option<String>,
    /// What it serves with the built-in server.
    pub serve: Vec<Listen>,
    /// What the built-in server answers.
    pub body: Option<String>,
    /// Cores, in thousandths.
    pub cpu_millis: u32,
    /// Memory in megabytes.
    pub memory_mb: u32,
    /// Where it stands in the spec.
    pub span: Span,
}

/// Where a workload runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// A container group in a subnet.
    Aci(SubnetRef),
    /// A pod on a cluster.
    Pod(Name),
}

/// A probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The calling workload.
    pub from: Name,
    /// Whom it calls.
    pub to: ProbeTarget,
    /// The port.
    pub port: u16,
    /// The path of the URL, with its leading slash.
    pub path: String,
    /// How long one try may take.
    pub timeout: Duration,
    /// Where it stands in the spec.
    pub span: Span,
}

/// The far end of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeTarget {
    /// A workload, called by its address.
    Workload(Name),
    /// An address.
    Address(Ipv4Addr),
}
