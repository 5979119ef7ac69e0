//! Who gets out to the Internet, and under which public address: no kernel in sight.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::arm::ResourceId;
use crate::arm::views::{ManagedCluster, NetworkInterface, Subnet, VirtualNetwork};
use crate::emulator::fabric::FabricError;
use crate::net::Prefix;

use super::error::fabric_error;
use super::plan::Resources;

/// What a port belongs to.
pub(super) enum Outlet<'a> {
    ContainerGroup,
    Interface(&'a NetworkInterface),
    Cluster(&'a ManagedCluster),
}

/// A way out: the ports that share it share its public address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EgressKey {
    NatGateway(ResourceId),
    /// A public address of the interface's own.
    PublicAddress(ResourceId),
    /// The load balancer or the NAT gateway that a cluster brings along.
    Cluster(ResourceId),
    /// Default outbound access from a virtual network.
    Default(ResourceId),
}

/// A way out of a virtual network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Egress {
    pub(super) network: ResourceId,
    /// Its public address, where a resource states it.
    pub(super) address: Option<Ipv4Addr>,
    /// Whether it is a NAT gateway, which carries TCP and UDP alone (R43).
    pub(super) nat_gateway: bool,
}

/// The way out of a port: the first in Azure's order of precedence (R42, R43, R65, R73).
pub(super) fn of(
    outlet: &Outlet<'_>,
    network: &VirtualNetwork,
    subnet: &Subnet,
    resources: &Resources,
) -> Result<Option<(EgressKey, Egress)>, FabricError> {
    let way = |key, address, nat_gateway| {
        let egress = Egress {
            network: network.id.clone(),
            address,
            nat_gateway,
        };
        Ok(Some((key, egress)))
    };
    if let Some(gateway) = &subnet.nat_gateway {
        let gateway = resources.nat_gateway(gateway)?;
        let first = gateway.public_ips.first();
        let address = first.map(|id| resources.public_address(id)).transpose()?;
        let key = EgressKey::NatGateway(gateway.id.clone());
        return way(key, address.flatten(), true);
    }
    match outlet {
        Outlet::ContainerGroup => return Ok(None),
        Outlet::Interface(interface) => {
            let mut addresses = interface.ip_configurations.iter();
            if let Some(id) = addresses.find_map(|one| one.public_ip.as_ref()) {
                let address = resources.public_address(id)?;
                return way(EgressKey::PublicAddress(id.clone()), address, false);
            }
        }
        Outlet::Cluster(cluster) => {
            let kind = cluster.outbound_type.as_deref().unwrap_or("loadBalancer");
            let key = EgressKey::Cluster(cluster.id.clone());
            match kind.to_ascii_lowercase().as_str() {
                "loadbalancer" => return way(key, None, false),
                "managednatgateway" | "managednatgatewayv2" => return way(key, None, true),
                "block" => return Ok(None),
                // What these leave to the subnet, it has or has not.
                "userdefinedrouting" | "userassignednatgateway" | "none" => {}
                _ => {
                    return Err(fabric_error(
                        "read the network",
                        format!(
                            "`{}`: the lab does not know the outbound type `{kind}`",
                            cluster.id
                        ),
                    ));
                }
            }
        }
    }
    // R42: on unless it is turned off.
    if subnet.default_outbound_access == Some(false) {
        return Ok(None);
    }
    way(EgressKey::Default(network.id.clone()), None, false)
}

/// What the lab's own public addresses come from: kept for documentation, so nobody's.
const DOCUMENTATION: Prefix = Prefix::new_assert(Ipv4Addr::new(192, 0, 2, 0), 24);

/// The public addresses in use. One that the lab has chosen stays as long as its way out does.
#[derive(Default)]
pub(super) struct PublicAddresses(BTreeMap<EgressKey, Ipv4Addr>);

impl PublicAddresses {
    /// Gives every way out an address of its own.
    ///
    /// # Errors
    /// When the lab has none left, or two ways out state the same.
    pub(super) fn assign(
        &mut self,
        egresses: &BTreeMap<EgressKey, Egress>,
        reserved: &BTreeSet<Ipv4Addr>,
    ) -> Result<(), FabricError> {
        let before = std::mem::take(&mut self.0);
        let mut taken = reserved.clone();
        for (key, egress) in egresses {
            if let Some(address) = egress.address {
                if let Some((other, _)) = self.0.iter().find(|(_, held)| **held == address) {
                    return Err(fabric_error(
                        "read the network",
                        format!("{address} is the public address of {other:?} and of {key:?}"),
                    ));
                }
                self.0.insert(key.clone(), address);
                taken.insert(address);
            }
        }
        let mut open = Vec::new();
        for key in egresses
            .keys()
            .filter(|key| !self.0.contains_key(key))
            .cloned()
            .collect::<Vec<_>>()
        {
            match before.get(&key).filter(|address| !taken.contains(address)) {
                Some(address) => {
                    taken.insert(*address);
                    self.0.insert(key, *address);
                }
                None => open.push(key),
            }
        }
        let mut free = DOCUMENTATION
            .hosts()
            .filter(|address| !taken.contains(address));
        for key in open {
            let address = free.next().ok_or_else(|| {
                fabric_error(
                    "read the network",
                    format!("all of {DOCUMENTATION} is in use: a lab has at most 254 ways out to the Internet"),
                )
            })?;
            self.0.insert(key, address);
        }
        Ok(())
    }

    /// The public address of a way out.
    pub(super) fn of(&self, key: &EgressKey) -> Option<Ipv4Addr> {
        self.0.get(key).copied()
    }
}

#[cfg(test)]
mod tests;
