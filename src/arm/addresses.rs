use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::ResourceKey;

/// What a template does not say: the addresses that a deployment gave out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Addresses {
    /// The private address of each container group.
    pub container_groups: BTreeMap<ResourceKey, Ipv4Addr>,
    /// The primary private address of each network interface.
    pub network_interfaces: BTreeMap<ResourceKey, Ipv4Addr>,
    /// The nodes of each cluster, in the order of their names.
    pub nodes: BTreeMap<ResourceKey, Vec<NodeAddress>>,
    /// The pods, by cluster and pod name.
    pub pods: BTreeMap<(ResourceKey, String), PodAddress>,
}

/// A node of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeAddress {
    /// The node's name.
    pub name: String,
    /// Its primary private address.
    pub address: Ipv4Addr,
}

/// A pod of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodAddress {
    /// The pod's address: of the pod range, of the virtual network, or the node's own.
    pub address: Ipv4Addr,
    /// The name of the node that it runs on.
    pub node: String,
    /// The primary private address of that node.
    pub node_address: Ipv4Addr,
}
