//! The endpoints of a network in the words of the analysis.

use crate::arm::{Addresses, NodeAddress, Party, PodAddress};
use crate::emulator::fabric::{Endpoint, NetworkState};

/// An endpoint as one end of a flow; `None` for a node, which runs no commands.
pub(super) fn party(endpoint: &Endpoint) -> Option<Party> {
    match endpoint {
        Endpoint::ContainerGroup { group, .. } => Some(Party::ContainerGroup(group.key())),
        Endpoint::Pod {
            cluster,
            name,
            host_network,
            ..
        } => Some(Party::Pod {
            cluster: cluster.key(),
            name: name.clone(),
            host_network: *host_network,
        }),
        Endpoint::Node { .. } | Endpoint::NetworkInterface { .. } => None,
    }
}

/// The addresses that a state gives out, as a deployment would tell them.
pub(super) fn addresses(state: &NetworkState) -> Addresses {
    let mut addresses = Addresses::default();
    for endpoint in state.endpoints.values() {
        match endpoint {
            Endpoint::ContainerGroup { group, address, .. } => {
                addresses.container_groups.insert(group.key(), *address);
            }
            Endpoint::NetworkInterface {
                interface, address, ..
            } => {
                addresses
                    .network_interfaces
                    .insert(interface.key(), *address);
            }
            Endpoint::Node {
                cluster,
                name,
                address,
                ..
            } => {
                let nodes = addresses.nodes.entry(cluster.key()).or_default();
                nodes.push(NodeAddress {
                    name: name.clone(),
                    address: *address,
                });
            }
            Endpoint::Pod {
                cluster,
                name,
                node,
                address,
                ..
            } => {
                if let Some(Endpoint::Node {
                    name: node,
                    address: node_address,
                    ..
                }) = state.endpoints.get(node)
                {
                    let pod = PodAddress {
                        address: *address,
                        node: node.clone(),
                        node_address: *node_address,
                    };
                    addresses.pods.insert((cluster.key(), name.clone()), pod);
                }
            }
        }
    }
    for nodes in addresses.nodes.values_mut() {
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
    }
    addresses
}
