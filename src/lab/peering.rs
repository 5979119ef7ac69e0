//! Which virtual networks are peered, and which may share a conntrack zone: no kernel in sight.

use std::collections::{BTreeMap, BTreeSet};

use crate::arm::ResourceId;
use crate::arm::views::{Peering, PeeringState, VirtualNetwork};
use crate::emulator::fabric::FabricError;
use crate::net::Prefix;

use super::error::fabric_error;

/// A virtual network as one that is peered with it sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) network: ResourceId,
    /// Its address space.
    pub(super) prefixes: Vec<Prefix>,
    /// Whether it counts as `VirtualNetwork` on this side (R19).
    pub(super) access: bool,
    /// Whether this side takes what the peer forwarded but did not send itself (R41).
    pub(super) forwarded: bool,
}

/// The peers of each virtual network. Not transitive (R40).
pub(super) type Peers = BTreeMap<ResourceId, Vec<Peer>>;

/// Finds the peerings that stand: both sides are there and neither is disconnected (R40).
///
/// # Errors
/// When address spaces overlap that meet in a virtual network.
pub(super) fn peers(networks: &[VirtualNetwork]) -> Result<Peers, FabricError> {
    let connected = |side: &&Peering| {
        let state = side.state;
        state.is_none_or(|state| state == PeeringState::Connected)
    };
    let mut peers = Peers::new();
    for network in networks {
        for side in network.peerings.iter().filter(connected) {
            let mut others = networks.iter().filter(|other| other.id != network.id);
            let Some(remote) = others.find(|other| other.id == side.remote) else {
                continue;
            };
            let mut back = remote.peerings.iter().filter(connected);
            if back.any(|back| back.remote == network.id) {
                peers.entry(network.id.clone()).or_default().push(Peer {
                    network: remote.id.clone(),
                    prefixes: remote.address_prefixes.clone(),
                    access: side.allow_virtual_network_access,
                    forwarded: side.allow_forwarded_traffic,
                });
            }
        }
    }
    for network in networks {
        let mut met = vec![(&network.id, &network.address_prefixes)];
        for peer in peers.get(&network.id).into_iter().flatten() {
            for (id, prefixes) in &met {
                if overlap(prefixes, &peer.prefixes) {
                    return Err(fabric_error(
                        "read the network",
                        format!(
                            "`{}` is peered, but the address spaces of `{id}` and `{}` overlap (R40)",
                            network.id, peer.network
                        ),
                    ));
                }
            }
            met.push((&peer.network, &peer.prefixes));
        }
    }
    Ok(peers)
}

fn overlap(some: &[Prefix], others: &[Prefix]) -> bool {
    some.iter().any(|one| {
        let meets = |other: &Prefix| one.contains(other) || other.contains(one);
        others.iter().any(meets)
    })
}

/// The conntrack zone of each virtual network: the same for those that can exchange packets, another
/// for those that use the same addresses without being able to. A network keeps its zone where that
/// holds, since a flow is known only in the zone that it began in.
pub(super) fn zones(
    spaces: &BTreeMap<ResourceId, Vec<Prefix>>,
    peers: &Peers,
    before: &BTreeMap<ResourceId, u16>,
) -> BTreeMap<ResourceId, u16> {
    let mut zones = BTreeMap::new();
    let mut taken = Vec::<(u16, Vec<Prefix>)>::new();
    for id in spaces.keys() {
        if zones.contains_key(id) {
            continue;
        }
        let members = component(id, spaces, peers);
        let space = members.iter().filter_map(|member| spaces.get(member));
        let space = space.flatten().copied().collect::<Vec<_>>();
        let free = |zone: &u16| {
            let clash = |(other, space_of_other): &(u16, Vec<Prefix>)| {
                other == zone && overlap(&space, space_of_other)
            };
            !taken.iter().any(clash)
        };
        let kept = members.iter().filter_map(|member| before.get(member));
        let zone = kept.copied().chain(1..=u16::MAX).find(free).unwrap_or(1);
        for member in members {
            zones.insert(member, zone);
        }
        taken.push((zone, space));
    }
    zones
}

/// A virtual network with all that its packets can get to, through appliances too.
fn component(
    of: &ResourceId,
    spaces: &BTreeMap<ResourceId, Vec<Prefix>>,
    peers: &Peers,
) -> BTreeSet<ResourceId> {
    let mut members = BTreeSet::new();
    let mut open = vec![of.clone()];
    while let Some(id) = open.pop() {
        let next = peers.get(&id).into_iter().flatten();
        let next = next.map(|peer| peer.network.clone()).collect::<Vec<_>>();
        if spaces.contains_key(&id) && members.insert(id) {
            open.extend(next);
        }
    }
    members
}

#[cfg(test)]
mod tests;
