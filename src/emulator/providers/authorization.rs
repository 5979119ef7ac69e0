//! Microsoft.Authorization: role assignments at any scope (recorded traffic, section 11), and what they
//! allow. Only a cluster's identity is asked for its rights (R55); no caller's right is enforced.

use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::arm::views::{MANAGED_CLUSTER, ROLE_ASSIGNMENT, USER_ASSIGNED_IDENTITY};
use crate::arm::{Resource, ResourceId};
use crate::emulator::body;
use crate::emulator::reply::Refusal;
use crate::emulator::state::Shared;
use crate::emulator::store::Store;

/// The built-in roles that may change a network: Network Contributor, Contributor, Owner.
const NETWORK_ROLES: [&str; 3] = [
    "4d97b98b-1d4f-4787-a291-c67834d212e7",
    "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
];

/// A role of one's own.
const ROLE_DEFINITION: &str = "Microsoft.Authorization/roleDefinitions";

/// The scope of an extension resource: what stands before its last `/providers/`.
fn scope(id: &ResourceId) -> &str {
    let text = id.as_str();
    text.to_ascii_lowercase()
        .rfind("/providers/")
        .map_or("", |at| &text[..at])
}

/// Whether `id` is an extension of `of`, or of something under it.
pub(in crate::emulator) fn extends(id: &ResourceId, of: &ResourceId) -> bool {
    is_within(id.as_str(), of.as_str()) && id != of
}

/// Whether a scope is another one or lies in it.
fn is_within(inner: &str, outer: &str) -> bool {
    let (inner, outer) = (inner.to_ascii_lowercase(), outer.to_ascii_lowercase());
    let rest = inner.strip_prefix(outer.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The principal and the role that an assignment joins.
fn grant(properties: &Map<String, Value>) -> (String, String) {
    let member = |name: &str| {
        body::text(properties, name)
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    let role = member("roleDefinitionId");
    let role = role.rsplit('/').next().unwrap_or_default().to_owned();
    (member("principalId"), role)
}

fn assignments(store: &Store) -> impl Iterator<Item = &Resource> {
    let resources = store.resources.values();
    resources.filter(|resource| resource.is(ROLE_ASSIGNMENT))
}

pub(super) fn accept(
    shared: &Shared,
    store: &Store,
    resource: &mut Resource,
    previous: Option<&Resource>,
) -> Result<(), Refusal> {
    let own_scope = scope(&resource.id).to_owned();
    let properties = body::object(&mut resource.body, "properties");
    let own = grant(properties);
    let changed = previous
        .and_then(|previous| previous.properties().as_object())
        .is_some_and(|previous| grant(previous) != own);
    if changed {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "RoleAssignmentUpdateNotPermitted",
            "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
        ));
    }
    let taken = assignments(store).any(|other| {
        other.id != resource.id
            && scope(&other.id).eq_ignore_ascii_case(&own_scope)
            && other.properties().as_object().map(grant).as_ref() == Some(&own)
    });
    if taken {
        return Err(Refusal::new(
            StatusCode::CONFLICT,
            "RoleAssignmentExists",
            "The role assignment already exists.",
        ));
    }
    principal(
        shared,
        store,
        &own.0,
        body::text(properties, "principalType"),
    )?;
    let now = jiff::Timestamp::now().to_string();
    body::set(properties, "scope", own_scope);
    body::default(properties, "principalType", "ServicePrincipal");
    body::default(properties, "createdOn", now.clone());
    body::set(properties, "updatedOn", now);
    Ok(())
}

/// Whether a principal can be assigned a role: it exists, or its kind is given, and is its own. The
/// directory of the local Azure holds the identities that were made in it.
fn principal(shared: &Shared, store: &Store, id: &str, kind: Option<&str>) -> Result<(), Refusal> {
    let has = |object: &Map<String, Value>| {
        body::text(object, "principalId").is_some_and(|own| own.eq_ignore_ascii_case(id))
    };
    let exists = store.resources.values().any(|resource| {
        let of = |member: &str| resource.member(member).and_then(Value::as_object);
        (resource.is(USER_ASSIGNED_IDENTITY) && of("properties").is_some_and(has))
            || (resource.is(MANAGED_CLUSTER) && of("identity").is_some_and(has))
            || kubelet(resource).is_some_and(|own| own.eq_ignore_ascii_case(id))
    });
    match kind {
        None if !exists => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "PrincipalNotFound",
            format!(
                "Principal {} does not exist in the directory {}. Check that you have the correct principal ID. If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group.",
                id.replace('-', ""),
                shared.tenant
            ),
        )),
        Some(kind) if exists && !kind.eq_ignore_ascii_case("ServicePrincipal") => {
            Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "UnmatchedPrincipalType",
                format!(
                    "The PrincipalId '{}' has type 'ServicePrincipal' , which is different from specified PrinciaplType '{kind}'.",
                    id.replace('-', "")
                ),
            ))
        }
        _ => Ok(()),
    }
}

/// The object id of the nodes' identity of a cluster.
fn kubelet(resource: &Resource) -> Option<&str> {
    resource.properties()["identityProfile"]["kubeletidentity"]["objectId"].as_str()
}

/// Whether a principal has a right on a resource, by an assignment at the resource's scope or above.
pub(super) fn may(store: &Store, principal: &str, action: &str, on: &ResourceId) -> bool {
    assignments(store).any(|assignment| {
        let Some(properties) = assignment.properties().as_object() else {
            return false;
        };
        let (of, role) = grant(properties);
        of.eq_ignore_ascii_case(principal)
            && is_within(on.as_str(), scope(&assignment.id))
            && (NETWORK_ROLES.contains(&role.as_str()) || role_allows(store, &role, action))
    })
}

/// Whether a role definition that was deployed here lists an action. Its name is a GUID.
fn role_allows(store: &Store, role: &str, action: &str) -> bool {
    let lists = |permission: &Map<String, Value>, member: &str| {
        let actions = body::get(permission, member).and_then(Value::as_array);
        let mut patterns = actions.into_iter().flatten().filter_map(Value::as_str);
        patterns.any(|pattern| covers(pattern, action))
    };
    store.resources.values().any(|definition| {
        definition.is(ROLE_DEFINITION)
            && definition.id.name().eq_ignore_ascii_case(role)
            && definition
                .properties()
                .as_object()
                .is_some_and(|properties| {
                    body::items(properties, "permissions").any(|permission| {
                        lists(permission, "actions") && !lists(permission, "notActions")
                    })
                })
    })
}

/// Whether a pattern of actions, in which `*` stands for anything, covers an action.
fn covers(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| action.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_in_an_action_stands_for_anything() {
        let action = "Microsoft.Network/routeTables/write";
        for (pattern, expected) in [
            ("*", true),
            ("microsoft.network/routetables/write", true),
            ("Microsoft.Network/*", true),
            ("Microsoft.Network/*/write", true),
            ("*/write", true),
            ("Microsoft.Network/routeTables/read", false),
            ("Microsoft.Network/*/read", false),
            ("Microsoft.Network/routeTables", false),
            ("Microsoft.Compute/*", false),
        ] {
            assert_eq!(covers(pattern, action), expected, "{pattern}");
        }
    }

    #[test]
    fn a_scope_lies_in_itself_and_in_what_is_above_it_by_whole_segments() {
        for (inner, outer, expected) in [
            (
                "/subscriptions/s/resourceGroups/g",
                "/subscriptions/S",
                true,
            ),
            ("/subscriptions/s", "/subscriptions/s", true),
            (
                "/subscriptions/s/resourceGroups/gg",
                "/subscriptions/s/resourceGroups/g",
                false,
            ),
            (
                "/subscriptions/s",
                "/subscriptions/s/resourceGroups/g",
                false,
            ),
            ("/subscriptions/s", "", true),
        ] {
            assert_eq!(is_within(inner, outer), expected, "{inner} in {outer}");
        }
    }
}
