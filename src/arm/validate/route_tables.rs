//! Route tables (R37).

use std::collections::BTreeSet;

use crate::arm::AzureError;
use crate::arm::views::View;

use super::security_rules::duplicate;
use super::{invalid, is_known, names, prefixes};

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
    for item in view.items("routes") {
        let name = item.text("name").unwrap_or_default();
        names::child(&name)?;
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(duplicate(&item, &name));
        }
        route(&item.object("properties"))?;
    }
    Ok(())
}

/// The properties of one route.
pub(super) fn route(view: &View<'_>) -> Result<(), AzureError> {
    let prefix = view
        .text("addressPrefix")
        .ok_or_else(|| invalid(view, "addressPrefix", "it is missing"))?;
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
