//! Placing the nodes of clusters, with the pod range behind each.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::arm::views::{ClusterNetwork, ManagedCluster};
use crate::arm::{Addresses, ResourceId, ResourceKey};
use crate::net::Prefix;

use super::PredictError;
use super::endpoint::{Node, pod_cidr};
use super::free::Free;
use super::network::Network;

/// The pods that Azure CNI makes room for on a node where nothing else is said (R56).
const DEFAULT_MAX_PODS: u32 = 30;

/// The nodes of a cluster. Under Azure CNI with the node subnet, the addresses reserved behind each
/// node go to `reserved`.
pub(super) fn place_nodes<'n>(
    network: &'n Network<'n>,
    cluster: &'n ManagedCluster,
    addresses: &Addresses,
    free: &mut Free<'_>,
    reserved: &mut BTreeMap<(ResourceId, Ipv4Addr), Vec<Ipv4Addr>>,
) -> Result<Vec<Node<'n>>, PredictError> {
    let key = cluster.id.key();
    let pools = cluster
        .pools
        .iter()
        .filter_map(|pool| Some((pool, network.attachment(pool.subnet.as_ref()?)?)))
        .collect::<Vec<_>>();
    let mut nodes = Vec::new();
    for (name, address) in told_nodes(&key, addresses) {
        // The pool is the one whose subnet holds the address.
        let home = pools
            .iter()
            .find(|(_, at)| at.subnet.prefixes.iter().any(|p| p.contains(&address)));
        if let Some((pool, at)) = home {
            nodes.push((name, address, *pool, *at, false));
        }
    }
    let assumed = nodes.is_empty();
    for (pool, at) in pools.iter().filter(|_| assumed) {
        for index in 0..pool.count {
            let name = format!("{}-{index}", pool.name);
            let words = format!("node `{name}` of cluster `{}`", cluster.id.name());
            let address = free.take(at.subnet, &words)?;
            if cluster.network == ClusterNetwork::NodeSubnet {
                let own = free.reserve(at.subnet, pool.max_pods.unwrap_or(DEFAULT_MAX_PODS));
                reserved.insert((cluster.id.clone(), address), own);
            }
            nodes.push((name, address, *pool, *at, true));
        }
    }
    let nodes = nodes.into_iter().enumerate();
    Ok(nodes
        .map(|(index, (name, address, pool, at, assumed))| Node {
            cluster,
            pod_prefix: pod_prefix(cluster, &key, address, index, addresses),
            name,
            address,
            at,
            pool,
            assumed,
        })
        .collect())
}

/// Nodes that the deployment told, by itself or through the pods on them.
pub(super) fn told_nodes(cluster: &ResourceKey, addresses: &Addresses) -> Vec<(String, Ipv4Addr)> {
    let listed = addresses.nodes.get(cluster).map(Vec::as_slice);
    let mut nodes = listed
        .unwrap_or_default()
        .iter()
        .map(|node| (node.name.clone(), node.address))
        .collect::<Vec<_>>();
    for ((other, _), pod) in &addresses.pods {
        if other == cluster
            && nodes
                .iter()
                .all(|(_, address)| *address != pod.node_address)
        {
            nodes.push((pod.node.clone(), pod.node_address));
        }
    }
    nodes
}

/// The /24 behind a node (R51, R59): told by a pod on it, else by the node's place in the cluster.
fn pod_prefix(
    cluster: &ManagedCluster,
    key: &ResourceKey,
    node: Ipv4Addr,
    index: usize,
    addresses: &Addresses,
) -> Option<Prefix> {
    if !matches!(
        cluster.network,
        ClusterNetwork::Kubenet | ClusterNetwork::Overlay
    ) {
        return None;
    }
    let told = addresses.pods.iter().find(|((other, _), pod)| {
        other == key && pod.node_address == node && pod.address != pod.node_address
    });
    match told {
        Some((_, pod)) => Prefix::new(pod.address, 24)
            .ok()
            .map(|prefix| prefix.trunc()),
        None => pod_cidr(cluster).subnets(24).ok()?.nth(index),
    }
}
