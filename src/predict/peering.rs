//! Peerings: which other virtual networks one reaches directly, and how sure that is (R40).
//!
//! A peering carries once both sides have their object and no state says otherwise; it is not
//! transitive, so nothing here follows a second one.

use std::net::Ipv4Addr;

use crate::arm::views::{Peering, PeeringState, VirtualNetwork};
use crate::net::Prefix;

use super::network::Network;
use super::readings::{Readings, Truth};

/// A peering of one virtual network, seen from there.
#[derive(Debug, Clone)]
pub(super) struct Link<'n> {
    /// The near side's object.
    pub(super) near: &'n Peering,
    /// The far virtual network, where it is among the resources.
    pub(super) vnet: Option<&'n VirtualNetwork>,
    /// The far side's object.
    pub(super) far: Option<&'n Peering>,
    /// The far ranges that are peered.
    pub(super) prefixes: Vec<Prefix>,
    /// Whether it carries.
    pub(super) connected: Truth,
}

impl Link<'_> {
    pub(super) fn holds(&self, address: Ipv4Addr) -> bool {
        self.prefixes.iter().any(|prefix| prefix.contains(&address))
    }

    /// R19: whether the far ranges are in the near side's `VirtualNetwork`.
    pub(super) fn in_virtual_network(&self) -> Truth {
        if !self.near.allow_virtual_network_access {
            return Truth::No;
        }
        let far_denies = self
            .far
            .is_some_and(|far| !far.allow_virtual_network_access);
        match &self.connected {
            Truth::Yes if far_denies => Truth::open(
                "R19: VirtualNetwork holds a peer on whose side alone access is off",
                "R19: VirtualNetwork leaves out a peer on whose side alone access is off",
            ),
            connected => connected.clone(),
        }
    }
}

/// The peerings of `vnet`.
pub(super) fn links<'n>(network: &'n Network<'n>, vnet: &'n VirtualNetwork) -> Vec<Link<'n>> {
    let link = |near: &'n Peering| {
        let remote = network.vnet(&near.remote);
        let far = remote.and_then(|remote| {
            let mut peerings = remote.peerings.iter();
            peerings.find(|peering| peering.remote == vnet.id)
        });
        let carries =
            |state: Option<PeeringState>| matches!(state, None | Some(PeeringState::Connected));
        let connected = match (remote, far, near.state) {
            (_, _, Some(PeeringState::Initiated | PeeringState::Disconnected)) => Truth::No,
            (Some(_), far, _) => far.is_some_and(|far| carries(far.state)).into(),
            (None, _, Some(PeeringState::Connected)) => Truth::Yes,
            (None, _, None) => Truth::open(
                format!(
                    "R40: `{}`, which the template does not hold, has its side of the peering",
                    near.remote.name()
                ),
                format!(
                    "R40: `{}`, which the template does not hold, lacks its side of the peering",
                    near.remote.name()
                ),
            ),
        };
        let prefixes = match remote {
            Some(remote) if near.remote_prefixes.is_empty() => remote.address_prefixes.clone(),
            _ => near.remote_prefixes.clone(),
        };
        Link {
            near,
            vnet: remote,
            far,
            prefixes,
            connected,
        }
    };
    vnet.peerings.iter().map(link).collect()
}

/// The peering of `vnet` that leads to `address`, if one carries.
pub(super) fn link_to<'n>(
    network: &'n Network<'n>,
    vnet: &'n VirtualNetwork,
    address: Ipv4Addr,
    readings: &mut Readings,
) -> Option<Link<'n>> {
    let mut links = links(network, vnet).into_iter();
    links.find(|link| link.holds(address) && readings.holds(&link.connected))
}

/// A peering of `vnet` of whose far ranges nothing is known.
pub(super) fn unknown_link<'n>(
    network: &'n Network<'n>,
    vnet: &'n VirtualNetwork,
) -> Option<Link<'n>> {
    let unknown = |link: &Link<'_>| link.prefixes.is_empty() && link.connected != Truth::No;
    links(network, vnet).into_iter().find(unknown)
}

/// The virtual network on the far side of a peering that carries, for `address`.
pub(super) fn is_linked(network: &Network<'_>, a: &VirtualNetwork, b: &VirtualNetwork) -> bool {
    let leads = |link: &Link<'_>| {
        link.vnet.is_some_and(|vnet| vnet.id == b.id) && link.connected != Truth::No
    };
    links(network, a).iter().any(leads)
}
