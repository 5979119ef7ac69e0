//! Who holds which address.
//!
//! Azure keeps the first four addresses of a subnet and the last, and gives the first free one (R31).
//! A lease lasts as long as its endpoint: updates do not move it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use axum::http::StatusCode;

use crate::arm::views::VirtualNetwork;
use crate::arm::{AzureError, ResourceId};
use crate::emulator::fabric::{Endpoint, EndpointId};
use crate::emulator::reply::Refusal;
use crate::emulator::store::Store;
use crate::net::Prefix;

/// The addresses that are given out.
#[derive(Debug, Clone, Default)]
pub(in crate::emulator) struct Leases {
    /// Every endpoint with its address.
    pub(in crate::emulator) endpoints: BTreeMap<EndpointId, Endpoint>,
    /// Addresses of the node subnet that a node holds for its pods (R56).
    pub(super) reserved: BTreeMap<EndpointId, Vec<Ipv4Addr>>,
}

impl Leases {
    /// The lowest free address of `prefix`, from its fifth on (R31).
    pub(super) fn first_free(&self, network: &ResourceId, prefix: Prefix) -> Option<Ipv4Addr> {
        let taken = self.taken(network);
        let first = u32::from(prefix.network()).checked_add(4)?;
        let last = u32::from(prefix.broadcast());
        (first..last)
            .map(Ipv4Addr::from)
            .find(|address| !taken.contains(address))
    }

    /// What is taken in a virtual network. Two networks may use the same addresses.
    fn taken(&self, network: &ResourceId) -> BTreeSet<Ipv4Addr> {
        let inside = |endpoint: &Endpoint| match endpoint {
            Endpoint::ContainerGroup { subnet, .. }
            | Endpoint::NetworkInterface { subnet, .. }
            | Endpoint::Node { subnet, .. } => subnet.parent().as_ref() == Some(network),
            Endpoint::Pod { node, .. } => matches!(
                self.endpoints.get(node),
                Some(Endpoint::Node { subnet, .. }) if subnet.parent().as_ref() == Some(network)
            ),
        };
        let held = self
            .endpoints
            .values()
            .filter(|endpoint| inside(endpoint))
            .map(Endpoint::address);
        let reserved = self
            .reserved
            .iter()
            .filter(|(node, _)| self.endpoints.get(node).is_some_and(&inside))
            .flat_map(|(_, addresses)| addresses.iter().copied());
        held.chain(reserved).collect()
    }

    /// Whether an address is a pod's already.
    pub(super) fn is_pods(&self, cluster: &ResourceId, address: Ipv4Addr) -> bool {
        self.endpoints.values().any(|endpoint| {
            matches!(endpoint, Endpoint::Pod { cluster: of, address: taken, host_network: false, .. }
                if of == cluster && *taken == address)
        })
    }

    /// Gives back everything that a container group or a cluster holds; the endpoints that went.
    pub(in crate::emulator) fn release(&mut self, owner: &ResourceId) -> Vec<EndpointId> {
        let gone = self
            .endpoints
            .iter()
            .filter(|(_, endpoint)| match endpoint {
                Endpoint::ContainerGroup { group, .. } => group == owner,
                Endpoint::NetworkInterface { interface, .. } => interface == owner,
                Endpoint::Node { cluster, .. } | Endpoint::Pod { cluster, .. } => cluster == owner,
            })
            .map(|(id, _)| id.clone())
            .collect::<Vec<_>>();
        for id in &gone {
            self.endpoints.remove(id);
            self.reserved.remove(id);
        }
        gone
    }
}

/// The endpoint of a container group.
pub(in crate::emulator) fn container_group_endpoint(group: &ResourceId) -> EndpointId {
    EndpointId(format!("container-group/{}", place(group)))
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

fn place(id: &ResourceId) -> String {
    format!("{}/{}", id.resource_group().unwrap_or_default(), id.name()).to_ascii_lowercase()
}

/// The prefix of a subnet.
pub(super) fn subnet_prefix(store: &Store, subnet: &ResourceId) -> Result<Prefix, Refusal> {
    let missing = || {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "InvalidResourceReference",
            format!("Resource {subnet} referenced by the resource was not found."),
        )
    };
    let network = subnet
        .parent()
        .and_then(|network| store.resources.get(&network))
        .ok_or_else(missing)?;
    let networks = VirtualNetwork::all(std::slice::from_ref(network)).map_err(|error| {
        Refusal::from(AzureError::new("InvalidRequestFormat", error.to_string()))
    })?;
    networks
        .iter()
        .flat_map(|network| &network.subnets)
        .find(|other| other.id == *subnet)
        .and_then(|subnet| subnet.prefixes.first().copied())
        .ok_or_else(missing)
}

/// The error for a subnet without a free address.
pub(super) fn subnet_is_full(subnet: &ResourceId) -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "SubnetIsFull",
        format!(
            "Subnet {} with address prefix does not have enough capacity for the IP addresses that are asked for.",
            subnet.name()
        ),
    )
}

/// Gives a container group its address, or confirms the one that it has.
///
/// # Errors
/// When the subnet is not there, is full, or is another than before.
pub(in crate::emulator) fn lease_group(
    store: &mut Store,
    group: &ResourceId,
    subnet: &ResourceId,
) -> Result<Ipv4Addr, Refusal> {
    let endpoint = container_group_endpoint(group);
    if let Some(Endpoint::ContainerGroup {
        subnet: held,
        address,
        ..
    }) = store.leases.endpoints.get(&endpoint)
    {
        if held == subnet {
            return Ok(*address);
        }
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "InvalidContainerGroupUpdate",
            format!(
                "The updates on container group '{}' are invalid. If you are going to update the network of the group, delete it first and then create a new one.",
                group.name()
            ),
        ));
    }
    let prefix = subnet_prefix(store, subnet)?;
    let network = subnet.parent().ok_or_else(|| subnet_is_full(subnet))?;
    let address = store
        .leases
        .first_free(&network, prefix)
        .ok_or_else(|| subnet_is_full(subnet))?;
    store.leases.endpoints.insert(
        endpoint,
        Endpoint::ContainerGroup {
            group: group.clone(),
            subnet: subnet.clone(),
            address,
        },
    );
    Ok(address)
}
