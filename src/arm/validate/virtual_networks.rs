//! Virtual networks and subnets (R27, R30 to R32).

use ipnet::IpNet;

use crate::arm::views::View;
use crate::arm::{AzureError, Resource, ResourceId};

use super::security_rules::duplicate;
use super::{Existing, invalid, names, parent, peerings, prefixes, references};

/// R31: the longest prefix of an IPv4 subnet, and the length of every IPv6 one.
const SMALLEST_IPV4: u8 = 29;
const IPV6: u8 = 64;

/// A virtual network with the subnets in its body.
pub(super) fn network(resource: &Resource, view: &View<'_>) -> Result<(), AzureError> {
    let space = view.object("addressSpace");
    let ranges = prefixes::read(&space, &["addressPrefixes"])?;
    if space.texts(&["addressPrefixes"]).is_empty() {
        return Err(invalid(&space, "addressPrefixes", "it is missing"));
    }
    for range in &ranges {
        if let Some(reserved) = prefixes::not_allowed(range) {
            return Err(invalid(
                &space,
                "addressPrefixes",
                format!("{range} overlaps {reserved}, which is not allowed"),
            ));
        }
    }
    let mut before: Vec<(String, Vec<IpNet>)> = Vec::new();
    for item in view.items("subnets") {
        let name = item.text("name").unwrap_or_default();
        names::child(&name)?;
        if before
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(&name))
        {
            return Err(duplicate(&item, &name));
        }
        let own = subnet(&item.object("properties"))?;
        within(&name, &own, &ranges, resource.id.name())?;
        for (_, other) in &before {
            apart(&name, &own, other, resource.id.name())?;
        }
        before.push((name, own));
    }
    peerings::inline(view)
}

/// A subnet on its own; gives its prefixes.
pub(super) fn subnet(view: &View<'_>) -> Result<Vec<IpNet>, AzureError> {
    let members = ["addressPrefix", "addressPrefixes"];
    let own = prefixes::read(view, &members)?;
    if view.texts(&members).is_empty() {
        return Err(invalid(view, "addressPrefix", "it is missing"));
    }
    for prefix in &own {
        let accepted = match prefix {
            IpNet::V4(prefix) => prefix.prefix_len() <= SMALLEST_IPV4,
            IpNet::V6(prefix) => prefix.prefix_len() == IPV6,
        };
        if !accepted {
            return Err(invalid(
                view,
                "addressPrefix",
                format!(
                    "{prefix} is not a size that a subnet may have: at least /{SMALLEST_IPV4}, or exactly /{IPV6} for IPv6"
                ),
            ));
        }
    }
    Ok(own)
}

/// R32: a subnet lies inside the network.
fn within(name: &str, own: &[IpNet], ranges: &[IpNet], network: &str) -> Result<(), AzureError> {
    let inside = |prefix: &IpNet| ranges.iter().any(|range| range.contains(prefix));
    if ranges.is_empty() || own.iter().all(inside) {
        return Ok(());
    }
    Err(AzureError::new(
        "NetcfgInvalidSubnet",
        format!("Subnet '{name}' is not valid in virtual network '{network}'."),
    ))
}

/// R32: subnets do not overlap.
fn apart(name: &str, own: &[IpNet], other: &[IpNet], network: &str) -> Result<(), AzureError> {
    let clash = own
        .iter()
        .any(|prefix| other.iter().any(|other| prefixes::overlap(prefix, other)));
    if !clash {
        return Ok(());
    }
    Err(AzureError::new(
        "NetcfgSubnetRangesOverlap",
        format!(
            "Subnet '{name}' is not valid because its IP address range overlaps with that of an existing subnet in virtual network '{network}'."
        ),
    ))
}

/// What the subnets in a virtual network's body refer to.
pub(super) fn references(
    resource: &Resource,
    view: &View<'_>,
    existing: Existing<'_>,
) -> Result<(), AzureError> {
    let location = references::location(resource);
    for item in view.items("subnets") {
        let name = item.text("name").unwrap_or_default();
        let id = resource.id.child("subnets", &name);
        referenced(&id, &item.object("properties"), location, existing)?;
    }
    peerings::of_network(resource, existing)
}

/// A subnet that is a resource of its own, in its virtual network and beside the other subnets.
pub(super) fn child(
    resource: &Resource,
    view: &View<'_>,
    existing: Existing<'_>,
) -> Result<(), AzureError> {
    let network = parent(resource, existing)?;
    let name = resource.id.name();
    let own = subnet(view)?;
    let network_view = View::of(&network);
    let ranges = prefixes::read(&network_view.object("addressSpace"), &["addressPrefixes"])?;
    within(name, &own, &ranges, network.id.name())?;
    for (other, prefixes) in subnets(&network)? {
        if !other.eq_ignore_ascii_case(name) {
            apart(name, &own, &prefixes, network.id.name())?;
        }
    }
    let location = references::location(&network);
    referenced(&resource.id, view, location, existing)
}

/// The names and prefixes of the subnets in a virtual network's body.
pub(super) fn subnets(network: &Resource) -> Result<Vec<(String, Vec<IpNet>)>, AzureError> {
    View::of(network)
        .items("subnets")
        .iter()
        .map(|item| {
            let prefixes = prefixes::read(
                &item.object("properties"),
                &["addressPrefix", "addressPrefixes"],
            )?;
            Ok((item.text("name").unwrap_or_default(), prefixes))
        })
        .collect()
}

/// The group, the route table and the NAT gateway of a subnet exist, in the network's region.
fn referenced(
    id: &ResourceId,
    view: &View<'_>,
    location: Option<&str>,
    existing: Existing<'_>,
) -> Result<(), AzureError> {
    for member in ["networkSecurityGroup", "routeTable", "natGateway"] {
        references::target(&view.object(member), id, location, existing)?;
    }
    Ok(())
}

/// A subnet as it exists: its own resource, or an item in its network's body.
pub(super) struct Found {
    pub(super) network: Option<Resource>,
    pub(super) delegations: Vec<String>,
    pub(super) prefixes: Vec<IpNet>,
    /// The id of its route table, as written.
    pub(super) route_table: Option<String>,
    /// The id of its NAT gateway, as written.
    pub(super) nat_gateway: Option<String>,
}

/// Finds a subnet by its id.
pub(super) fn find(id: &ResourceId, existing: Existing<'_>) -> Result<Found, AzureError> {
    let network = id.parent().as_ref().and_then(existing);
    let read = |view: &View<'_>, network: Option<Resource>| -> Result<Found, AzureError> {
        let delegations = view.items("delegations");
        let delegations = delegations.iter();
        Ok(Found {
            network,
            delegations: delegations
                .filter_map(|item| item.object("properties").text("serviceName"))
                .collect(),
            prefixes: prefixes::read(view, &["addressPrefix", "addressPrefixes"])?,
            route_table: view.object("routeTable").text("id"),
            nat_gateway: view.object("natGateway").text("id"),
        })
    };
    let found = match (existing(id), &network) {
        (Some(own), _) => Some(read(&View::of(&own), network.clone())?),
        (None, Some(network)) => {
            let items = View::of(network).items("subnets");
            let item = items.iter().find(|item| {
                item.text("name")
                    .is_some_and(|name| name.eq_ignore_ascii_case(id.name()))
            });
            item.map(|item| read(&item.object("properties"), Some(network.clone())))
                .transpose()?
        }
        (None, None) => None,
    };
    found.ok_or_else(|| AzureError::new("NotFound", format!("Resource {id} not found.")))
}
