//! Clusters and workloads.

use super::*;

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
