//! Azure's refusals: the same code refuses a resource in the emulator and in a check.
//!
//! Each check names the rule of the semantics that it comes from (R26 to R75); codes are those that
//! clients compare. Where no source tells the code, it is `InvalidParameter`. Only what would be refused
//! is refused: what Azure accepts and a user would regret is not a matter for this module. A value that
//! is unknown until deployed, and so still the text of an expression, is not judged.

mod container_groups;
mod managed_clusters;
mod names;
mod nat_gateways;
mod network_interfaces;
mod peerings;
mod prefixes;
mod references;
mod role_assignments;
mod route_tables;
mod security_rules;
pub(crate) mod types;
mod virtual_networks;

#[cfg(test)]
mod tests;

use super::expression::Text;
use super::views::{
    CONTAINER_GROUP, MANAGED_CLUSTER, NETWORK_SECURITY_GROUP, ROLE_ASSIGNMENT, ROUTE_TABLE,
    SECURITY_RULE, SUBNET, USER_ASSIGNED_IDENTITY, VIRTUAL_NETWORK, View,
};
use super::{AzureError, Resource, ResourceId};
use types::{
    APPLICATION_SECURITY_GROUP, NAT_GATEWAY, NETWORK_INTERFACE, PEERING, PUBLIC_ADDRESS, ROUTE,
};

/// Finds a resource that exists beside the one in question.
type Existing<'a> = &'a dyn Fn(&ResourceId) -> Option<Resource>;

/// Checks one resource on its own: what its resource provider refuses in the body of a PUT.
///
/// # Errors
/// The provider's error.
pub fn resource(resource: &Resource) -> Result<(), AzureError> {
    names::check(resource)?;
    location(resource)?;
    let view = View::of(resource);
    match known_type(resource) {
        Some(VIRTUAL_NETWORK) => virtual_networks::network(resource, &view),
        Some(SUBNET) => virtual_networks::subnet(&view).map(drop),
        Some(NETWORK_SECURITY_GROUP) => security_rules::group(&view),
        Some(SECURITY_RULE) => security_rules::rule(resource.id.name(), &view),
        Some(ROUTE_TABLE) => route_tables::table(&view),
        Some(ROUTE) => route_tables::route(&view),
        Some(PEERING) => peerings::peering(&view),
        Some(NAT_GATEWAY) => nat_gateways::gateway(resource, &view),
        Some(PUBLIC_ADDRESS) => nat_gateways::public_address(resource, &view),
        Some(NETWORK_INTERFACE) => network_interfaces::interface(&view),
        Some(CONTAINER_GROUP) => container_groups::group(&view),
        Some(MANAGED_CLUSTER) => managed_clusters::cluster(resource, &view),
        Some(ROLE_ASSIGNMENT) => role_assignments::assignment(resource, &view),
        _ => Ok(()),
    }
}

/// Checks one resource against the others that exist beside it: a subnet's delegation, a service range
/// that overlaps a subnet, a network security group that does not exist ...
///
/// Whether two clusters share a route table (R54) cannot be told from here: resources are found by
/// their ids, and a route table does not know who uses it.
///
/// # Errors
/// The provider's error.
pub fn against(
    resource: &Resource,
    existing: &dyn Fn(&ResourceId) -> Option<Resource>,
) -> Result<(), AzureError> {
    let view = View::of(resource);
    match known_type(resource) {
        Some(VIRTUAL_NETWORK) => virtual_networks::references(resource, &view, existing),
        Some(SUBNET) => virtual_networks::child(resource, &view, existing),
        Some(SECURITY_RULE) => security_rules::child(resource, &view, existing),
        Some(NETWORK_SECURITY_GROUP) => security_rules::references(resource, &view, existing),
        Some(ROUTE) => route_tables::child(resource, &view, existing),
        Some(PEERING) => peerings::child(resource, &view, existing),
        Some(NAT_GATEWAY) => nat_gateways::addresses(resource, &view, existing),
        Some(NETWORK_INTERFACE) => network_interfaces::placement(resource, &view, existing),
        Some(CONTAINER_GROUP) => container_groups::placement(&view, existing),
        Some(MANAGED_CLUSTER) => managed_clusters::placement(&view, existing),
        _ => Ok(()),
    }
}

fn known_type(resource: &Resource) -> Option<&'static str> {
    [
        VIRTUAL_NETWORK,
        SUBNET,
        NETWORK_SECURITY_GROUP,
        SECURITY_RULE,
        ROUTE_TABLE,
        ROUTE,
        PEERING,
        NAT_GATEWAY,
        PUBLIC_ADDRESS,
        NETWORK_INTERFACE,
        APPLICATION_SECURITY_GROUP,
        CONTAINER_GROUP,
        MANAGED_CLUSTER,
        USER_ASSIGNED_IDENTITY,
        ROLE_ASSIGNMENT,
    ]
    .into_iter()
    .find(|known| resource.is(known))
}

/// Refuses a resource that has a place of its own and does not say which.
fn location(resource: &Resource) -> Result<(), AzureError> {
    let placed = match known_type(resource) {
        Some(SUBNET | PEERING | SECURITY_RULE | ROUTE | ROLE_ASSIGNMENT) | None => false,
        Some(_) => true,
    };
    let given = resource.member("location").and_then(|value| value.as_str());
    if placed && given.is_none_or(str::is_empty) {
        return Err(AzureError::new(
            "LocationRequired",
            "The location property is required for this definition.",
        ));
    }
    Ok(())
}

/// The parent of a child resource.
fn parent(resource: &Resource, existing: Existing<'_>) -> Result<Resource, AzureError> {
    let id = resource.id.parent();
    id.as_ref().and_then(existing).ok_or_else(|| {
        AzureError::new(
            "ParentResourceNotFound",
            format!(
                "Can not perform requested operation on nested resource. Parent resource '{}' not found.",
                id.as_ref().map(ResourceId::name).unwrap_or_default()
            ),
        )
    })
}

/// Whether the text is a value, not the expression of one that is unknown until deployed.
fn is_known(text: &str) -> bool {
    matches!(Text::of(text), Text::Literal(_))
}

/// An error about a member whose code no source tells.
fn invalid(view: &View<'_>, member: &str, problem: impl std::fmt::Display) -> AzureError {
    let path = format!("{}.{member}", view.path);
    let mut error = AzureError::new(
        "InvalidParameter",
        format!(
            "The value of parameter {path} of resource {} is invalid: {problem}.",
            view.resource
        ),
    );
    error.target = Some(path);
    error
}
