//! Virtual networks with their subnets.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::arm::views::{SUBNET, VIRTUAL_NETWORK};
use crate::arm::{Resource, ResourceId};
use crate::emulator::body;
use crate::emulator::reply::Refusal;
use crate::emulator::store::Store;
use crate::net::Prefix;

use super::super::{Accepted, Written};
use super::users::{in_use, subnet_may_go, users_of_subnet};
use super::{children, common, items, peering};

/// Since this version a virtual network that is written without `subnets` keeps the ones it has.
const KEEPS_SUBNETS_SINCE: &str = "2023-11-01";

pub(super) fn accept(
    store: &mut Store,
    resource: &mut Resource,
    written: Written<'_>,
) -> Result<Accepted, Refusal> {
    let peerings_sent = {
        let properties = body::object(&mut resource.body, "properties");
        body::get(properties, "virtualNetworkPeerings").is_some_and(|sent| !sent.is_null())
    };
    if let Some(previous) = written.previous {
        keep(resource, previous);
        for (name, before) in items(previous, "subnets") {
            let id = resource.id.child("subnets", name);
            let mut now = items(resource, "subnets");
            match now.find(|(kept, _)| kept.eq_ignore_ascii_case(name)) {
                None => subnet_may_go(store, &id)?,
                Some((_, now)) => may_change(store, &id, before, now)?,
            }
        }
    }
    let properties = body::object(&mut resource.body, "properties");
    body::list(properties, "virtualNetworkPeerings");
    body::default(properties, "enableDdosProtection", false);
    body::default(properties, "privateEndpointVNetPolicies", "Disabled");
    let etag = common(resource, written.previous);
    children(resource, "subnets", SUBNET, &etag, |id, subnet| {
        complete_subnet(id, subnet, &etag);
    });
    let others = peering::accept(store, resource, written, peerings_sent, &etag)?;
    Ok(Accepted {
        others,
        ..Accepted::default()
    })
}

/// Puts back what a PUT of a network may leave out: the subnets since an API version, the peerings
/// always (a redeployed network keeps them, whatever what-if says: Azure/arm-template-whatif#163, #281,
/// #314). Other resources are left alone.
pub(in crate::emulator) fn keep(resource: &mut Resource, previous: &Resource) {
    let keeps_subnets = resource.api_version.as_str() >= KEEPS_SUBNETS_SINCE;
    let Some(previous) = previous.properties().as_object() else {
        return;
    };
    if !resource.is(VIRTUAL_NETWORK) {
        return;
    }
    let properties = body::object(&mut resource.body, "properties");
    for (list, kept) in [("subnets", keeps_subnets), ("virtualNetworkPeerings", true)] {
        let sent = body::get(properties, list).is_some_and(|sent| !sent.is_null());
        if kept && !sent {
            let before = body::get(previous, list).cloned();
            body::set(properties, list, before.unwrap_or_default());
        }
    }
}

/// What a subnet in use may not change: its delegations, and the prefixes that addresses lie in.
fn may_change(
    store: &Store,
    id: &ResourceId,
    before: &Map<String, Value>,
    now: &Map<String, Value>,
) -> Result<(), Refusal> {
    let users = users_of_subnet(store, id);
    let Some(user) = users.first() else {
        return Ok(());
    };
    let (old, new) = (delegations(before), delegations(now));
    if old != new {
        let list = |services: &BTreeSet<String>| {
            let services = services.iter().map(String::as_str).collect::<Vec<_>>();
            services.join(", ")
        };
        return Err(in_use(
            "SubnetDelegationsCannotChangeWhenSubnetUsedByResource",
            format!(
                "Delegations of subnet {id} cannot be changed from [{}] to [{}] because it is being used by the resource {}.",
                list(&old),
                list(&new),
                user.id()
            ),
        ));
    }
    let ranges = prefixes(now);
    for prefix in prefixes(before) {
        let active = users
            .iter()
            .filter_map(|user| user.address())
            .any(|address| {
                prefix.contains(&address) && !ranges.iter().any(|range| range.contains(&address))
            });
        if active {
            return Err(in_use(
                "InUsePrefixCannotBeDeleted",
                format!(
                    "IpPrefix {prefix} on Subnet {} has active allocations and cannot be deleted.",
                    id.name()
                ),
            ));
        }
    }
    Ok(())
}

/// The services that a subnet is delegated to, in lower case.
fn delegations(subnet: &Map<String, Value>) -> BTreeSet<String> {
    body::items(subnet, "delegations")
        .filter_map(|item| {
            let properties = body::get(item, "properties")?.as_object()?;
            Some(body::text(properties, "serviceName")?.to_ascii_lowercase())
        })
        .collect()
}

fn prefixes(subnet: &Map<String, Value>) -> Vec<Prefix> {
    let one = body::text(subnet, "addressPrefix");
    let many = body::get(subnet, "addressPrefixes").and_then(Value::as_array);
    let many = many.into_iter().flatten().filter_map(Value::as_str);
    one.into_iter()
        .chain(many)
        .filter_map(|text| text.parse().ok())
        .collect()
}

fn complete_subnet(id: &ResourceId, subnet: &mut Map<String, Value>, etag: &str) {
    for delegation in body::list(subnet, "delegations")
        .iter_mut()
        .filter_map(Value::as_object_mut)
    {
        complete_delegation(id, delegation, etag);
    }
    let everywhere = json!(["*"]);
    if body::get(subnet, "serviceEndpoints").is_some_and(Value::is_array) {
        for endpoint in body::list(subnet, "serviceEndpoints")
            .iter_mut()
            .filter_map(Value::as_object_mut)
        {
            body::set(endpoint, "provisioningState", "Updating");
            body::default(endpoint, "locations", everywhere.clone());
        }
    }
    // Who is in the subnet, its users say.
    for shown in ["ipConfigurations", "serviceAssociationLinks"] {
        subnet.retain(|name, _| !name.eq_ignore_ascii_case(shown));
    }
    body::default(subnet, "privateEndpointNetworkPolicies", "Disabled");
    body::default(subnet, "privateLinkServiceNetworkPolicies", "Enabled");
}

/// Completes a delegation as the service answers it.
fn complete_delegation(subnet: &ResourceId, delegation: &mut Map<String, Value>, etag: &str) {
    let name = body::text(delegation, "name")
        .unwrap_or_default()
        .to_owned();
    let id = subnet.child("delegations", &name);
    body::set(delegation, "id", id.as_str());
    body::set(delegation, "etag", etag);
    body::set(
        delegation,
        "type",
        "Microsoft.Network/virtualNetworks/subnets/delegations",
    );
    let properties = body::object(delegation, "properties");
    body::set(properties, "provisioningState", "Updating");
    let actions = json!(["Microsoft.Network/virtualNetworks/subnets/action"]);
    body::default(properties, "actions", actions);
}
