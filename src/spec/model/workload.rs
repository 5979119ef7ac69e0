//! Clusters and workloads.

use super::*;

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
