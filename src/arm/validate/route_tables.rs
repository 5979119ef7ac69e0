//! Route tables (R37).

use std::collections::{BTreeMap, BTreeSet};

use crate::arm::views::View;
use crate::arm::{AzureError, Resource};

use super::security_rules::duplicate;
use super::{Existing, invalid, is_known, names, parent, prefixes};

const NEXT_HOPS: [&str; 5] = [
    "VirtualAppliance",
    "VirtualNetworkGateway",
    "VnetLocal",
    "Internet",
    "None",
];

/// The routes in the body of a route table.
pub(super) fn table(view: &View<'_>) -> Result<(), AzureError> {
    let mut seen = BTreeSet::new();
    let mut prefixes = BTreeMap::new();
    for item in view.items("routes") {
        let name = item.text("name").unwrap_or_default();
        names::child(&name)?;
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(duplicate(&item, &name));
        }
        let properties = item.object("properties");
        route(&properties)?;
        if let Some(prefix) = destination(&properties)
            && let Some(other) = prefixes.insert(prefix, name.clone())
        {
            return Err(conflict(&name, &other));
        }
    }
    Ok(())
}

/// A route that is a resource of its own, beside the other routes of its table.
pub(super) fn child(
    resource: &Resource,
    view: &View<'_>,
    existing: Existing<'_>,
) -> Result<(), AzureError> {
    let table = parent(resource, existing)?;
    let name = resource.id.name();
    for item in View::of(&table).items("routes") {
        let other = item.text("name").unwrap_or_default();
        let same = destination(&item.object("properties")) == destination(view);
        if same && !other.eq_ignore_ascii_case(name) && destination(view).is_some() {
            return Err(conflict(name, &other));
        }
    }
    Ok(())
}

/// Where a route leads: a prefix, or a service tag without regard to case.
fn destination(view: &View<'_>) -> Option<String> {
    let text = view.text("addressPrefix").filter(|text| is_known(text))?;
    Some(text.to_ascii_lowercase())
}

/// kubernetes-sigs/cloud-provider-azure#657: one route for a prefix.
fn conflict(name: &str, other: &str) -> AzureError {
    AzureError::new(
        "RouteConflict",
        format!(
            "Route: {name} conflicts with Route: {other}. Routes cannot have the same AddressPrefix."
        ),
    )
}

/// The properties of one route.
pub(super) fn route(view: &View<'_>) -> Result<(), AzureError> {
    let prefix = view
        .text("addressPrefix")
        .ok_or_else(|| invalid(view, "addressPrefix", "it is missing"))?;
    if !is_known(&prefix) {
        return Ok(());
    }
    // A service tag stands for its prefixes here, too.
    let is_tag = prefix.starts_with(|first: char| first.is_ascii_alphabetic())
        && !prefix.contains([':', '/']);
    if !is_tag {
        prefixes::read(view, &["addressPrefix"])?;
    }
    let hop = view
        .text("nextHopType")
        .ok_or_else(|| invalid(view, "nextHopType", "it is missing"))?;
    if !is_known(&hop) {
        return Ok(());
    }
    if !NEXT_HOPS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(&hop))
    {
        return Err(invalid(
            view,
            "nextHopType",
            format!("'{hop}' is none of {}", NEXT_HOPS.join(", ")),
        ));
    }
    let appliance = hop.eq_ignore_ascii_case("VirtualAppliance");
    match view
        .text("nextHopIpAddress")
        .filter(|text| !text.is_empty())
    {
        None if appliance => Err(invalid(
            view,
            "nextHopIpAddress",
            "a virtual appliance needs an address",
        )),
        Some(_) if !appliance => Err(invalid(
            view,
            "nextHopIpAddress",
            format!("the next hop {hop} has no address"),
        )),
        Some(text) if is_known(&text) && prefixes::address(&text).is_none() => Err(invalid(
            view,
            "nextHopIpAddress",
            format!("'{text}' is not an address"),
        )),
        _ => Ok(()),
    }
}
