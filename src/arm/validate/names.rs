//! Which names Azure accepts (R28).
//!
//! Container groups are not checked: sources disagree on their case.

use crate::arm::views::{
    MANAGED_CLUSTER, NETWORK_SECURITY_GROUP, ROUTE_TABLE, SECURITY_RULE, SUBNET, VIRTUAL_NETWORK,
};
use crate::arm::{AzureError, Resource};

use super::known_type;
use super::types::{
    APPLICATION_SECURITY_GROUP, NAT_GATEWAY, NETWORK_INTERFACE, PEERING, PUBLIC_ADDRESS, ROUTE,
};

/// Checks the resource's own name.
pub(super) fn check(resource: &Resource) -> Result<(), AzureError> {
    let name = resource.id.name();
    match known_type(resource) {
        Some(VIRTUAL_NETWORK) => network(name, 2, 64, false),
        Some(SECURITY_RULE) => rule(name),
        Some(
            SUBNET
            | NETWORK_SECURITY_GROUP
            | ROUTE_TABLE
            | ROUTE
            | PEERING
            | NAT_GATEWAY
            | PUBLIC_ADDRESS
            | NETWORK_INTERFACE
            | APPLICATION_SECURITY_GROUP,
        ) => child(name),
        Some(MANAGED_CLUSTER) => cluster(name),
        _ => Ok(()),
    }
}

/// Checks the name of a subnet or a route in its parent's body.
pub(super) fn child(name: &str) -> Result<(), AzureError> {
    network(name, 1, 80, false)
}

/// Checks the name of a security rule.
pub(super) fn rule(name: &str) -> Result<(), AzureError> {
    network(name, 1, 80, true)
}

/// R28: letters, digits, `_`, `.` and `-`; begins with a letter or digit (a rule: or with `_`), ends
/// with one of them or with `_`.
fn network(
    name: &str,
    shortest: usize,
    longest: usize,
    may_begin_with_underscore: bool,
) -> Result<(), AzureError> {
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let accepted = (shortest..=longest).contains(&name.len())
        && name.starts_with(word)
        && (may_begin_with_underscore || !name.starts_with('_'))
        && name.ends_with(word)
        && name
            .chars()
            .all(|letter| word(letter) || ".-".contains(letter));
    if accepted {
        return Ok(());
    }
    Err(AzureError::new(
        "InvalidResourceName",
        format!(
            "Resource name {name} is invalid. The name can be up to {longest} characters long. It must begin with a word character, and it must end with a word character or with '_'. The name may contain word characters or '.', '-', '_'."
        ),
    ))
}

/// R28: 1 to 63 letters, digits, `_` and `-`.
fn cluster(name: &str) -> Result<(), AzureError> {
    let accepted = (1..=63).contains(&name.len())
        && name.starts_with(|letter: char| letter.is_ascii_alphanumeric())
        && name.ends_with(|letter: char| letter.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter));
    if accepted {
        return Ok(());
    }
    let mut error = AzureError::new(
        "InvalidParameter",
        format!(
            "The value of parameter resourceName is invalid: '{name}' is not 1 to 63 letters, digits, underscores and hyphens."
        ),
    );
    error.target = Some("resourceName".to_owned());
    Err(error)
}
