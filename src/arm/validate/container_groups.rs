//! Container groups (R70 to R73).

use std::collections::BTreeSet;

use crate::arm::views::{CONTAINER_GROUP, View};
use crate::arm::{AzureError, ResourceId};

use super::{Existing, invalid, is_known, virtual_networks};

/// A container group on its own.
pub(super) fn group(view: &View<'_>) -> Result<(), AzureError> {
    let containers = view.items("containers");
    if containers.is_empty() {
        return Err(invalid(
            view,
            "containers",
            "a group has at least one container",
        ));
    }
    let mut names = BTreeSet::new();
    for container in &containers {
        let name = container
            .text("name")
            .ok_or_else(|| invalid(container, "name", "it is missing"))?;
        if !names.insert(name.to_ascii_lowercase()) {
            return Err(invalid(
                container,
                "name",
                format!("'{name}' is there twice"),
            ));
        }
        if container.object("properties").text("image").is_none() {
            return Err(invalid(container, "properties.image", "it is missing"));
        }
    }
    ports(view, &containers)?;
    address(view)
}

/// R72: a port is listed on the group and on a container; there is no mapping between them.
fn ports(view: &View<'_>, containers: &[View<'_>]) -> Result<(), AzureError> {
    let listed = containers
        .iter()
        .flat_map(|container| container.object("properties").items("ports"))
        .filter_map(|port| port_of(&port))
        .collect::<BTreeSet<_>>();
    let mut two = BTreeSet::new();
    for container in containers {
        // Containers of a group share one address.
        for port in container.object("properties").items("ports") {
            if let Some(key) = port_of(&port)
                && !two.insert(key.clone())
            {
                return Err(invalid(
                    &port,
                    "port",
                    format!("port {} is listed twice", key.1),
                ));
            }
        }
    }
    let address = view.object("ipAddress");
    for port in address.items("ports") {
        let number = port.number("port");
        if port.text("port").is_some_and(|text| !is_known(&text)) {
            continue;
        }
        if !number.is_some_and(|number| (1..=65535).contains(&number)) {
            return Err(invalid(&port, "port", "a port is a number from 1 to 65535"));
        }
        if let Some(key) = port_of(&port)
            && !listed.contains(&key)
        {
            return Err(invalid(
                &port,
                "port",
                format!(
                    "port {} ({}) of the group is not listed on any of its containers",
                    key.1, key.0
                ),
            ));
        }
    }
    Ok(())
}

/// A listed port: its protocol, TCP where none is given, and its number.
fn port_of(port: &View<'_>) -> Option<(String, u64)> {
    let protocol = port.text("protocol").unwrap_or_else(|| "TCP".to_owned());
    Some((protocol.to_ascii_uppercase(), port.number("port")?))
}

/// R72, R73: in a subnet the address is private and has no DNS label; a private address needs a subnet.
fn address(view: &View<'_>) -> Result<(), AzureError> {
    let address = view.object("ipAddress");
    let in_subnet = !view.items("subnetIds").is_empty();
    // Network profiles came before `subnetIds` (R70) and are accepted by older API versions.
    let by_profile = view.object("networkProfile").text("id").is_some();
    let kind = address.text("type");
    let is = |expected: &str| {
        kind.as_deref()
            .is_some_and(|kind| kind.eq_ignore_ascii_case(expected))
    };
    if in_subnet && is("Public") {
        return Err(invalid(
            &address,
            "type",
            "a container group in a subnet has no public address",
        ));
    }
    if is("Private") && !in_subnet && !by_profile {
        return Err(invalid(
            &address,
            "type",
            "a private address needs a subnet",
        ));
    }
    if in_subnet && address.get("dnsNameLabel").is_some() {
        return Err(invalid(
            &address,
            "dnsNameLabel",
            "a container group in a subnet has no DNS name label",
        ));
    }
    Ok(())
}

/// R71: the subnet exists and is delegated to container groups.
pub(super) fn placement(view: &View<'_>, existing: Existing<'_>) -> Result<(), AzureError> {
    for item in view.items("subnetIds") {
        let Some(text) = item.text("id").filter(|text| is_known(text)) else {
            continue;
        };
        let id = ResourceId::parse(&text)
            .map_err(|_| invalid(&item, "id", format!("'{text}' is not the id of a subnet")))?;
        let subnet = virtual_networks::find(&id, existing)?;
        let delegated = subnet
            .delegations
            .iter()
            .any(|service| service.eq_ignore_ascii_case(CONTAINER_GROUP));
        if !delegated {
            return Err(AzureError::new(
                "SubnetMissingRequiredDelegation",
                format!(
                    "Subnet {id} requires any of the following delegation(s) [{CONTAINER_GROUP}] to reference service association link {id}/serviceAssociationLinks/acisal."
                ),
            ));
        }
    }
    Ok(())
}
