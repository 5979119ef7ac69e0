//! Addresses out of a subnet: for container groups and network interfaces.

use std::net::Ipv4Addr;

use axum::http::StatusCode;

use crate::arm::views::VirtualNetwork;
use crate::arm::{AzureError, ResourceId};
use crate::emulator::fabric::Endpoint;
use crate::emulator::reply::Refusal;
use crate::emulator::store::Store;
use crate::net::Prefix;

use super::leases::{Held, is_usable, place};

/// The IPv4 prefix of a subnet.
pub(super) fn prefix(store: &Store, subnet: &ResourceId) -> Result<Prefix, Refusal> {
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
pub(super) fn is_full(subnet: &ResourceId) -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "SubnetIsFull",
        format!(
            "Subnet {} with address prefix does not have enough capacity for the IP addresses that are asked for.",
            subnet.name()
        ),
    )
}

/// The first free address of a subnet (R31).
pub(super) fn first_free(store: &Store, subnet: &ResourceId) -> Result<Ipv4Addr, Refusal> {
    let prefix = prefix(store, subnet)?;
    let network = subnet.parent().ok_or_else(|| is_full(subnet))?;
    let mut free = store.leases.free(&network, prefix);
    free.next().ok_or_else(|| is_full(subnet))
}

/// Gives a container group its address, or confirms the one that it has (R72).
///
/// # Errors
/// When the subnet is not there or full.
pub(in crate::emulator) fn lease_group(
    store: &mut Store,
    group: &ResourceId,
    subnet: &ResourceId,
) -> Result<(), Refusal> {
    if store.leases.group(group).is_some() {
        return Ok(());
    }
    let address = first_free(store, subnet)?;
    let endpoint = store
        .leases
        .begin(format!("container-group/{}", place(group)));
    let leased = Endpoint::ContainerGroup {
        group: group.clone(),
        subnet: subnet.clone(),
        address,
    };
    store.leases.endpoints.insert(endpoint, leased);
    Ok(())
}

/// What an IP configuration of a network interface asks for.
pub(in crate::emulator) struct Asked {
    /// The configuration's name.
    pub(in crate::emulator) configuration: String,
    /// Its subnet.
    pub(in crate::emulator) subnet: ResourceId,
    /// The address, where it is static.
    pub(in crate::emulator) address: Option<Ipv4Addr>,
}

/// Gives the IP configurations of a network interface their addresses; one that stays in its subnet
/// keeps the address that it has. Returns them in the order of `asked`.
///
/// # Errors
/// When a subnet is not there or full, or an address cannot be given: the interface then holds what it
/// held.
pub(in crate::emulator) fn lease_interface(
    store: &mut Store,
    interface: &ResourceId,
    asked: &[Asked],
) -> Result<Vec<Ipv4Addr>, Refusal> {
    let before = store.leases.held.remove(interface).unwrap_or_default();
    let given = give(store, interface, asked, &before);
    let held = match &given {
        Ok(held) => held.clone(),
        Err(_) => before,
    };
    store.leases.held.insert(interface.clone(), held);
    Ok(given?.iter().map(|held| held.address).collect())
}

fn give(
    store: &mut Store,
    interface: &ResourceId,
    asked: &[Asked],
    before: &[Held],
) -> Result<Vec<Held>, Refusal> {
    let mut given = Vec::<Held>::new();
    for one in asked {
        let network = one.subnet.parent().ok_or_else(|| is_full(&one.subnet))?;
        let prefix = prefix(store, &one.subnet)?;
        let kept = before.iter().find(|held| {
            held.configuration.eq_ignore_ascii_case(&one.configuration)
                && held.subnet.as_ref() == Some(&one.subnet)
                && prefix.contains(&held.address)
        });
        let configuration = interface.child("ipConfigurations", &one.configuration);
        let here = |address: &Ipv4Addr| given.iter().any(|held| held.address == *address);
        let address = match one.address {
            Some(address) => {
                fits(address, prefix, &one.subnet, &configuration)?;
                let holder = store.leases.holder(&network, address);
                if let Some(holder) = holder.or_else(|| here(&address).then(|| interface.clone())) {
                    return Err(bad(
                        "PrivateIPAddressIsAllocated",
                        format!(
                            "IP configuration {configuration} is using the private IP address {address} which is already allocated to resource {holder}."
                        ),
                    ));
                }
                address
            }
            None => match kept.map(|held| held.address).filter(|kept| !here(kept)) {
                Some(kept) => kept,
                None => {
                    let mut free = store.leases.free(&network, prefix);
                    free.find(|address| !here(address))
                        .ok_or_else(|| is_full(&one.subnet))?
                }
            },
        };
        given.push(Held {
            configuration: one.configuration.clone(),
            subnet: Some(one.subnet.clone()),
            address,
        });
    }
    Ok(given)
}

fn bad(code: &str, message: String) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, code, message)
}

/// Whether a static address is one that the subnet gives out (R31).
fn fits(
    address: Ipv4Addr,
    prefix: Prefix,
    subnet: &ResourceId,
    configuration: &ResourceId,
) -> Result<(), Refusal> {
    if !prefix.contains(&address) {
        return Err(bad(
            "PrivateIPAddressNotInSubnet",
            format!(
                "Private static IP address {address} does not belong to the range of subnet prefix {prefix}."
            ),
        ));
    }
    if !is_usable(prefix, address) {
        return Err(bad(
            "PrivateIPAddressInReservedRange",
            format!(
                "Private static IP address {address} of {configuration} falls within reserved IP range of subnet prefix {prefix} ({}).",
                subnet.name()
            ),
        ));
    }
    Ok(())
}

/// The documentation ranges out of which public addresses are given; 192.0.2.0/24 is the fabric's.
const PUBLIC: [Prefix; 2] = [
    Prefix::new_assert(Ipv4Addr::new(203, 0, 113, 0), 24),
    Prefix::new_assert(Ipv4Addr::new(198, 51, 100, 0), 24),
];

/// Gives a public address resource its address, or confirms the one that it has.
///
/// # Errors
/// When all are given out.
pub(in crate::emulator) fn lease_public(
    store: &mut Store,
    id: &ResourceId,
) -> Result<Ipv4Addr, Refusal> {
    let held = &store.leases.held;
    if let Some(own) = held.get(id).and_then(|held| held.first()) {
        return Ok(own.address);
    }
    let taken = |address: &Ipv4Addr| held.values().flatten().any(|held| held.address == *address);
    let mut all = PUBLIC.iter().flat_map(Prefix::hosts);
    let address = all.find(|address| !taken(address)).ok_or_else(|| {
        bad(
            "StandardSkuPublicIPCountLimitReached",
            format!(
                "Cannot create more than {} public IP addresses in the local Azure.",
                2 * 254
            ),
        )
    })?;
    let own = Held {
        configuration: String::new(),
        subnet: None,
        address,
    };
    store.leases.held.insert(id.clone(), vec![own]);
    Ok(address)
}
