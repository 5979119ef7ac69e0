//! Virtual network peerings (R40).

use ipnet::IpNet;

use crate::arm::views::{VIRTUAL_NETWORK, View};
use crate::arm::{AzureError, Resource, ResourceId};

use super::{Existing, invalid, is_known, names, parent, prefixes, references};

const LIST: &str = "virtualNetworkPeerings";

/// A peering on its own: it names a virtual network.
pub(super) fn peering(view: &View<'_>) -> Result<(), AzureError> {
    let remote = view.object("remoteVirtualNetwork");
    let Some(text) = remote.text("id") else {
        return Err(invalid(view, "remoteVirtualNetwork.id", "it is missing"));
    };
    let is_network = ResourceId::parse(&text).is_ok_and(|remote| remote.key().is(VIRTUAL_NETWORK));
    if is_known(&text) && !is_network {
        return Err(invalid(
            view,
            "remoteVirtualNetwork.id",
            format!("'{text}' is not the id of a virtual network"),
        ));
    }
    Ok(())
}

/// The peerings in a virtual network's body, each on its own.
pub(super) fn inline(view: &View<'_>) -> Result<(), AzureError> {
    let mut seen = Vec::new();
    for item in view.items(LIST) {
        let name = item.text("name").unwrap_or_default();
        names::child(&name)?;
        let lower = name.to_ascii_lowercase();
        if seen.contains(&lower) {
            return Err(super::security_rules::duplicate(&item, &name));
        }
        seen.push(lower);
        peering(&item.object("properties"))?;
    }
    Ok(())
}

/// A peering that is a resource of its own, beside the other peerings of its network.
pub(super) fn child(
    resource: &Resource,
    view: &View<'_>,
    existing: Existing<'_>,
) -> Result<(), AzureError> {
    let network = parent(resource, existing)?;
    let space = space(&network)?;
    check(&network, &space, resource.id.name(), view, existing)
}

/// The peerings that a virtual network has once it is written: those in its body, or the ones that it
/// keeps where its body says nothing of them.
pub(super) fn of_network(network: &Resource, existing: Existing<'_>) -> Result<(), AzureError> {
    let space = space(network)?;
    let view = View::of(network);
    if view.get(LIST).is_some() {
        return view.items(LIST).iter().try_for_each(|item| {
            let name = item.text("name").unwrap_or_default();
            check(network, &space, &name, &item.object("properties"), existing)
        });
    }
    let Some(before) = existing(&network.id) else {
        return Ok(());
    };
    for remote in standing(&before).iter().filter_map(existing) {
        if let Some(overlap) = overlap(&space, &self::space(&remote)?) {
            return Err(AzureError::new(
                "VnetAddressSpaceOverlapsWithAlreadyPeeredVnet",
                format!(
                    "Address space of the virtual network {} overlaps with address space of virtual network {} already peered with it. Overlapping address prefixes: {overlap}. For more information please refer to https://aka.ms/VnetPeeringInfo",
                    network.id, remote.id
                ),
            ));
        }
    }
    Ok(())
}

fn space(network: &Resource) -> Result<Vec<IpNet>, AzureError> {
    let view = View::of(network);
    prefixes::read(&view.object("addressSpace"), &["addressPrefixes"])
}

/// The remote networks of the peerings that stand already, and not only in the same template, where
/// each is a resource of its own with its own check.
fn standing(network: &Resource) -> Vec<ResourceId> {
    let view = View::of(network);
    let items = view.items(LIST);
    let standing = items
        .iter()
        .map(|item| item.object("properties"))
        .filter(|peering| peering.get("peeringState").is_some());
    standing.filter_map(|peering| remote_of(&peering)).collect()
}

fn remote_of(peering: &View<'_>) -> Option<ResourceId> {
    ResourceId::parse(&peering.object("remoteVirtualNetwork").text("id")?).ok()
}

/// The remote networks of a network's peerings, save the named one.
fn remotes(network: &Resource, except: &str) -> Vec<ResourceId> {
    View::of(network)
        .items(LIST)
        .iter()
        .filter(|item| {
            let name = item.text("name").unwrap_or_default();
            except.is_empty() || !name.eq_ignore_ascii_case(except)
        })
        .filter_map(|item| remote_of(&item.object("properties")))
        .collect()
}

/// The prefixes that two address spaces share.
fn overlap(a: &[IpNet], b: &[IpNet]) -> Option<String> {
    let shared = a
        .iter()
        .filter(|a| b.iter().any(|b| prefixes::overlap(a, b)))
        .map(ToString::to_string)
        .collect::<Vec<_>>();
    (!shared.is_empty()).then(|| shared.join(", "))
}

/// R40: two networks, both there, apart from each other and from what either is peered with already.
fn check(
    network: &Resource,
    space: &[IpNet],
    name: &str,
    view: &View<'_>,
    existing: Existing<'_>,
) -> Result<(), AzureError> {
    let id = network.id.child(LIST, name);
    let Some(remote) =
        references::target(&view.object("remoteVirtualNetwork"), &id, None, existing)?
    else {
        return Ok(());
    };
    if remote.id == network.id {
        return Err(invalid(
            view,
            "remoteVirtualNetwork.id",
            "a virtual network cannot be peered with itself",
        ));
    }
    let others = remotes(network, name);
    if others.contains(&remote.id) {
        return Err(AzureError::new(
            "AnotherPeeringAlreadyReferencesRemoteVnet",
            format!(
                "Peering {id} cannot be created or updated because another peering of virtual network {} already references remote virtual network {}. Cannot add another peering referencing the same remote virtual network.",
                network.id, remote.id
            ),
        ));
    }
    let remote_space = self::space(&remote)?;
    let pair = format!(
        "Cannot create or update peering {id}. Virtual networks {} and {} cannot be peered because",
        network.id, remote.id
    );
    let more = "For more information please refer to https://aka.ms/VnetPeeringInfo";
    if let Some(overlap) = overlap(space, &remote_space) {
        return Err(AzureError::new(
            "VnetAddressSpacesOverlap",
            format!(
                "{pair} their address spaces overlap. Overlapping address prefixes: {overlap}. {more}"
            ),
        ));
    }
    for (own, other, first, second) in [
        (space, remotes(&remote, ""), "first", "second"),
        (&remote_space, others, "second", "first"),
    ] {
        for other in other.iter().filter_map(existing) {
            let itself = other.id == network.id || other.id == remote.id;
            if let Some(overlap) = overlap(own, &self::space(&other)?).filter(|_| !itself) {
                return Err(AzureError::new(
                    "VnetAddressSpaceOverlapsWithAlreadyPeeredVnet",
                    format!(
                        "{pair} address space of the {first} virtual network overlaps with address space of virtual network {} already peered with the {second} virtual network. Overlapping address prefixes: {overlap}. {more}",
                        other.id
                    ),
                ));
            }
        }
    }
    Ok(())
}
