//! Placing container groups, network interfaces and pods, each in its subnet.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::arm::views::ClusterNetwork;
use crate::arm::{Addresses, Party, PodAddress, ResourceId, ResourceKey};

use super::PredictError;
use super::allocation::Allocation;
use super::endpoint::Endpoint;
use super::free::Free;

impl Allocation<'_> {
    pub(super) fn place_groups(
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
                nic: None,
                assumed: told.is_none(),
            };
            self.endpoints.insert(Party::ContainerGroup(key), endpoint);
        }
        Ok(())
    }

    pub(super) fn place_interfaces(
        &mut self,
        addresses: &Addresses,
        free: &mut Free<'_>,
    ) -> Result<(), PredictError> {
        for nic in &self.network.interfaces {
            let key = nic.id.key();
            for (index, configuration) in nic.ip_configurations.iter().enumerate() {
                // As for container groups: an error only for who asks about it.
                let at = configuration.subnet.as_ref();
                let Some(at) = at.and_then(|id| self.network.attachment(id)) else {
                    continue;
                };
                let primary = index == 0;
                let name = match primary {
                    true => self.network.interface_name(nic),
                    false => format!(
                        "address `{}` of {}",
                        configuration.name,
                        self.network.interface_name(nic)
                    ),
                };
                let told = addresses.network_interfaces.get(&key).filter(|_| primary);
                let told = told.copied().or(configuration.address);
                let endpoint = Endpoint {
                    address: match told {
                        Some(address) => address,
                        None => free.take(at.subnet, &name)?,
                    },
                    name,
                    at,
                    node: None,
                    pod: None,
                    nic: Some((nic, configuration)),
                    assumed: told.is_none(),
                };
                if primary {
                    let party = Party::NetworkInterface(key.clone());
                    self.endpoints.insert(party, endpoint);
                } else {
                    self.secondary.push(endpoint);
                }
            }
        }
        Ok(())
    }

    pub(super) fn place_pod(
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
            nic: None,
        };
        self.endpoints.insert(party, endpoint);
        Ok(())
    }
}
