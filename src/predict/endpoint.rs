//! The ends of a flow: container groups, pods, nodes and network interfaces, each with its address and
//! its subnet.

use std::net::Ipv4Addr;

use crate::arm::views::{
    AgentPool, ClusterNetwork, IpConfiguration, ManagedCluster, NetworkInterface,
};
use crate::net::Prefix;

use super::network::Attachment;

/// One end of a flow, placed.
#[derive(Debug, Clone)]
pub(super) struct Endpoint<'n> {
    /// What it is, in words; unique.
    pub(super) name: String,
    pub(super) address: Ipv4Addr,
    /// The subnet that the address is drawn from, or the node's subnet for addresses of a pod range.
    pub(super) at: Attachment<'n>,
    /// The node, for pods and for the node itself.
    pub(super) node: Option<Node<'n>>,
    /// How the address came about, for a pod with an address of its own.
    pub(super) pod: Option<ClusterNetwork>,
    /// The network interface and the one of its addresses that this is, where the template has it.
    pub(super) nic: Option<(&'n NetworkInterface, &'n IpConfiguration)>,
    pub(super) assumed: bool,
}

/// A node of a managed cluster.
#[derive(Debug, Clone)]
pub(super) struct Node<'n> {
    pub(super) cluster: &'n ManagedCluster,
    pub(super) name: String,
    pub(super) address: Ipv4Addr,
    pub(super) at: Attachment<'n>,
    pub(super) pool: &'n AgentPool,
    /// The range of the pods behind the node, for kubenet and overlay.
    pub(super) pod_prefix: Option<Prefix>,
    pub(super) assumed: bool,
}

impl<'n> Endpoint<'n> {
    /// The node itself, as an end of a flow.
    pub(super) fn of_node(node: &Node<'n>) -> Endpoint<'n> {
        Endpoint {
            name: format!(
                "node `{}` of cluster `{}`",
                node.name,
                node.cluster.id.name()
            ),
            address: node.address,
            at: node.at,
            node: Some(node.clone()),
            pod: None,
            nic: None,
            assumed: node.assumed,
        }
    }

    /// Something that the question says is at an address of which the template knows no holder.
    pub(super) fn stranger(address: Ipv4Addr, at: Attachment<'n>) -> Endpoint<'n> {
        Endpoint {
            name: address.to_string(),
            address,
            at,
            node: None,
            pod: None,
            nic: None,
            assumed: false,
        }
    }

    /// R38, R51: whether the interface may get packets that are not its own. Container groups have no
    /// such switch.
    pub(super) fn may_forward(&self) -> bool {
        match self.nic {
            Some((nic, _)) => nic.enable_ip_forwarding,
            None => self.node.is_some(),
        }
    }

    /// Whether `address` lies in the ranges of the endpoint's own virtual network.
    pub(super) fn is_near(&self, address: Ipv4Addr) -> bool {
        let mut space = self.at.vnet.address_prefixes.iter();
        space.any(|prefix| prefix.contains(&address))
    }

    /// Whether the endpoint's address is one of the virtual network, not of a pod range.
    pub(super) fn in_virtual_network(&self) -> bool {
        !matches!(
            self.pod,
            Some(ClusterNetwork::Kubenet | ClusterNetwork::Overlay)
        )
    }

    /// Whether both ends are on one node.
    pub(super) fn shares_node_with(&self, other: &Endpoint<'_>) -> bool {
        match (&self.node, &other.node) {
            (Some(a), Some(b)) => a.cluster.id == b.cluster.id && a.address == b.address,
            _ => false,
        }
    }
}

impl Node<'_> {
    pub(super) fn is_of(&self, cluster: &ManagedCluster) -> bool {
        self.cluster.id == cluster.id
    }
}

/// The pod range of a kubenet or overlay cluster; 10.244.0.0/16 unless it is given (R51, R59).
pub(super) fn pod_cidr(cluster: &ManagedCluster) -> Prefix {
    cluster
        .pod_cidr
        .unwrap_or_else(|| Prefix::new_assert(Ipv4Addr::new(10, 244, 0, 0), 16))
}
