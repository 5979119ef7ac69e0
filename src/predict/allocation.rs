//! Where each endpoint sits and which address it has: told by a deployment, or assumed.
//!
//! What is not told is assumed in Azure's order: the first free address of a subnet from its fifth
//! on (R31), nodes before everything else, then the addresses that Azure CNI reserves behind each
//! node (R56), then container groups. Pods of kubenet and overlay take addresses of their node's /24
//! (R51, R59), the first after the bridge's. An endpoint whose address was assumed says so.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::arm::views::{ClusterNetwork, ManagedCluster};
use crate::arm::{Addresses, Party, PodAddress, ResourceId, ResourceKey};
use crate::net::Prefix;

use super::PredictError;
use super::endpoint::{Endpoint, Node, pod_cidr};
use super::free::Free;
use super::network::{Attachment, Network};

/// The pods that Azure CNI makes room for on a node where nothing else is said (R56).
const DEFAULT_MAX_PODS: u32 = 30;

/// Every endpoint of the network, placed.
#[derive(Debug)]
pub(super) struct Allocation<'n> {
    network: &'n Network<'n>,
    pub(super) nodes: Vec<Node<'n>>,
    /// Container groups and pods.
    endpoints: BTreeMap<Party, Endpoint<'n>>,
}

impl<'n> Allocation<'n> {
    /// Places everything in the template, and the pods that `parties` name.
    pub(super) fn new(
        network: &'n Network<'n>,
        addresses: &Addresses,
        parties: &[&Party],
    ) -> Result<Allocation<'n>, PredictError> {
        let mut free = Free::new(network, addresses);
        let mut allocation = Allocation {
            network,
            nodes: Vec::new(),
            endpoints: BTreeMap::new(),
        };
        let mut reserved = BTreeMap::new();
        for cluster in &network.clusters {
            let nodes = place_nodes(network, cluster, addresses, &mut free, &mut reserved)?;
            allocation.nodes.extend(nodes);
        }
        allocation.place_groups(addresses, &mut free)?;
        for ((cluster, name), told) in &addresses.pods {
            let host_network = told.address == told.node_address;
            allocation.place_pod(
                cluster,
                name,
                host_network,
                Some(told),
                &mut free,
                &reserved,
            )?;
        }
        for party in parties {
            match party {
                Party::Pod {
                    cluster,
                    name,
                    host_network,
                } if !addresses
                    .pods
                    .contains_key(&(cluster.clone(), name.clone())) =>
                {
                    allocation.place_pod(
                        cluster,
                        name,
                        *host_network,
                        None,
                        &mut free,
                        &reserved,
                    )?;
                }
                Party::Pod { .. } | Party::ContainerGroup(_) => {}
            }
        }
        Ok(allocation)
    }

    /// The endpoint that stands for `party`.
    pub(super) fn endpoint(&self, party: &Party) -> Result<&Endpoint<'n>, PredictError> {
        let placed = self.endpoints.iter().find_map(|(other, endpoint)| {
            let same = match (other, party) {
                // Whether a pod uses the host's network shows in its address, once it is told.
                (
                    Party::Pod { cluster, name, .. },
                    Party::Pod {
                        cluster: wanted,
                        name: pod,
                        ..
                    },
                ) => cluster == wanted && name == pod,
                (a, b) => a == b,
            };
            same.then_some(endpoint)
        });
        match (placed, party) {
            (Some(endpoint), _) => Ok(endpoint),
            (None, Party::ContainerGroup(key)) => Err(self.unplaced_group(key)),
            (None, Party::Pod { cluster, .. }) => Err(self.unplaced_pod(cluster, party)),
        }
    }

    /// Who holds `address`, seen from `caller`: a pod behind one of the nodes of its virtual network,
    /// or an interface in it.
    pub(super) fn holder(&self, caller: &Endpoint<'n>, address: Ipv4Addr) -> Option<Endpoint<'n>> {
        let near = |at: Attachment<'_>| at.vnet.id == caller.at.vnet.id;
        let node = || {
            let node = self
                .nodes
                .iter()
                .find(|node| node.address == address && near(node.at))?;
            Some(Endpoint::of_node(node))
        };
        self.endpoints
            .values()
            .find(|endpoint| endpoint.address == address && near(endpoint.at))
            .cloned()
            .or_else(node)
    }

    fn place_groups(
        &mut self,
        addresses: &Addresses,
        free: &mut Free<'_>,
    ) -> Result<(), PredictError> {
        for group in &self.network.groups {
            // A group without a subnet, or in a subnet outside the template, is an error only for
            // who asks about it.
            let Some(at) = group
                .subnet
                .as_ref()
                .and_then(|id| self.network.attachment(id))
            else {
                continue;
            };
            let key = group.id.key();
            let name = format!("container group `{}`", group.id.name());
            let told = addresses.container_groups.get(&key).copied();
            let told = told.or(group.address);
            let address = match told {
                Some(address) => address,
                None => free.take(at.subnet, &name)?,
            };
            let endpoint = Endpoint {
                name,
                address,
                at,
                node: None,
                pod: None,
                assumed: told.is_none(),
            };
            self.endpoints.insert(Party::ContainerGroup(key), endpoint);
        }
        Ok(())
    }

    fn place_pod(
        &mut self,
        cluster: &ResourceKey,
        name: &str,
        host_network: bool,
        told: Option<&PodAddress>,
        free: &mut Free<'_>,
        reserved: &BTreeMap<(ResourceId, Ipv4Addr), Vec<Ipv4Addr>>,
    ) -> Result<(), PredictError> {
        let Some(cluster) = self.network.cluster(cluster) else {
            return Ok(());
        };
        let node = self.nodes.iter().find(|node| {
            node.is_of(cluster) && told.is_none_or(|told| node.address == told.node_address)
        });
        let Some(node) = node.cloned() else {
            return Ok(());
        };
        let party = Party::Pod {
            cluster: cluster.id.key(),
            name: name.to_owned(),
            host_network,
        };
        let words = format!("pod `{name}` of cluster `{}`", cluster.id.name());
        let pod_subnet = node.pool.pod_subnet.as_ref();
        let at = match (cluster.network, pod_subnet) {
            (ClusterNetwork::PodSubnet, Some(id)) if !host_network => {
                self.network
                    .attachment(id)
                    .ok_or_else(|| PredictError::Missing {
                        resource: id.clone(),
                        referrer: cluster.id.clone(),
                    })?
            }
            _ => node.at,
        };
        let address = match told {
            Some(told) => told.address,
            None if host_network => node.address,
            None => {
                let held = |address: &Ipv4Addr| {
                    self.endpoints.values().any(|other| {
                        other.address == *address
                            && other.node.as_ref().is_some_and(|n| n.is_of(cluster))
                    })
                };
                let behind_node = match cluster.network {
                    ClusterNetwork::Kubenet | ClusterNetwork::Overlay => node
                        .pod_prefix
                        .and_then(|prefix| prefix.hosts().skip(1).find(|address| !held(address))),
                    ClusterNetwork::NodeSubnet => reserved
                        .get(&(cluster.id.clone(), node.address))
                        .and_then(|own| own.iter().copied().find(|address| !held(address))),
                    ClusterNetwork::PodSubnet => None,
                };
                match behind_node {
                    Some(address) => address,
                    None => free.take(at.subnet, &words)?,
                }
            }
        };
        let endpoint = Endpoint {
            name: words,
            address,
            at,
            assumed: told.is_none() || node.assumed,
            node: Some(node),
            pod: (!host_network).then_some(cluster.network),
        };
        self.endpoints.insert(party, endpoint);
        Ok(())
    }

    fn unplaced_group(&self, key: &ResourceKey) -> PredictError {
        match self.network.group(key) {
            None => PredictError::UnknownParty {
                party: format!("container group `{}`", key.name),
            },
            Some(group) => match &group.subnet {
                Some(subnet) => PredictError::Missing {
                    resource: subnet.clone(),
                    referrer: group.id.clone(),
                },
                None => PredictError::Unsupported {
                    what: format!("container group `{}`, which is in no subnet", key.name),
                },
            },
        }
    }

    fn unplaced_pod(&self, key: &ResourceKey, party: &Party) -> PredictError {
        let Some(cluster) = self.network.cluster(key) else {
            return PredictError::UnknownParty {
                party: format!("cluster `{}`", key.name),
            };
        };
        let subnet = cluster.pools.iter().find_map(|pool| pool.subnet.as_ref());
        match subnet {
            Some(subnet) if self.network.attachment(subnet).is_none() => PredictError::Missing {
                resource: subnet.clone(),
                referrer: cluster.id.clone(),
            },
            Some(_) => {
                let name = match party {
                    Party::Pod { name, .. } => name,
                    Party::ContainerGroup(key) => &key.name,
                };
                PredictError::Unsupported {
                    what: format!("pod `{name}`, for which cluster `{}` has no node", key.name),
                }
            }
            None => PredictError::Unsupported {
                what: format!(
                    "cluster `{}`, whose virtual network Azure makes by itself",
                    key.name
                ),
            },
        }
    }
}

/// The nodes of a cluster. Under Azure CNI with the node subnet, the addresses reserved behind each
/// node go to `reserved`.
fn place_nodes<'n>(
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
