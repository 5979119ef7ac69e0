//! Source address translation on nodes: whom the far end sees when a pod calls.

use std::net::Ipv4Addr;

use crate::arm::views::ClusterNetwork;

use super::endpoint::{Endpoint, pod_cidr};
use super::readings::Readings;

/// The source address of packets from `endpoint` to `destination` once they leave the node.
///
/// | network | destination | source |
/// |---|---|---|
/// | container group | any | its own |
/// | host network | any | the node (R62) |
/// | kubenet | pod range | the pod (R51) |
/// | kubenet | node subnet | the node (R52), or the pod in an older account |
/// | kubenet | elsewhere | the node (R52) |
/// | overlay | pod range | the pod (R60) |
/// | overlay | elsewhere | the node (R60) |
/// | node subnet | the virtual network | the pod (R57) |
/// | node subnet | elsewhere | the node (R57) |
/// | pod subnet | any private address | the pod (R58) |
pub(super) fn source_seen(
    endpoint: &Endpoint<'_>,
    destination: Ipv4Addr,
    readings: &mut Readings,
) -> Ipv4Addr {
    let (Some(node), Some(network)) = (&endpoint.node, endpoint.pod) else {
        return endpoint.address;
    };
    let within_pods = || pod_cidr(node.cluster).contains(&destination);
    let within_vnet = || {
        let space = &node.at.vnet.address_prefixes;
        space.iter().any(|prefix| prefix.contains(&destination))
    };
    let within_node_subnet = || {
        let prefixes = &node.at.subnet.prefixes;
        prefixes.iter().any(|prefix| prefix.contains(&destination))
    };
    let keeps_own = match network {
        ClusterNetwork::Kubenet if within_pods() => true,
        ClusterNetwork::Kubenet if within_node_subnet() => !readings.ask_whether(
            "R52: kubenet translates everything that leaves the pod range, so the node is seen",
            "R52: kubenet does not translate within the node subnet, so the pod is seen",
        ),
        ClusterNetwork::Kubenet => false,
        ClusterNetwork::Overlay => within_pods(),
        ClusterNetwork::NodeSubnet => within_vnet(),
        ClusterNetwork::PodSubnet => true,
    };
    if keeps_own {
        endpoint.address
    } else {
        node.address
    }
}
