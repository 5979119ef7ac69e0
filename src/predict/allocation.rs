//! Where each endpoint sits and which address it has: told by a deployment, or assumed.
//!
//! What is not told is assumed in Azure's order: the first free address of a subnet from its fifth
//! on (R31), nodes before everything else, then the addresses that Azure CNI reserves behind each
//! node (R56), then container groups, then network interfaces. Pods of kubenet and overlay take
//! addresses of their node's /24 (R51, R59), the first after the bridge's. An endpoint whose address
//! was assumed says so.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::arm::views::VirtualNetwork;
use crate::arm::{Addresses, Party, ResourceId};

use super::PredictError;
use super::endpoint::{Endpoint, Node};
use super::free::Free;
use super::network::{Attachment, Network};
use super::nodes::place_nodes;

/// Every endpoint of the network, placed.
#[derive(Debug)]
pub(super) struct Allocation<'n> {
    pub(super) network: &'n Network<'n>,
    pub(super) nodes: Vec<Node<'n>>,
    /// Container groups, pods and the primary addresses of network interfaces.
    pub(super) endpoints: BTreeMap<Party, Endpoint<'n>>,
    /// Further addresses of network interfaces.
    pub(super) secondary: Vec<Endpoint<'n>>,
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
            secondary: Vec::new(),
        };
        let mut reserved = BTreeMap::new();
        for cluster in &network.clusters {
            let nodes = place_nodes(network, cluster, addresses, &mut free, &mut reserved)?;
            allocation.nodes.extend(nodes);
        }
        allocation.place_groups(addresses, &mut free)?;
        allocation.place_interfaces(addresses, &mut free)?;
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
                Party::Pod { .. } | Party::ContainerGroup(_) | Party::NetworkInterface(_) => {}
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
            (None, Party::Pod { cluster, name, .. }) => Err(self.unplaced_pod(cluster, name)),
            (None, Party::NetworkInterface(key)) => Err(self.unplaced_interface(key)),
        }
    }

    /// Who holds `address` in `vnet`: an endpoint there, or a pod behind one of its nodes.
    pub(super) fn holder(&self, vnet: &VirtualNetwork, address: Ipv4Addr) -> Option<Endpoint<'n>> {
        let near = |at: Attachment<'_>| at.vnet.id == vnet.id;
        let node = || {
            let mut nodes = self.nodes.iter();
            let node = nodes.find(|node| node.address == address && near(node.at))?;
            Some(Endpoint::of_node(node))
        };
        self.endpoints
            .values()
            .chain(&self.secondary)
            .find(|endpoint| endpoint.address == address && near(endpoint.at))
            .cloned()
            .or_else(node)
    }

    /// R24: the members of an application security group, each with the virtual network it is in.
    pub(super) fn members<'a>(
        &'a self,
        asg: &'a ResourceId,
    ) -> impl Iterator<Item = (&'n VirtualNetwork, Ipv4Addr)> + 'a {
        self.endpoints
            .values()
            .chain(&self.secondary)
            .filter(|endpoint| {
                endpoint
                    .nic
                    .is_some_and(|(_, configuration)| configuration.asgs.contains(asg))
            })
            .map(|endpoint| (endpoint.at.vnet, endpoint.address))
    }
}
