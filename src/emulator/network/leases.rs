//! Who holds which address.
//!
//! Azure keeps the first four addresses of a subnet and the last, and gives the first free one (R31).
//! A lease lasts as long as its holder: updates do not move it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::ops::Range;

use crate::arm::ResourceId;
use crate::emulator::fabric::{Endpoint, EndpointId};
use crate::net::Prefix;

/// The addresses that are given out.
#[derive(Debug, Clone, Default)]
pub(in crate::emulator) struct Leases {
    /// Every endpoint with its address.
    pub(in crate::emulator) endpoints: BTreeMap<EndpointId, Endpoint>,
    /// Addresses of the node subnet that a node holds for its pods (R56).
    pub(super) reserved: BTreeMap<EndpointId, Vec<Ipv4Addr>>,
    /// Addresses of network interfaces and public addresses, by resource.
    pub(super) held: BTreeMap<ResourceId, Vec<Held>>,
    /// How often a name has stood for an endpoint: one that comes back is another endpoint.
    generations: BTreeMap<String, u32>,
}

/// An address without an endpoint of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    /// The IP configuration that has it; empty for a public address.
    pub(super) configuration: String,
    /// The subnet; `None` for a public address.
    pub(super) subnet: Option<ResourceId>,
    /// The address.
    pub(super) address: Ipv4Addr,
}

/// What one resource holds, save the pods of a cluster.
#[derive(Debug, Clone, Default)]
pub(in crate::emulator) struct Holdings {
    pub(super) endpoints: Vec<(EndpointId, Endpoint)>,
    reserved: Vec<(EndpointId, Vec<Ipv4Addr>)>,
    held: Vec<Held>,
}

/// The resource that an endpoint belongs to.
pub(super) fn owner(endpoint: &Endpoint) -> &ResourceId {
    match endpoint {
        Endpoint::ContainerGroup { group, .. } => group,
        Endpoint::NetworkInterface { interface, .. } => interface,
        Endpoint::Node { cluster, .. } | Endpoint::Pod { cluster, .. } => cluster,
    }
}

fn is_pod(endpoint: &Endpoint) -> bool {
    matches!(endpoint, Endpoint::Pod { .. })
}

impl Leases {
    /// The free addresses of `prefix`, lowest first, from its fifth on (R31). Two networks may use the
    /// same addresses.
    pub(super) fn free(
        &self,
        network: &ResourceId,
        prefix: Prefix,
    ) -> impl Iterator<Item = Ipv4Addr> + use<> {
        let taken = self.taken(network);
        usable(prefix)
            .map(Ipv4Addr::from)
            .filter(move |address| !taken.contains(address))
    }

    /// Who has an address in a virtual network.
    pub(super) fn holder(&self, network: &ResourceId, address: Ipv4Addr) -> Option<ResourceId> {
        let endpoint = self
            .endpoints
            .values()
            .find(|endpoint| endpoint.address() == address && self.is_inside(endpoint, network));
        let reserved = || {
            let (node, _) = self.reserved.iter().find(|(node, addresses)| {
                addresses.contains(&address)
                    && self
                        .endpoints
                        .get(node)
                        .is_some_and(|node| self.is_inside(node, network))
            })?;
            self.endpoints.get(node).map(owner).cloned()
        };
        let held = || {
            let of = |held: &Held| held.address == address && in_network(held, network);
            let (id, _) = self.held.iter().find(|(_, held)| held.iter().any(of))?;
            Some(id.clone())
        };
        endpoint.map(owner).cloned().or_else(reserved).or_else(held)
    }

    /// Whether an endpoint's address is one of a virtual network.
    fn is_inside(&self, endpoint: &Endpoint, network: &ResourceId) -> bool {
        match endpoint {
            Endpoint::ContainerGroup { subnet, .. }
            | Endpoint::NetworkInterface { subnet, .. }
            | Endpoint::Node { subnet, .. } => subnet.parent().as_ref() == Some(network),
            Endpoint::Pod { node, .. } => matches!(
                self.endpoints.get(node),
                Some(Endpoint::Node { subnet, .. }) if subnet.parent().as_ref() == Some(network)
            ),
        }
    }

    /// What is taken in a virtual network.
    fn taken(&self, network: &ResourceId) -> BTreeSet<Ipv4Addr> {
        let endpoints = self
            .endpoints
            .values()
            .filter(|endpoint| self.is_inside(endpoint, network))
            .map(Endpoint::address);
        let reserved = self
            .reserved
            .iter()
            .filter(|(node, _)| {
                let node = self.endpoints.get(node);
                node.is_some_and(|node| self.is_inside(node, network))
            })
            .flat_map(|(_, addresses)| addresses.iter().copied());
        let held = self
            .held
            .values()
            .flatten()
            .filter(|held| in_network(held, network))
            .map(|held| held.address);
        endpoints.chain(reserved).chain(held).collect()
    }

    /// Whether an address is a pod's already.
    pub(super) fn is_pods(&self, cluster: &ResourceId, address: Ipv4Addr) -> bool {
        self.endpoints.values().any(|endpoint| {
            matches!(endpoint, Endpoint::Pod { cluster: of, address: taken, host_network: false, .. }
                if of == cluster && *taken == address)
        })
    }

    /// The endpoint of a container group that runs, with its address.
    pub(in crate::emulator) fn group(&self, group: &ResourceId) -> Option<(EndpointId, Ipv4Addr)> {
        self.endpoints.iter().find_map(|(id, endpoint)| {
            matches!(endpoint, Endpoint::ContainerGroup { group: of, .. } if of == group)
                .then(|| (id.clone(), endpoint.address()))
        })
    }

    /// An id for an endpoint that begins: the name alone at first, numbered when it comes back.
    pub(super) fn begin(&mut self, name: String) -> EndpointId {
        let generation = self.generations.entry(name.clone()).or_insert(0);
        *generation += 1;
        EndpointId(match *generation {
            1 => name,
            number => format!("{name}#{number}"),
        })
    }

    /// What a resource holds.
    pub(in crate::emulator) fn holdings(&self, of: &ResourceId) -> Holdings {
        let endpoints = self
            .endpoints
            .iter()
            .filter(|(_, endpoint)| owner(endpoint) == of && !is_pod(endpoint))
            .map(|(id, endpoint)| (id.clone(), endpoint.clone()))
            .collect::<Vec<_>>();
        let reserved = endpoints
            .iter()
            .filter_map(|(id, _)| Some((id.clone(), self.reserved.get(id)?.clone())))
            .collect();
        Holdings {
            endpoints,
            reserved,
            held: self.held.get(of).cloned().unwrap_or_default(),
        }
    }

    /// Gives a resource what it held before, and nothing else. Returns the endpoints that went, with
    /// the pods on nodes that went.
    pub(in crate::emulator) fn restore(
        &mut self,
        of: &ResourceId,
        before: Holdings,
    ) -> Vec<EndpointId> {
        let mut gone = Vec::new();
        for (id, endpoint) in &self.endpoints {
            let stays = match endpoint {
                Endpoint::Pod { node, .. } => before.endpoints.iter().any(|(id, _)| id == node),
                _ => before.endpoints.iter().any(|(kept, _)| kept == id),
            };
            if owner(endpoint) == of && !stays {
                gone.push(id.clone());
            }
        }
        self.drop_endpoints(&gone);
        self.endpoints.extend(before.endpoints);
        self.reserved.extend(before.reserved);
        if before.held.is_empty() {
            self.held.remove(of);
        } else {
            self.held.insert(of.clone(), before.held);
        }
        gone
    }

    /// Gives back everything that a resource holds; the endpoints that went.
    pub(in crate::emulator) fn release(&mut self, of: &ResourceId) -> Vec<EndpointId> {
        self.restore(of, Holdings::default())
    }

    pub(super) fn drop_endpoints(&mut self, gone: &[EndpointId]) {
        for id in gone {
            self.endpoints.remove(id);
            self.reserved.remove(id);
        }
    }
}

fn in_network(held: &Held, network: &ResourceId) -> bool {
    let subnet = held.subnet.as_ref();
    subnet.and_then(ResourceId::parent).as_ref() == Some(network)
}

/// The addresses that Azure gives out of a subnet: all but the first four and the last (R31).
fn usable(prefix: Prefix) -> Range<u32> {
    u32::from(prefix.network()).saturating_add(4)..u32::from(prefix.broadcast())
}

/// Whether an address is one that Azure gives out of a subnet.
pub(super) fn is_usable(prefix: Prefix, address: Ipv4Addr) -> bool {
    usable(prefix).contains(&u32::from(address))
}

/// The endpoint of a node.
pub(super) fn node_endpoint(cluster: &ResourceId, node: &str) -> EndpointId {
    EndpointId(format!("node/{}/{node}", place(cluster)))
}

/// The endpoint of a pod.
pub(in crate::emulator) fn pod_endpoint(
    cluster: &ResourceId,
    namespace: &str,
    pod: &str,
) -> EndpointId {
    EndpointId(format!("pod/{}/{namespace}/{pod}", place(cluster)))
}

/// A resource's group and name, as endpoints are named.
pub(super) fn place(id: &ResourceId) -> String {
    format!("{}/{}", id.resource_group().unwrap_or_default(), id.name()).to_ascii_lowercase()
}
