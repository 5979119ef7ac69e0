//! The typed spec: every value of the author's text in its long form, with the place where it stands.
//!
//! Defaults are not filled in and names are not bound: that is `topology`'s business. Short forms are
//! expanded before they are read, so a value does not tell in which form it was written.
//!
//! A required value is an `Option`, so that a thing is kept although a part of it could not be read. In a
//! spec that [`parse`](super::parse) returns, every one of them is there and no `unread` holds a key.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use super::tree::{Node, Text};
use super::{Name, Span, Spanned};
use crate::net::{PortRange, Prefix, Protocol};
use crate::verdict::{Answer, BodyMatch, ByPattern, Direction};

/// The keys of a thing whose values, or parts of them, could not be read, which is reported.
pub(crate) type Unread = BTreeSet<&'static str>;

/// A spec file.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The experiment's name.
    pub name: Option<Spanned<Name>>,
    /// What it is about.
    pub about: Option<Spanned<String>>,
    /// The region.
    pub location: Option<Spanned<String>>,
    /// Tags of every resource.
    pub tags: BTreeMap<String, Spanned<String>>,
    /// The row of each matrix axis that it is read with; empty without a matrix.
    pub combination: BTreeMap<Name, String>,
    /// Where the secrets come from.
    pub secrets: BTreeMap<Name, Secret>,
    /// The planes on which the experiment is judged; empty is all.
    pub planes: Vec<Spanned<Plane>>,
    /// The network before the first step.
    pub network: Network,
    /// The steps, in the author's order.
    pub steps: Vec<Step>,
    /// What happens to the resources at the end.
    pub lifecycle: Lifecycle,
    /// What the run may cost.
    pub budget: Budget,
    /// Where the document begins.
    pub(crate) start: Span,
    pub(crate) unread: Unread,
}

/// What is deployed and probed: the part of a spec that a `change` changes.
#[derive(Debug, Clone)]
pub struct Network {
    /// The virtual networks.
    pub vnets: BTreeMap<Name, VirtualNetwork>,
    /// The network security groups.
    pub nsgs: BTreeMap<Name, NetworkSecurityGroup>,
    /// The peerings.
    pub peerings: BTreeMap<Name, Peering>,
    /// The route tables.
    pub routes: BTreeMap<Name, RouteTable>,
    /// The clusters.
    pub clusters: BTreeMap<Name, Cluster>,
    /// The workloads.
    pub workloads: BTreeMap<Name, Workload>,
    /// The probes.
    pub probes: BTreeMap<Name, Probe>,
    /// The invariants.
    pub invariants: BTreeMap<Name, Invariant>,
    /// The document that all of this was read from; a change edits it.
    pub(super) document: Node,
    /// Whether a change could not be applied: then anything may be missing.
    pub(crate) unsure: bool,
}

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

/// A set of addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// The words, as written.
    pub words: Spanned<String>,
    /// What is in it.
    pub terms: Vec<Spanned<Term>>,
    /// Where `except` stands.
    pub except_at: Option<Span>,
    /// What is taken out of it.
    pub except: Vec<Spanned<Term>>,
}

/// A term of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// Every address.
    Any,
    /// A range.
    Prefix(Prefix),
    /// An address.
    Address(Ipv4Addr),
    /// A service tag, as written.
    Tag(String),
    /// A thing of the spec.
    Name(Reference),
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Term::Any => f.write_str("any"),
            Term::Prefix(prefix) => prefix.fmt(f),
            Term::Address(address) => address.fmt(f),
            Term::Tag(tag) => f.write_str(tag),
            Term::Name(reference) => reference.fmt(f),
        }
    }
}

/// A reference to a thing of the spec, not yet bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Its kind, if named.
    pub kind: Option<Kind>,
    /// Its virtual network, if named.
    pub parent: Option<Name>,
    /// Its name.
    pub name: Name,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(kind) = self.kind {
            write!(f, "{kind}/")?;
        }
        if let Some(parent) = &self.parent {
            write!(f, "{parent}/")?;
        }
        self.name.fmt(f)
    }
}

/// The kinds of things that can be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A virtual network.
    Vnet,
    /// A subnet.
    Subnet,
    /// A network security group.
    Nsg,
    /// An application security group.
    Asg,
    /// A cluster.
    Cluster,
    /// A workload.
    Workload,
    /// A host outside.
    External,
    /// A route table.
    Route,
    /// A peering.
    Peering,
}

impl Kind {
    /// Every kind with its word.
    pub const ALL: [(&str, Kind); 9] = [
        ("vnet", Kind::Vnet),
        ("subnet", Kind::Subnet),
        ("nsg", Kind::Nsg),
        ("asg", Kind::Asg),
        ("cluster", Kind::Cluster),
        ("workload", Kind::Workload),
        ("external", Kind::External),
        ("route", Kind::Route),
        ("peering", Kind::Peering),
    ];

    /// The kind that a word names.
    #[must_use]
    pub fn of(word: &str) -> Option<Kind> {
        Kind::ALL
            .into_iter()
            .find(|(kind, _)| *kind == word)
            .map(|(_, kind)| kind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Kind::ALL.into_iter().find(|(_, kind)| kind == self);
        f.write_str(word.map_or("", |(word, _)| word))
    }
}

/// A cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Its key.
    pub key: Span,
    /// Its name in Azure, if another.
    pub azure_name: Option<Spanned<String>>,
    /// How pods get their addresses.
    pub network: Option<Spanned<ClusterNetwork>>,
    /// The nodes' subnet.
    pub subnet: Option<Spanned<Reference>>,
    /// The pods' subnet.
    pub pod_subnet: Option<Spanned<Reference>>,
    /// The pod range.
    pub pods: Option<Spanned<Prefix>>,
    /// The service range.
    pub services: Option<Spanned<Prefix>>,
    /// The address of the cluster's DNS service.
    pub dns_ip: Option<Spanned<Ipv4Addr>>,
    /// The number of nodes.
    pub nodes: Option<Spanned<u32>>,
    /// The nodes' size.
    pub size: Option<Spanned<String>>,
    /// The Kubernetes version.
    pub version: Option<Spanned<String>>,
    /// The most pods on a node.
    pub max_pods: Option<Spanned<u32>>,
    /// Who enforces network policies.
    pub policy: Option<Spanned<NetworkPolicy>>,
    /// Who carries the packets.
    pub dataplane: Option<Spanned<Dataplane>>,
    /// How its nodes reach the Internet.
    pub egress: Option<Spanned<Egress>>,
    /// The resource id of its identity, where it is not made.
    pub identity: Option<Spanned<String>>,
    pub(crate) unread: Unread,
}

/// How the pods of a cluster get their addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterNetwork {
    /// kubenet: addresses of the pod range behind each node (R51).
    Kubenet,
    /// Azure CNI overlay: addresses of the pod range behind each node.
    Overlay,
    /// Azure CNI, addresses of the node subnet (R56).
    NodeSubnet,
    /// Azure CNI, addresses of a subnet for pods.
    PodSubnet,
}

/// Who enforces the network policies of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NetworkPolicy {
    /// Nobody.
    #[default]
    None,
    /// Azure Network Policy Manager.
    Azure,
    /// Calico.
    Calico,
    /// Cilium.
    Cilium,
}

/// Who carries the packets of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dataplane {
    /// Azure's own.
    #[default]
    Azure,
    /// Cilium.
    Cilium,
}

/// How the nodes of a cluster reach the Internet: its outbound type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Egress {
    /// A load balancer with a public address, made with the cluster.
    #[default]
    LoadBalancer,
    /// The NAT gateway of its subnet if that has one, else one made with the cluster.
    Nat,
    /// The route table of its subnet.
    Routes,
    /// Not at all.
    None,
}

/// A workload.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Its key.
    pub key: Span,
    /// Its name in Azure, or of the pod, if another.
    pub azure_name: Option<Spanned<String>>,
    /// Where it runs.
    pub placement: Option<WorkloadPlacement>,
    /// The image.
    pub image: Option<Spanned<String>>,
    /// The command that the container runs, with its arguments; empty is the image's own.
    pub command: Vec<Spanned<String>>,
    /// Environment variables.
    pub env: BTreeMap<String, Spanned<SecretText>>,
    /// Where the image comes from, and who may fetch it.
    pub registry: Option<Registry>,
    /// What it serves.
    pub serve: Vec<Spanned<Listen>>,
    /// What the built-in server answers.
    pub body: Option<Spanned<String>>,
    /// Cores, in thousandths.
    pub cpu_millis: Option<Spanned<u32>>,
    /// Memory in megabytes.
    pub memory_mb: Option<Spanned<u32>>,
    /// The DNS servers of a container group; empty is Azure's choice.
    pub dns_servers: Vec<Spanned<Ipv4Addr>>,
    /// When the containers of a container group are started again.
    pub restart: Option<Spanned<Restart>>,
    /// How many pods there are.
    pub count: Option<Spanned<u32>>,
    /// Whether the pods are spread over the nodes.
    pub spread: Option<Spanned<Spread>>,
    /// Whether the pod uses its node's network.
    pub host_network: Option<Spanned<bool>>,
    pub(crate) unread: Unread,
}

/// The registry of an image.
#[derive(Debug, Clone)]
pub struct Registry {
    /// Its key.
    pub key: Span,
    /// The server; the image's own where none is given.
    pub server: Option<Spanned<String>>,
    /// The user.
    pub user: Option<Spanned<SecretText>>,
    /// The password: a secret.
    pub password: Option<Spanned<SecretText>>,
}

/// A text in which secrets may stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecretText {
    /// The text, piece by piece.
    pub pieces: Vec<Piece>,
}

/// A piece of a text in which secrets may stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it is.
    Text(String),
    /// The value of a secret.
    Secret(Name),
}

impl SecretText {
    /// A text without a secret.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> SecretText {
        SecretText {
            pieces: vec![Piece::Text(text.into())],
        }
    }

    /// The text, if no secret is in it.
    #[must_use]
    pub fn as_plain(&self) -> Option<String> {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => Some(text.as_str()),
                Piece::Secret(_) => None,
            })
            .collect()
    }

    /// The secrets in it.
    pub fn secrets(&self) -> impl Iterator<Item = &Name> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Secret(name) => Some(name),
        })
    }
}

/// Where a secret comes from; its value is read when a run needs it, and never kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its key.
    pub key: Span,
    /// The source.
    pub source: SecretSource,
}

/// Where the value of a secret stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// An environment variable.
    Environment(String),
    /// A file, relative to the spec that names it.
    File(PathBuf),
}

/// When the containers of a container group are started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Restart {
    /// Always.
    #[default]
    Always,
    /// After a failure.
    OnFailure,
    /// Never.
    Never,
}

/// Over what the pods of a workload are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// The nodes of the cluster.
    Nodes,
}

/// Where a workload runs, not yet bound.
#[derive(Debug, Clone)]
pub enum WorkloadPlacement {
    /// A container group in a subnet.
    Aci(Spanned<Reference>),
    /// A pod on a cluster.
    Pod(Spanned<Reference>),
}

/// A port that the built-in server listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listen {
    /// The scheme.
    pub scheme: ListenScheme,
    /// The port.
    pub port: u16,
}

/// What the built-in server speaks on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListenScheme {
    /// HTTP.
    Http,
    /// TCP: the same HTTP server.
    Tcp,
    /// UDP: an echo.
    Udp,
}

/// A probe.
#[derive(Debug, Clone)]
pub struct Probe {
    /// Its key.
    pub key: Span,
    /// The calling workload.
    pub from: Option<Spanned<Reference>>,
    /// Whom it calls.
    pub to: Option<Spanned<Host>>,
    /// What it speaks.
    pub scheme: Option<Spanned<Scheme>>,
    /// The port.
    pub port: Option<Spanned<u16>>,
    /// The path.
    pub path: Option<Spanned<String>>,
    /// The HTTP method.
    pub method: Option<Spanned<String>>,
    /// HTTP headers.
    pub headers: BTreeMap<String, Spanned<SecretText>>,
    /// What is sent: the body of a request, the payload of a datagram.
    pub send: Option<Spanned<String>>,
    /// The DNS server that is asked.
    pub resolver: Option<Spanned<Ipv4Addr>>,
    /// The DNS record type that is asked for.
    pub record_type: Option<Spanned<String>>,
    /// How long one try may take.
    pub timeout: Option<Spanned<Duration>>,
    /// How often it is tried until it fits.
    pub attempts: Option<Spanned<u32>>,
    /// The pause between tries.
    pub every: Option<Spanned<Duration>>,
    /// The connections of one try.
    pub count: Option<Spanned<u32>>,
    /// Whether its connection is kept from step to step.
    pub connection: Option<Spanned<ProbeConnection>>,
    pub(crate) unread: Unread,
}

/// Whom a probe calls, not yet bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Address(Ipv4Addr),
    /// A workload.
    Name(Reference),
    /// A host name.
    Hostname(String),
}

/// What a probe speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// HTTP.
    Http,
    /// HTTP over TLS.
    Https,
    /// A TLS handshake.
    Tls,
    /// A TCP handshake.
    Tcp,
    /// A datagram and its echo.
    Udp,
    /// A DNS question.
    Dns,
    /// An ICMP echo.
    Icmp,
}

impl Scheme {
    /// Every scheme with its word.
    pub const ALL: [(&str, Scheme); 7] = [
        ("http", Scheme::Http),
        ("https", Scheme::Https),
        ("tls", Scheme::Tls),
        ("tcp", Scheme::Tcp),
        ("udp", Scheme::Udp),
        ("dns", Scheme::Dns),
        ("icmp", Scheme::Icmp),
    ];

    /// The port that is called where none is given; `None` where one must be, or there is none.
    #[must_use]
    pub fn default_port(self) -> Option<u16> {
        match self {
            Scheme::Http => Some(80),
            Scheme::Https | Scheme::Tls => Some(443),
            Scheme::Dns => Some(53),
            Scheme::Tcp | Scheme::Udp | Scheme::Icmp => None,
        }
    }

    /// Whether it has ports at all.
    #[must_use]
    pub fn has_port(self) -> bool {
        self != Scheme::Icmp
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Scheme::ALL.into_iter().find(|(_, scheme)| scheme == self);
        f.write_str(word.map_or("", |(word, _)| word))
    }
}

/// Which connection a probe uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProbeConnection {
    /// A new one each time.
    #[default]
    New,
    /// One that is opened at its first probe and never again.
    Held,
}

/// A statement about all packets.
#[derive(Debug, Clone)]
pub struct Invariant {
    /// Its key.
    pub key: Span,
    /// What it claims.
    pub claim: Option<Spanned<Claim>>,
}

impl Invariant {
    /// The claim, as written.
    #[must_use]
    pub fn words(&self) -> String {
        self.claim
            .as_ref()
            .map(|claim| claim.value.words.clone())
            .unwrap_or_default()
    }
}

/// What an invariant claims, not yet bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The sentence, as written.
    pub words: String,
    /// Whether it holds for every flow or for none.
    pub quantifier: Quantifier,
    /// What is claimed of them.
    pub statement: Statement,
}

/// Whether a claim holds for every flow or for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// No flow does.
    Never,
    /// Every flow does.
    Always,
}

/// What is claimed of flows, not yet bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// Who sends to whom.
    Reach {
        /// The senders.
        from: Set,
        /// The receivers.
        to: Set,
        /// The destination ports; empty is any.
        ports: Vec<PortRange>,
        /// The protocol; `None` is every one, or TCP and UDP where ports are given.
        protocol: Option<Protocol>,
        /// An appliance that the flow passes, or does not.
        passing: Option<Passing>,
        /// Whether the answers to flows the other way are meant, not new flows.
        reply: bool,
    },
    /// Which sources arrive.
    Observe {
        /// At whom.
        at: Spanned<Reference>,
        /// The sources.
        sources: Set,
    },
}

/// An appliance on the way of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passing {
    /// Whether it is passed.
    pub via: bool,
    /// The appliance.
    pub appliance: Spanned<Reference>,
}

/// Where a judgement is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plane {
    /// By the analysis.
    Predict,
    /// By packets on the local Azure.
    Local,
    /// By packets on Azure.
    Azure,
}

/// A step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Where it stands.
    pub span: Span,
    /// Its name.
    pub name: Option<Spanned<String>>,
    /// What it does to the network.
    pub action: StepAction,
    /// What is probed then.
    pub probes: Vec<ProbeExpectation>,
    /// What is proven in this step alone.
    pub prove: BTreeMap<Name, Invariant>,
    /// The invariants that this step breaks.
    pub expect_broken: Vec<Spanned<Name>>,
    /// The matrix rows with which it is run: axis to rows; empty is all.
    pub when: BTreeMap<Name, Vec<Spanned<String>>>,
    /// The planes on which it is run; empty is all.
    pub planes: Vec<Spanned<Plane>>,
    /// A remark that the report shows.
    pub note: Option<Spanned<String>>,
    /// A pause before the probes.
    pub wait: Option<Spanned<Duration>>,
    pub(crate) unread: Unread,
}

/// What a step does to the network.
#[derive(Debug, Clone)]
pub enum StepAction {
    /// Deploys everything.
    Deploy,
    /// Changes what the paths name.
    Change {
        /// What is changed.
        changes: Vec<Change>,
        /// The paths that are sent one after the other, in this order; empty sends all at once.
        order: Vec<Spanned<String>>,
    },
    /// Takes back changes.
    Undo {
        /// Where the word stands.
        span: Span,
        /// Whether all are taken back, not only the newest.
        all: bool,
    },
    /// Nothing.
    None,
}

/// One entry of a `change`.
#[derive(Debug, Clone)]
pub struct Change {
    /// The path, as written.
    pub path: Spanned<String>,
    /// Its segments.
    pub(super) segments: Vec<Text>,
    /// The new value; null removes.
    pub(super) value: Node,
}

impl Change {
    /// The segments of the path.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().map(|segment| segment.text.as_str())
    }
}

/// A probe and what is expected of it.
#[derive(Debug, Clone)]
pub struct ProbeExpectation {
    /// The probe.
    pub probe: Spanned<String>,
    /// Where its expectation stands.
    pub span: Span,
    /// The answers of which one must be seen.
    pub one_of: Vec<Spanned<Answer>>,
    /// The HTTP status, where it has a key of its own.
    pub status: Option<Spanned<u16>>,
    /// What the body must hold.
    pub body: Option<Spanned<BodyMatch>>,
    /// Who the called endpoint must see.
    pub source: Option<Spanned<ExpectedSource>>,
    /// The set in which the source must lie.
    pub source_in: Option<Set>,
    /// The set in which the source must not lie.
    pub not_source: Option<Set>,
    /// Headers of the answer and what they must hold.
    pub header: BTreeMap<String, Spanned<BodyMatch>>,
    /// The appliances that the flow must pass, in order.
    pub via: Vec<Spanned<Reference>>,
    /// The appliances that it must not pass.
    pub avoid: Vec<Spanned<Reference>>,
    /// What must have decided.
    pub by: Option<Spanned<ByPattern>>,
    /// The addresses that a DNS answer must hold.
    pub answers: Vec<Spanned<Host>>,
    /// The longest round trip.
    pub rtt: Option<Spanned<Duration>>,
    /// How long after a change it may take until it fits.
    pub within: Option<Spanned<Duration>>,
    /// How many tries in a row must agree.
    pub stable: Option<Spanned<u32>>,
    /// The planes on which it is judged; empty is all.
    pub planes: Vec<Spanned<Plane>>,
    pub(crate) unread: Unread,
}

/// The author's word for a source, not yet bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedSource {
    /// `node`.
    Node,
    /// `pod`.
    Pod,
    /// `self`.
    Caller,
    /// An address.
    Address(Ipv4Addr),
    /// A workload.
    Name(Reference),
}

/// What happens to the resources at the end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifecycle {
    /// When they are deleted.
    pub cleanup: Cleanup,
    /// How long a failed run's resources are kept before they are deleted.
    pub keep_on_failure: Duration,
    /// After which time they may be collected as left over.
    pub ttl: Duration,
    /// How many combinations of the matrix are run side by side.
    pub parallel: u32,
    /// An existing resource group to deploy into.
    pub group: Option<String>,
}

impl Default for Lifecycle {
    fn default() -> Lifecycle {
        Lifecycle {
            cleanup: Cleanup::Always,
            keep_on_failure: Duration::ZERO,
            ttl: Duration::from_secs(4 * 60 * 60),
            parallel: 1,
            group: None,
        }
    }
}

/// When resources are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanup {
    /// Always.
    Always,
    /// When every verdict passed.
    OnSuccess,
    /// Never.
    Never,
}

/// What a run may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// Wall time.
    pub time: Option<Duration>,
    /// The number of clusters.
    pub clusters: Option<u32>,
    /// The number of resources.
    pub resources: Option<u32>,
}
