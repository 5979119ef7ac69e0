//! What service tags and address terms mean, seen from one subnet.
//!
//! `VirtualNetwork` depends on the viewer: the ranges of its virtual network and of the peers that its
//! side gives access (R19), and the prefixes of the user-defined routes of its subnet (R17, R18). Tags whose contents Azure publishes weekly (R23) are
//! left open.

use std::net::Ipv4Addr;

use crate::arm::ResourceId;
use crate::arm::views::{AddressMatch, AddressTerm, ClusterNetwork, VirtualNetwork};
use crate::net::Prefix;

use super::allocation::Allocation;
use super::endpoint::pod_cidr;
use super::network::{Attachment, Network};
use super::peering::{is_linked, links};
use super::readings::Truth;
use super::{PredictError, routes};

/// The host's virtual address: DNS, health probes (R20, R22).
pub(super) const PLATFORM_DNS: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
/// The instance metadata service (R22).
pub(super) const PLATFORM_IMDS: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// What `VirtualNetwork` and its relatives hold, seen from one subnet.
#[derive(Debug)]
pub(super) struct Viewpoint<'a, 'n> {
    vnet: &'n VirtualNetwork,
    allocation: &'a Allocation<'n>,
    /// Ranges of peers, each with whether it counts.
    peers: Vec<(Vec<Prefix>, Truth)>,
    /// Whether ranges may be connected through a gateway, which the template does not tell.
    gateway: bool,
    /// Prefixes of the subnet's own user-defined routes.
    own_routes: Vec<Prefix>,
    /// Prefixes of routes of other subnets of the virtual network.
    other_routes: Vec<Prefix>,
    /// Pod ranges of overlay clusters in the virtual network.
    overlays: Vec<Prefix>,
}

impl<'a, 'n> Viewpoint<'a, 'n> {
    pub(super) fn of(
        at: Attachment<'n>,
        network: &'n Network<'n>,
        allocation: &'a Allocation<'n>,
    ) -> Result<Viewpoint<'a, 'n>, PredictError> {
        let mut own_routes = Vec::new();
        let mut other_routes = Vec::new();
        for subnet in &at.vnet.subnets {
            let list = if subnet.id == at.subnet.id {
                &mut own_routes
            } else {
                &mut other_routes
            };
            let routes = routes::user_routes(Attachment { subnet, ..at }, network, allocation)?;
            list.extend(routes.into_iter().map(|route| route.prefix));
        }
        let overlays = allocation
            .nodes
            .iter()
            .filter(|node| node.cluster.network == ClusterNetwork::Overlay)
            .filter(|node| node.at.vnet.id == at.vnet.id)
            .map(|node| pod_cidr(node.cluster))
            .collect();
        let peers = links(network, at.vnet)
            .into_iter()
            .map(|link| (link.prefixes.clone(), link.in_virtual_network()))
            .collect();
        let remote_gateways = at.vnet.peerings.iter().any(|p| p.use_remote_gateways);
        Ok(Viewpoint {
            vnet: at.vnet,
            allocation,
            peers,
            gateway: remote_gateways || network.has_gateway(),
            own_routes,
            other_routes,
            overlays,
        })
    }

    /// Whether one side of a rule matches `address`.
    pub(super) fn matches(&self, side: &AddressMatch, address: Ipv4Addr) -> Truth {
        let terms = side.terms.iter().map(|term| match term {
            AddressTerm::Any => Truth::Yes,
            AddressTerm::Prefix(prefix) => prefix.contains(&address).into(),
            AddressTerm::Tag(tag) => self.tag(tag, address),
        });
        Truth::any(terms.chain(side.asgs.iter().map(|asg| self.asg(asg, address))))
    }

    /// R24: an application security group stands for the addresses of its members, which are all in
    /// one virtual network.
    fn asg(&self, asg: &ResourceId, address: Ipv4Addr) -> Truth {
        let found = self
            .allocation
            .members(asg)
            .filter(|(_, member)| *member == address);
        Truth::any(found.map(|(vnet, _)| {
            if vnet.id == self.vnet.id {
                Truth::Yes
            } else if is_linked(self.allocation.network, self.vnet, vnet) {
                Truth::open(
                    format!(
                        "R24: rules of another virtual network see members of `{}`",
                        asg.name()
                    ),
                    format!(
                        "R24: rules of another virtual network do not see members of `{}`",
                        asg.name()
                    ),
                )
            } else {
                Truth::No
            }
        }))
    }

    fn tag(&self, tag: &str, address: Ipv4Addr) -> Truth {
        match tag.to_ascii_lowercase().as_str() {
            "virtualnetwork" => self.virtual_network(address),
            // R20: the origin of health probes, never of clients.
            "azureloadbalancer" => (address == PLATFORM_DNS).into(),
            "internet" => self.internet(address).into(),
            "azureplatformdns" => (address == PLATFORM_DNS).into(),
            "azureplatformimds" => (address == PLATFORM_IMDS).into(),
            _ => Truth::open(
                format!("R23: the current contents of tag {tag} hold {address}"),
                format!("R23: the current contents of tag {tag} do not hold {address}"),
            ),
        }
    }

    fn virtual_network(&self, address: Ipv4Addr) -> Truth {
        let within = |prefixes: &[Prefix]| prefixes.iter().any(|p| p.contains(&address));
        if within(&self.vnet.address_prefixes) || address == PLATFORM_DNS {
            return Truth::Yes;
        }
        let default_route = |prefix: &&Prefix| prefix.prefix_len() == 0;
        if self
            .own_routes
            .iter()
            .any(|prefix| !default_route(&prefix) && prefix.contains(&address))
        {
            return Truth::Yes;
        }
        let mut open = Vec::new();
        for (prefixes, counts) in &self.peers {
            if within(prefixes) {
                open.push(counts.clone());
            }
        }
        if self.gateway && !is_public(address) {
            open.push(Truth::open(
                format!("R17: {address} is in a range that is connected through a gateway"),
                format!("R17: {address} is in no range that is connected through a gateway"),
            ));
        }
        if self.own_routes.iter().any(|prefix| default_route(&prefix)) {
            open.push(Truth::open(
                "R18: a user-defined route 0.0.0.0/0 makes VirtualNetwork hold every address",
                "R17: a user-defined route 0.0.0.0/0 leaves VirtualNetwork as it is",
            ));
        }
        if within(&self.other_routes) {
            open.push(Truth::open(
                "R18: routes of other subnets count in VirtualNetwork",
                "R18: only the subnet's own routes count in VirtualNetwork",
            ));
        }
        if within(&self.overlays) {
            open.push(Truth::open(
                "R60: the pod range of an overlay cluster is in VirtualNetwork",
                "R60: the pod range of an overlay cluster is not in VirtualNetwork",
            ));
        }
        Truth::any(open)
    }

    /// R21: outside the virtual network, and reachable by the public Internet.
    fn internet(&self, address: Ipv4Addr) -> bool {
        is_public(address)
            && address != PLATFORM_DNS
            && !self
                .vnet
                .address_prefixes
                .iter()
                .any(|prefix| prefix.contains(&address))
    }
}

/// R22: the tag that a rule must name to reach traffic to a platform address.
pub(super) fn platform_tag(address: Ipv4Addr) -> Option<&'static str> {
    match address {
        PLATFORM_DNS => Some("AzurePlatformDNS"),
        PLATFORM_IMDS => Some("AzurePlatformIMDS"),
        _ => None,
    }
}

/// Whether the public Internet can reach the address.
pub(super) fn is_public(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    !(address.is_private()
        || shared
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || a == 0
        || a >= 224)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_shared_and_reserved_space_is_not_public() {
        for text in [
            "10.0.0.1",
            "172.16.0.1",
            "172.31.9.9",
            "192.168.0.1",
            "100.64.0.1",
            "169.254.1.1",
            "127.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "0.0.0.1",
        ] {
            assert!(!is_public(text.parse().expect("an address")), "{text}");
        }
        for text in ["172.32.0.1", "100.128.0.1", "8.8.8.8", "20.42.0.1"] {
            assert!(is_public(text.parse().expect("an address")), "{text}");
        }
    }
}
