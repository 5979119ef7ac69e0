//! The types of the resolved network; see the module above for what they promise.

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
    /// The row of each matrix axis that this experiment stands for; empty without a matrix.
    pub combination: BTreeMap<Name, String>,
    /// Where the secrets come from.
    pub secrets: BTreeMap<Name, SecretSource>,
    /// The planes on which it is judged; empty is all.
    pub planes: Vec<Plane>,
    /// The steps; the first is always a `deploy`.
    pub steps: Vec<Step>,
    /// What happens to the resources at the end.
    pub lifecycle: Lifecycle,
    /// What the run may cost.
    pub budget: Budget,
}

impl Experiment {
    /// The rows that it stands for, in a line: `cni=overlay, size=small`; empty without a matrix.
    #[must_use]
    pub fn combination_label(&self) -> String {
        let rows = self.combination.iter();
        let rows: Vec<String> = rows.map(|(axis, row)| format!("{axis}={row}")).collect();
        rows.join(", ")
    }
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
    /// What is proven in this step alone.
    pub prove: BTreeMap<Name, Invariant>,
    /// The invariants that do not hold after this step.
    pub expect_broken: Vec<Name>,
    /// The planes on which it is run; empty is all.
    pub planes: Vec<Plane>,
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
        /// The states on the way, where parts are sent one after the other; the last one is the step's own.
        between: Vec<Arc<Topology>>,
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
    /// The set in which the source must not lie.
    pub not_source: Option<SourceSet>,
    /// Headers of the answer and what they must hold.
    pub header: BTreeMap<String, BodyMatch>,
    /// The appliances that the flow must pass, in order.
    pub via: Vec<Name>,
    /// The appliances that it must not pass.
    pub avoid: Vec<Name>,
    /// What must have decided.
    pub by: Option<ByPattern>,
    /// The addresses that a DNS answer must hold.
    pub answers: Vec<ProbeTarget>,
    /// The longest round trip.
    pub rtt: Option<Duration>,
    /// How long after a change it may take until it fits; `None` is the target's default.
    pub within: Option<Duration>,
    /// How many tries in a row must agree; `None` is the target's default.
    pub stable: Option<u32>,
    /// The planes on which it is judged; empty is all.
    pub planes: Vec<Plane>,
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

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// The name in Azure.
    pub azure_name: String,
    /// How pods get their addresses.
    pub network: ClusterNetwork,
    /// The nodes' subnet.
    pub subnet: SubnetRef,
    /// The pods' subnet, for pod-subnet.
    pub pod_subnet: Option<SubnetRef>,
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
    /// Who enforces network policies.
    pub policy: NetworkPolicy,
    /// Who carries the packets.
    pub dataplane: Dataplane,
    /// How the nodes reach the Internet.
    pub egress: Egress,
    /// The resource id of the identity; `None` where one is made.
    pub identity: Option<String>,
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
    /// The command that the container runs, with its arguments; empty is the image's own.
    pub command: Vec<String>,
    /// Environment variables.
    pub env: BTreeMap<String, SecretText>,
    /// The registry of the image.
    pub registry: Option<Registry>,
    /// What it serves with the built-in server.
    pub serve: Vec<Listen>,
    /// What the built-in server answers.
    pub body: Option<String>,
    /// Cores, in thousandths.
    pub cpu_millis: u32,
    /// Memory in megabytes.
    pub memory_mb: u32,
    /// The DNS servers of a container group; empty is Azure's choice.
    pub dns_servers: Vec<Ipv4Addr>,
    /// When the containers of a container group are started again.
    pub restart: Restart,
    /// How many pods there are; 1 for a container group.
    pub count: u32,
    /// Whether the pods are spread over the nodes.
    pub spread: Option<Spread>,
    /// Whether the pod uses its node's network.
    pub host_network: bool,
    /// Where it stands in the spec.
    pub span: Span,
}

/// The registry of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// The server.
    pub server: String,
    /// The user.
    pub user: SecretText,
    /// The password.
    pub password: SecretText,
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
    /// What it speaks.
    pub scheme: Scheme,
    /// The port; `None` where the scheme has none.
    pub port: Option<u16>,
    /// The path of the URL, with its leading slash.
    pub path: String,
    /// The HTTP method.
    pub method: String,
    /// HTTP headers.
    pub headers: BTreeMap<String, SecretText>,
    /// The body of a request, the payload of a datagram.
    pub send: Option<String>,
    /// The DNS server that is asked; `None` is the caller's own.
    pub resolver: Option<Ipv4Addr>,
    /// The DNS record type that is asked for.
    pub record_type: String,
    /// How long one try may take.
    pub timeout: Duration,
    /// How often it is tried until it fits.
    pub attempts: u32,
    /// The pause between tries.
    pub every: Duration,
    /// The connections of one try.
    pub count: u32,
    /// Which connection it uses.
    pub connection: ProbeConnection,
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
    /// A host name, which the caller resolves.
    Hostname(String),
}

impl std::fmt::Display for ProbeTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ProbeTarget::Workload(name) => name.fmt(f),
            ProbeTarget::Address(address) => address.fmt(f),
            ProbeTarget::Hostname(host) => f.write_str(host),
        }
    }
}

/// A statement about all packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invariant {
    /// Whether it holds for every flow or for none.
    pub quantifier: Quantifier,
    /// What is claimed of them.
    pub statement: Statement,
    /// The claim, as written.
    pub words: String,
    /// Where it stands in the spec.
    pub span: Span,
}

/// What is claimed of flows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Statement {
    /// Who sends to whom.
    Reach {
        /// The senders, by the addresses from which they send.
        from: FlowSet,
        /// The receivers.
        to: FlowSet,
        /// The destination ports; empty is any.
        ports: Vec<PortRange>,
        /// The protocols; empty is every one.
        protocols: Vec<Protocol>,
        /// An appliance that every such flow passes (`true`), or none does.
        passing: Option<(bool, Name)>,
        /// Whether the answers to flows the other way are meant, not new flows.
        reply: bool,
    },
    /// Which sources arrive at a workload, a subnet or a virtual network.
    Observe {
        /// Where.
        at: FlowSet,
        /// The sources.
        sources: FlowSet,
    },
}

/// A set of addresses in a claim: what is in it, without what is taken out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlowSet {
    /// The words, as written.
    pub words: String,
    /// What is in it.
    pub of: FlowTerms,
    /// What is taken out.
    pub except: FlowTerms,
}

/// The terms of a set in a claim.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlowTerms {
    /// Whether every address is in it.
    pub any: bool,
    /// Prefixes and addresses.
    pub addresses: AddressSet,
    /// Service tags, as Azure spells them.
    pub tags: Vec<String>,
}
