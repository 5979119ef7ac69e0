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
    /// The clusters.
    pub clusters: BTreeMap<Name, Cluster>,
    /// The workloads.
    pub workloads: BTreeMap<Name, Workload>,
    /// The probes.
    pub probes: BTreeMap<Name, Probe>,
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
    pub(crate) unread: Unread,
}

/// A subnet.
#[derive(Debug, Clone)]
pub struct Subnet {
    /// Its key.
    pub key: Span,
    /// Its range.
    pub prefix: Option<Spanned<Prefix>>,
    /// Its network security group.
    pub nsg: Option<Spanned<Reference>>,
    /// Whether Azure's default outbound access is on.
    pub default_outbound: Option<Spanned<bool>>,
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
    pub(crate) unread: Unread,
}

/// How the pods of a cluster get their addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterNetwork {
    /// kubenet: addresses of the pod range behind each node (R51).
    Kubenet,
    /// Azure CNI, addresses of the node subnet (R56).
    NodeSubnet,
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
    /// What it serves.
    pub serve: Vec<Spanned<Listen>>,
    /// What the built-in server answers.
    pub body: Option<Spanned<String>>,
    /// Cores, in thousandths.
    pub cpu_millis: Option<Spanned<u32>>,
    /// Memory in megabytes.
    pub memory_mb: Option<Spanned<u32>>,
    pub(crate) unread: Unread,
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
    /// The port.
    pub port: Option<Spanned<u16>>,
    /// The path.
    pub path: Option<Spanned<String>>,
    /// How long one try may take.
    pub timeout: Option<Spanned<Duration>>,
    pub(crate) unread: Unread,
}

/// Whom a probe calls, not yet bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Address(Ipv4Addr),
    /// A workload.
    Name(Reference),
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
    Change(Vec<Change>),
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
    /// What must have decided.
    pub by: Option<Spanned<ByPattern>>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifecycle {
    /// When they are deleted.
    pub cleanup: Cleanup,
    /// How long a failed run's resources are kept before they are deleted.
    pub keep_on_failure: Duration,
    /// After which time they may be collected as left over.
    pub ttl: Duration,
}

impl Default for Lifecycle {
    fn default() -> Lifecycle {
        Lifecycle {
            cleanup: Cleanup::Always,
            keep_on_failure: Duration::ZERO,
            ttl: Duration::from_secs(4 * 60 * 60),
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
