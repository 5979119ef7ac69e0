//! The addresses of each subnet that are still free: the first from the fifth on (R31).

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::arm::views::{Subnet, VirtualNetwork};
use crate::arm::{Addresses, ResourceId};

use super::PredictError;
use super::network::Network;
use super::nodes::told_nodes;

/// The free addresses of every subnet, given out in Azure's order.
pub(super) struct Free<'n> {
    /// What is told already, by virtual network.
    taken: BTreeSet<(&'n ResourceId, Ipv4Addr)>,
    network: &'n Network<'n>,
    /// The next address to look at, by subnet.
    next: BTreeMap<ResourceId, u32>,
}

impl<'n> Free<'n> {
    pub(super) fn new(network: &'n Network<'n>, addresses: &Addresses) -> Free<'n> {
        let mut taken = BTreeSet::new();
        for group in &network.groups {
            let told = addresses.container_groups.get(&group.id.key());
            let told = told.copied().or(group.address);
            let at = group.subnet.as_ref().and_then(|id| network.attachment(id));
            taken.extend(at.zip(told).map(|(at, address)| (&at.vnet.id, address)));
        }
        for nic in &network.interfaces {
            for (index, configuration) in nic.ip_configurations.iter().enumerate() {
                let told = addresses.network_interfaces.get(&nic.id.key());
                let told = told.filter(|_| index == 0).copied();
                let at = configuration.subnet.as_ref();
                let at = at.and_then(|id| network.attachment(id));
                let told = at.zip(told.or(configuration.address));
                taken.extend(told.map(|(at, address)| (&at.vnet.id, address)));
            }
        }
        for cluster in &network.clusters {
            let key = cluster.id.key();
            let pods = addresses
                .pods
                .iter()
                .filter(|((other, _), _)| *other == key);
            let pods = pods.map(|(_, pod)| pod.address);
            let nodes = told_nodes(&key, addresses).into_iter();
            let told = pods.chain(nodes.map(|(_, address)| address));
            let subnet = cluster.pools.iter().find_map(|pool| pool.subnet.as_ref());
            if let Some(at) = subnet.and_then(|id| network.attachment(id)) {
                taken.extend(told.map(|address| (&at.vnet.id, address)));
            }
        }
        Free {
            taken,
            network,
            next: BTreeMap::new(),
        }
    }

    fn vnet(&self, subnet: &Subnet) -> Option<&'n VirtualNetwork> {
        self.network.attachment(&subnet.id).map(|at| at.vnet)
    }

    /// The first free address of the subnet: Azure keeps the first four and the last (R31).
    fn first(&mut self, subnet: &Subnet) -> Option<Ipv4Addr> {
        let vnet = self.vnet(subnet)?;
        let prefix = subnet.prefixes.first()?;
        let next = self
            .next
            .entry(subnet.id.clone())
            .or_insert_with(|| u32::from(prefix.network()).saturating_add(4));
        while *next < u32::from(prefix.broadcast()) {
            let address = Ipv4Addr::from(*next);
            *next += 1;
            if !self.taken.contains(&(&vnet.id, address)) {
                return Some(address);
            }
        }
        None
    }

    pub(super) fn take(&mut self, subnet: &Subnet, party: &str) -> Result<Ipv4Addr, PredictError> {
        self.first(subnet).ok_or_else(|| PredictError::SubnetFull {
            subnet: subnet.id.clone(),
            party: party.to_owned(),
        })
    }

    /// Up to `count` addresses. A subnet that is too small for all is Azure's to refuse, not ours.
    pub(super) fn reserve(&mut self, subnet: &Subnet, count: u32) -> Vec<Ipv4Addr> {
        (0..count).map_while(|_| self.first(subnet)).collect()
    }
}
