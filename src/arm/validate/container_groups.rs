//! Container groups (R70 to R73).

use std::collections::BTreeSet;

use crate::arm::views::{CONTAINER_GROUP, View};
use crate::arm::{AzureError, ResourceId};

use super::{Existing, invalid, is_known, prefixes, virtual_networks};

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
        let properties = container.object("properties");
        if properties.text("image").is_none() {
            return Err(invalid(container, "properties.image", "it is missing"));
        }
        variables(&properties)?;
    }
    ports(view, &containers)?;
    address(view)?;
    one_of(view, "restartPolicy", &["Always", "OnFailure", "Never"])?;
    one_of(view, "osType", &["Linux", "Windows"])?;
    registries(view)?;
    resolver(view)
}

/// A member that is one of some words, where it is given.
fn one_of(view: &View<'_>, member: &str, words: &[&str]) -> Result<(), AzureError> {
    let Some(text) = view.text(member).filter(|text| is_known(text)) else {
        return Ok(());
    };
    if words.iter().any(|word| word.eq_ignore_ascii_case(&text)) {
        return Ok(());
    }
    Err(invalid(
        view,
        member,
        format!("'{text}' is none of {}", words.join(", ")),
    ))
}

/// Environment variables have names, each once.
fn variables(container: &View<'_>) -> Result<(), AzureError> {
    let mut names = BTreeSet::new();
    for variable in container.items("environmentVariables") {
        let name = variable
            .text("name")
            .filter(|name| !name.is_empty())
            .ok_or_else(|| invalid(&variable, "name", "it is missing"))?;
        if !names.insert(name.clone()) {
            return Err(invalid(
                &variable,
                "name",
                format!("'{name}' is there twice"),
            ));
        }
    }
    Ok(())
}

/// A registry's credential names its server, and a user or an identity.
fn registries(view: &View<'_>) -> Result<(), AzureError> {
    for credential in view.items("imageRegistryCredentials") {
        if credential.text("server").is_none() {
            return Err(invalid(&credential, "server", "it is missing"));
        }
        if credential.text("username").is_none() && credential.text("identity").is_none() {
            return Err(invalid(
                &credential,
                "username",
                "neither a user nor an identity is given",
            ));
        }
    }
    Ok(())
}

/// R75: a group that says how it resolves names names its servers.
fn resolver(view: &View<'_>) -> Result<(), AzureError> {
    if view.get("dnsConfig").is_none() {
        return Ok(());
    }
    let config = view.object("dnsConfig");
    let servers = config.texts(&["nameServers"]);
    if servers.is_empty() {
        return Err(invalid(&config, "nameServers", "it is missing"));
    }
    let mut texts = servers.iter().map(|(_, text)| text);
    match texts.find(|text| is_known(text) && prefixes::address(text).is_none()) {
        None => Ok(()),
        Some(text) => Err(invalid(
            &config,
            "nameServers",
            format!("'{text}' is not an address"),
        )),
    }
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
            number(&port)?;
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
        number(&port)?;
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

/// A port is a number, and TCP's or UDP's.
fn number(port: &View<'_>) -> Result<(), AzureError> {
    one_of(port, "protocol", &["TCP", "UDP"])?;
    let unknown = port.text("port").is_some_and(|text| !is_known(&text));
    let number = port.number("port");
    if unknown || number.is_some_and(|number| (1..=65535).contains(&number)) {
        return Ok(());
    }
    Err(invalid(port, "port", "a port is a number from 1 to 65535"))
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
