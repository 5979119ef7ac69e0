//! The nodes of a cluster: their names, addresses and pod ranges, and the addresses of pods.
//!
//! kubenet and overlay give each node a /24 of the pod range in order (R51, R59); the bridge has .1,
//! pods begin at .2. Azure CNI reserves `maxPods` addresses of the node subnet per node, 30 unless the
//! pool says otherwise (R56). A pod on the host network has its node's address (R62).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use axum::http::StatusCode;
use uuid::Uuid;

use crate::arm::ResourceId;
use crate::arm::views::{ClusterNetwork, ManagedCluster};
use crate::emulator::fabric::{Endpoint, EndpointId};
use crate::emulator::reply::Refusal;
use crate::emulator::store::Store;
use crate::net::Prefix;

use super::leases::{node_endpoint, subnet_is_full, subnet_prefix};

/// What a node is given unless its pool says otherwise (R56).
const MAX_PODS_OF_NODE_SUBNET: u32 = 30;

/// Gives the nodes of a cluster their addresses; nodes that stay keep theirs. Returns the endpoints
/// that went, with the pods on them.
///
/// # Errors
/// When a subnet is not there or full, or the pod range has no /24 left.
pub(in crate::emulator) fn lease_nodes(
    store: &mut Store,
    cluster: &ManagedCluster,
) -> Result<Vec<EndpointId>, Refusal> {
    let mut wanted = BTreeSet::new();
    for pool in &cluster.pools {
        let Some(subnet) = &pool.subnet else {
            return Err(Refusal::not_supported(format!(
                "Agent pool '{}' has no vnetSubnetID: the local Azure makes no virtual network for a cluster.",
                pool.name
            )));
        };
        let prefix = subnet_prefix(store, subnet)?;
        let network = subnet.parent().ok_or_else(|| subnet_is_full(subnet))?;
        for index in 0..pool.count {
            let name = node_name(&cluster.id, &pool.name, index);
            let endpoint = node_endpoint(&cluster.id, &name);
            wanted.insert(endpoint.clone());
            if store.leases.endpoints.contains_key(&endpoint) {
                continue;
            }
            let address = store
                .leases
                .first_free(&network, prefix)
                .ok_or_else(|| insufficient(subnet))?;
            let pod_prefix = match cluster.network {
                ClusterNetwork::Kubenet | ClusterNetwork::Overlay => {
                    Some(pod_prefix(store, cluster)?)
                }
                ClusterNetwork::NodeSubnet | ClusterNetwork::PodSubnet => None,
            };
            store.leases.endpoints.insert(
                endpoint.clone(),
                Endpoint::Node {
                    cluster: cluster.id.clone(),
                    name,
                    subnet: subnet.clone(),
                    address,
                    pod_prefix,
                },
            );
            if cluster.network == ClusterNetwork::NodeSubnet {
                for _ in 0..pool.max_pods.unwrap_or(MAX_PODS_OF_NODE_SUBNET) {
                    let address = store
                        .leases
                        .first_free(&network, prefix)
                        .ok_or_else(|| insufficient(subnet))?;
                    let reserved = store.leases.reserved.entry(endpoint.clone()).or_default();
                    reserved.push(address);
                }
            }
        }
    }
    Ok(drop_unwanted(store, &cluster.id, &wanted))
}

fn drop_unwanted(
    store: &mut Store,
    of: &ResourceId,
    wanted: &BTreeSet<EndpointId>,
) -> Vec<EndpointId> {
    let gone = store
        .leases
        .endpoints
        .iter()
        .filter(|(id, endpoint)| match endpoint {
            Endpoint::Node { cluster, .. } => cluster == of && !wanted.contains(id),
            Endpoint::Pod { cluster, node, .. } => cluster == of && !wanted.contains(node),
            Endpoint::ContainerGroup { .. } | Endpoint::NetworkInterface { .. } => false,
        })
        .map(|(id, _)| id.clone())
        .collect::<Vec<_>>();
    for id in &gone {
        store.leases.endpoints.remove(id);
        store.leases.reserved.remove(id);
    }
    gone
}

fn insufficient(subnet: &ResourceId) -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "InsufficientSubnetSize",
        format!(
            "Pre-allocated IPs exceed the free IPs of subnet {subnet}. Use a larger subnet, fewer nodes or a smaller maxPods."
        ),
    )
}

/// `aks-POOL-NUMBER-vmss000000`: the number is the cluster's, the last part counts in base 36.
fn node_name(cluster: &ResourceId, pool: &str, index: u32) -> String {
    let number = Uuid::new_v5(
        &Uuid::NAMESPACE_URL,
        cluster.as_str().to_ascii_lowercase().as_bytes(),
    )
    .as_u128()
        % 100_000_000;
    let mut digits = String::new();
    let mut rest = index;
    for _ in 0..6 {
        digits.insert(0, char::from_digit(rest % 36, 36).unwrap_or('0'));
        rest /= 36;
    }
    format!("aks-{pool}-{number:08}-vmss{digits}")
}

/// The first /24 of the pod range that no node has.
fn pod_prefix(store: &Store, cluster: &ManagedCluster) -> Result<Prefix, Refusal> {
    let refusal =
        |message: String| Refusal::new(StatusCode::BAD_REQUEST, "InvalidPodCidr", message);
    let range = cluster
        .pod_cidr
        .ok_or_else(|| refusal("The cluster has no podCidr.".to_owned()))?;
    let taken = store
        .leases
        .endpoints
        .values()
        .filter_map(|endpoint| match endpoint {
            Endpoint::Node {
                cluster: of,
                pod_prefix,
                ..
            } if *of == cluster.id => *pod_prefix,
            _ => None,
        })
        .collect::<BTreeSet<_>>();
    range
        .subnets(24)
        .ok()
        .and_then(|mut all| all.find(|prefix| !taken.contains(prefix)))
        .ok_or_else(|| refusal(format!("The pod range {range} has no /24 left for a node.")))
}

/// Where a pod is placed: its node and its address.
pub(in crate::emulator) struct Placement {
    pub(in crate::emulator) node: EndpointId,
    pub(in crate::emulator) node_name: String,
    pub(in crate::emulator) node_address: Ipv4Addr,
    pub(in crate::emulator) address: Ipv4Addr,
}

/// Places a pod on the named node, or on the one with the fewest pods, and gives it an address.
///
/// # Errors
/// A sentence for the pod's owner: no such node, or no address left.
pub(in crate::emulator) fn place_pod(
    store: &Store,
    cluster: &ManagedCluster,
    node: Option<&str>,
    host_network: bool,
) -> Result<Placement, String> {
    let endpoints = &store.leases.endpoints;
    let pods_on = |node: &EndpointId| {
        endpoints
            .values()
            .filter(|other| matches!(other, Endpoint::Pod { node: on, .. } if on == node))
            .count()
    };
    let (id, name, address, prefix) = endpoints
        .iter()
        .filter_map(|(id, endpoint)| match endpoint {
            Endpoint::Node {
                cluster: of,
                name,
                address,
                pod_prefix,
                ..
            } if *of == cluster.id && node.is_none_or(|node| node == name) => {
                Some((id, name, *address, *pod_prefix))
            }
            _ => None,
        })
        .min_by_key(|(id, ..)| pods_on(id))
        .ok_or_else(|| match node {
            Some(node) => format!("node `{node}` does not exist"),
            None => "0/0 nodes are available".to_owned(),
        })?;
    let pod_address = if host_network {
        Some(address)
    } else {
        pod_address(store, cluster, id, prefix)
    };
    Ok(Placement {
        node: id.clone(),
        node_name: name.clone(),
        node_address: address,
        address: pod_address.ok_or_else(|| format!("node `{name}` has no pod address left"))?,
    })
}

fn pod_address(
    store: &Store,
    cluster: &ManagedCluster,
    node: &EndpointId,
    prefix: Option<Prefix>,
) -> Option<Ipv4Addr> {
    let free = |address: &Ipv4Addr| !store.leases.is_pods(&cluster.id, *address);
    match cluster.network {
        ClusterNetwork::Kubenet | ClusterNetwork::Overlay => prefix?.hosts().skip(1).find(free),
        ClusterNetwork::NodeSubnet => store.leases.reserved.get(node)?.iter().copied().find(free),
        ClusterNetwork::PodSubnet => {
            let subnet = cluster
                .pools
                .iter()
                .find_map(|pool| pool.pod_subnet.clone())?;
            let prefix = subnet_prefix(store, &subnet).ok()?;
            store.leases.first_free(&subnet.parent()?, prefix)
        }
    }
}
