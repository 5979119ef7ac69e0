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

use super::leases::node_endpoint;
use super::subnets::{first_free, is_full, prefix as subnet_prefix};

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
        let network = subnet.parent().ok_or_else(|| is_full(subnet))?;
        let mut free = store.leases.free(&network, prefix);
        let mut next = || free.next().ok_or_else(|| insufficient(subnet));
        for index in 0..pool.count {
            let name = node_name(&cluster.id, &pool.name, index);
            let endpoint = node_endpoint(&cluster.id, &name);
            wanted.insert(endpoint.clone());
            if store.leases.endpoints.contains_key(&endpoint) {
                continue;
            }
            let address = next()?;
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
                let pods = pool.max_pods.unwrap_or(MAX_PODS_OF_NODE_SUBNET);
                let reserved = (0..pods).map(|_| next()).collect::<Result<_, _>>()?;
                store.leases.reserved.insert(endpoint, reserved);
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
    store.leases.drop_endpoints(&gone);
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

/// The pool of a node, by its name.
fn pool_of(node: &str) -> &str {
    node.split('-').nth(1).unwrap_or_default()
}

/// A node on which pods can run.
pub(in crate::emulator) struct Seat {
    pub(in crate::emulator) endpoint: EndpointId,
    pub(in crate::emulator) name: String,
    pub(in crate::emulator) pool: String,
    pub(in crate::emulator) address: Ipv4Addr,
    /// The names of the endpoints of the pods on it.
    pub(in crate::emulator) pods: Vec<EndpointId>,
    /// The most pods that it takes.
    pub(in crate::emulator) most: u32,
    /// The range of the pods behind it, for kubenet and overlay.
    pub(in crate::emulator) pod_prefix: Option<Prefix>,
}

/// The nodes of a cluster that are ready, in the order of their names.
pub(in crate::emulator) fn nodes(store: &Store, cluster: &ManagedCluster) -> Vec<Seat> {
    let endpoints = &store.leases.endpoints;
    let base = store.pending.get(&cluster.id).map(|pending| &pending.base);
    let mut seats = Vec::new();
    for (id, endpoint) in endpoints {
        let Endpoint::Node {
            cluster: of,
            name,
            address,
            pod_prefix,
            ..
        } = endpoint
        else {
            continue;
        };
        // A node that is being added takes no pods yet.
        let ready = base.is_none_or(|base| {
            let before = &base.holdings.endpoints;
            before.iter().any(|(before, _)| before == id)
        });
        if *of != cluster.id || !ready {
            continue;
        }
        let on = |endpoint: &Endpoint| matches!(endpoint, Endpoint::Pod { node, .. } if node == id);
        let pods = endpoints.iter().filter(|(_, endpoint)| on(endpoint));
        let pods = pods.map(|(pod, _)| pod.clone());
        let pool = pool_of(name);
        let pools = cluster.pools.iter();
        let most = pools
            .filter(|other| other.name == pool)
            .find_map(|pool| pool.max_pods);
        seats.push(Seat {
            endpoint: id.clone(),
            name: name.clone(),
            pool: pool.to_owned(),
            address: *address,
            pods: pods.collect(),
            most: most.unwrap_or(MAX_PODS_OF_NODE_SUBNET),
            pod_prefix: *pod_prefix,
        });
    }
    seats.sort_by(|a, b| a.name.cmp(&b.name));
    seats
}

/// The address of a new pod on a node; `None` when there is none left.
pub(in crate::emulator) fn pod_address(
    store: &Store,
    cluster: &ManagedCluster,
    node: &Seat,
) -> Option<Ipv4Addr> {
    let free = |address: &Ipv4Addr| !store.leases.is_pods(&cluster.id, *address);
    match cluster.network {
        ClusterNetwork::Kubenet | ClusterNetwork::Overlay => {
            node.pod_prefix?.hosts().skip(1).find(free)
        }
        ClusterNetwork::NodeSubnet => {
            let reserved = store.leases.reserved.get(&node.endpoint)?;
            reserved.iter().copied().find(free)
        }
        ClusterNetwork::PodSubnet => {
            let mut pools = cluster.pools.iter();
            let pool = pools.find(|pool| pool.name == node.pool)?;
            first_free(store, pool.pod_subnet.as_ref()?).ok()
        }
    }
}
