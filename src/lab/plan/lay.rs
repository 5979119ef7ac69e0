//! The routes of each subnet, and the groups that guard each port.

use std::net::Ipv4Addr;

use crate::arm::ResourceId;
use crate::arm::views::{RouteTable, VirtualNetwork};
use crate::emulator::fabric::FabricError;
use crate::lab::effective::{PodRange, Surroundings, effective_routes};
use crate::lab::peering::Peer;
use crate::lab::{security, space};
use crate::net::Prefix;

use super::resources::Resources;
use super::{GroupKey, Guards, Host, Plan, Table, TableKey};

impl Plan {
    pub(super) fn lay(&mut self, resources: &Resources) -> Result<(), FabricError> {
        let overlays = self.overlays();
        let keys = self.ports.values().map(|port| port.table.clone());
        for key in keys.collect::<Vec<_>>() {
            if !self.tables.contains_key(&key) {
                let overlay = key.overlay.as_ref().and_then(|id| overlays.get(id));
                let overlay = overlay.map(Vec::as_slice).unwrap_or_default();
                let table = self.table(&key, overlay, resources)?;
                self.tables.insert(key, table);
            }
        }
        let mut guards = Vec::with_capacity(self.ports.len());
        for port in self.ports.values() {
            let (_, subnet) = resources.subnet(&port.table.subnet)?;
            guards.push((port.table.clone(), port.nic.clone(), subnet.nsg.clone()));
        }
        let guards = guards
            .into_iter()
            .map(|(table, nic, subnet)| {
                Ok(Guards {
                    nic: self.guard(nic.as_ref(), &table, resources)?,
                    subnet: self.guard(subnet.as_ref(), &table, resources)?,
                })
            })
            .collect::<Result<Vec<_>, FabricError>>()?;
        for (port, guards) in self.ports.values_mut().zip(guards) {
            port.guards = guards;
        }
        Ok(())
    }

    fn table(
        &self,
        key: &TableKey,
        overlay: &[PodRange],
        resources: &Resources,
    ) -> Result<Table, FabricError> {
        let (network, subnet) = resources.subnet(&key.subnet)?;
        let table = subnet.route_table.as_ref();
        let table = table.map(|table| resources.table(table)).transpose()?;
        let peers = self.peers_of(&network.id);
        let effective = effective_routes(&Surroundings {
            network,
            peers,
            table,
            overlay,
            host: &|address| self.host(&network.id, address),
        })?;
        let peered = peers.iter().flat_map(|peer| &peer.prefixes);
        let known = network.address_prefixes.iter().chain(peered);
        Ok(Table {
            network: network.id.clone(),
            effective,
            virtual_network: virtual_network_tag(network, peers, table, overlay),
            known: sorted(known.copied().collect()),
        })
    }

    /// The peers of a virtual network.
    pub(in crate::lab) fn peers_of(&self, network: &ResourceId) -> &[Peer] {
        self.peers
            .get(network)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// Who answers to an address, in the virtual network or one peered with it.
    fn host(&self, network: &ResourceId, address: Ipv4Addr) -> Option<Host> {
        let peers = self.peers_of(network).iter().map(|peer| &peer.network);
        std::iter::once(network)
            .chain(peers)
            .find_map(|network| self.networks.get(network)?.get(&address))
            .cloned()
    }

    fn guard(
        &mut self,
        group: Option<&ResourceId>,
        table: &TableKey,
        resources: &Resources,
    ) -> Result<Option<GroupKey>, FabricError> {
        let Some((group, table)) = group.zip(self.tables.get(table)) else {
            return Ok(None);
        };
        let group = resources.group(group)?;
        let key = GroupKey {
            group: group.id.clone(),
            virtual_network: table.virtual_network.clone(),
            known: table.known.clone(),
        };
        if !self.groups.contains_key(&key) {
            let compiled = security::compile(group, &key.known, &key.virtual_network, &self.asgs)?;
            self.groups.insert(key.clone(), compiled);
        }
        Ok(Some(key))
    }
}

/// What `VirtualNetwork` stands for (R17): the ranges, those of peers that this side lets in (R19),
/// the prefixes of the subnet's user-defined routes (R18), the host's address. Overlay pods reach each
/// other in practice with default rules, so their ranges count, though Microsoft does not say so (R60).
fn virtual_network_tag(
    network: &VirtualNetwork,
    peers: &[Peer],
    table: Option<&RouteTable>,
    overlay: &[PodRange],
) -> Vec<Prefix> {
    let user = table.into_iter().flat_map(|table| &table.routes);
    let peers = peers.iter().filter(|peer| peer.access);
    let mut prefixes = network.address_prefixes.clone();
    prefixes.extend(peers.flat_map(|peer| &peer.prefixes));
    prefixes.extend(user.map(|route| route.prefix));
    prefixes.extend(overlay.iter().map(|range| range.prefix));
    prefixes.push(space::PLATFORM);
    sorted(prefixes)
}

fn sorted(mut prefixes: Vec<Prefix>) -> Vec<Prefix> {
    prefixes.sort();
    prefixes.dedup();
    prefixes
}
