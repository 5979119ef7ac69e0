//! Network interfaces (R24, R31).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::arm::views::{SUBNET, View};
use crate::arm::{AzureError, Resource, ResourceId};

use super::security_rules::duplicate;
use super::{Existing, invalid, is_known, names, references, virtual_networks};

const LIST: &str = "ipConfigurations";

/// R24: application security groups of an interface.
const MOST_GROUPS: usize = 20;

/// An interface on its own.
pub(super) fn interface(view: &View<'_>) -> Result<(), AzureError> {
    let configurations = view.items(LIST);
    if configurations.is_empty() {
        return Err(invalid(view, LIST, "an interface has at least one"));
    }
    let mut seen = BTreeSet::new();
    let mut primary = 0;
    let mut first: Option<(String, BTreeSet<String>)> = None;
    for item in &configurations {
        let name = item.text("name").unwrap_or_default();
        names::child(&name)?;
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(duplicate(item, &name));
        }
        let properties = item.object("properties");
        if properties.object("subnet").text("id").is_none() {
            return Err(invalid(&properties, "subnet.id", "it is missing"));
        }
        address(&name, &properties)?;
        if properties.get("primary").and_then(Value::as_bool) == Some(true) {
            primary += 1;
        }
        same_groups(view, &name, groups(&properties), &mut first)?;
    }
    if configurations.len() > 1 && primary != 1 {
        return Err(invalid(
            view,
            LIST,
            format!("one of several is primary, not {primary}"),
        ));
    }
    Ok(())
}

fn address(name: &str, view: &View<'_>) -> Result<(), AzureError> {
    let method = view
        .text("privateIPAllocationMethod")
        .unwrap_or_else(|| "Dynamic".to_owned());
    let is_static = method.eq_ignore_ascii_case("Static");
    if !is_static && is_known(&method) && !method.eq_ignore_ascii_case("Dynamic") {
        return Err(invalid(
            view,
            "privateIPAllocationMethod",
            format!("'{method}' is neither Dynamic nor Static"),
        ));
    }
    match view
        .text("privateIPAddress")
        .filter(|text| !text.is_empty())
    {
        None if is_static => Err(AzureError::new(
            "PrivateIPAddressMissing",
            format!(
                "Private IP address is required when privateIPAllocationMethod is Static in IP configuration {}/{LIST}/{name}.",
                view.resource
            ),
        )),
        Some(text) if is_known(&text) && super::prefixes::address(&text).is_none() => Err(invalid(
            view,
            "privateIPAddress",
            format!("'{text}' is not an address"),
        )),
        _ => Ok(()),
    }
}

fn groups(view: &View<'_>) -> BTreeSet<String> {
    let groups = view.items("applicationSecurityGroups");
    let ids = groups.iter().filter_map(|group| group.text("id"));
    ids.map(|id| id.to_ascii_lowercase()).collect()
}

/// R24: every configuration of an interface is in the same application security groups.
fn same_groups(
    view: &View<'_>,
    name: &str,
    own: BTreeSet<String>,
    first: &mut Option<(String, BTreeSet<String>)>,
) -> Result<(), AzureError> {
    if own.len() > MOST_GROUPS {
        return Err(invalid(
            view,
            LIST,
            format!("{name} is in more than {MOST_GROUPS} application security groups"),
        ));
    }
    let (other, expected) = first.get_or_insert_with(|| (name.to_owned(), own.clone()));
    if *expected == own {
        return Ok(());
    }
    let list = |ids: &BTreeSet<String>| {
        ids.iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    Err(AzureError::new(
        "AllIpConfigurationsOnANicMustBelongToTheSameApplicationSecurityGroups",
        format!(
            "All IPConfigurations on a Network Interface should reference the same set of Application Security Groups. IPConfiguration {0}/{LIST}/{other} references ASG(s) {1}, wheras IPConfiguration {0}/{LIST}/{name} references ASG(s) {2}.",
            view.resource,
            list(expected),
            list(&own)
        ),
    ))
}

/// What an interface refers to: subnets of one virtual network, groups, a public address.
pub(super) fn placement(
    resource: &Resource,
    view: &View<'_>,
    existing: Existing<'_>,
) -> Result<(), AzureError> {
    let location = references::location(resource);
    let group = view.object("networkSecurityGroup");
    references::target(&group, &resource.id, location, existing)?;
    let mut network: Option<ResourceId> = None;
    for item in view.items(LIST) {
        let properties = item.object("properties");
        let public = properties.object("publicIPAddress");
        references::target(&public, &resource.id, location, existing)?;
        for group in properties.items("applicationSecurityGroups") {
            references::target(&group, &resource.id, location, existing)?;
        }
        let Some(text) = properties
            .object("subnet")
            .text("id")
            .filter(|text| is_known(text))
        else {
            continue;
        };
        let id = ResourceId::parse(&text)
            .ok()
            .filter(|id| id.key().is(SUBNET))
            .ok_or_else(|| {
                invalid(
                    &properties,
                    "subnet.id",
                    format!("'{text}' is not the id of a subnet"),
                )
            })?;
        let subnet = virtual_networks::find(&id, existing)?;
        if let Some(service) = subnet.delegations.first() {
            return Err(invalid(
                &properties,
                "subnet.id",
                format!(
                    "{} cannot be created in or updated to use the subnet {id} since it has delegation(s) [{service}] to external services",
                    resource.id
                ),
            ));
        }
        let own = id.parent();
        if network.is_some() && network != own {
            return Err(invalid(
                view,
                LIST,
                "its subnets are of more than one virtual network",
            ));
        }
        network = own;
    }
    Ok(())
}
