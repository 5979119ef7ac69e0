//! Microsoft.Authorization: role assignments at any scope (recorded traffic, section 11). They are
//! stored and unique; no right is enforced.

use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::arm::views::ROLE_ASSIGNMENT;
use crate::arm::{Resource, ResourceId};
use crate::emulator::body;
use crate::emulator::reply::Refusal;
use crate::emulator::store::Store;

/// The scope of an extension resource: what stands before its last `/providers/`.
pub(in crate::emulator) fn scope(id: &ResourceId) -> &str {
    let text = id.as_str();
    text.to_ascii_lowercase()
        .rfind("/providers/")
        .map_or("", |at| &text[..at])
}

/// Whether `id` is an extension of `of`, or of something under it.
pub(in crate::emulator) fn extends(id: &ResourceId, of: &ResourceId) -> bool {
    id.as_str()
        .to_ascii_lowercase()
        .starts_with(&format!("{}/", of.as_str().to_ascii_lowercase()))
}

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

pub(super) fn accept(store: &Store, resource: &mut Resource) -> Result<(), Refusal> {
    let own_scope = scope(&resource.id).to_owned();
    let properties = body::object(&mut resource.body, "properties");
    for required in ["principalId", "roleDefinitionId"] {
        if body::text(properties, required).is_none_or(str::is_empty) {
            return Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "InvalidRequestContent",
                format!(
                    "The request content was invalid: required property '{required}' not found."
                ),
            ));
        }
    }
    let own = grant(properties);
    let taken = store.resources.values().any(|other| {
        other.is(ROLE_ASSIGNMENT)
            && other.id != resource.id
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
    let now = jiff::Timestamp::now().to_string();
    body::set(properties, "scope", own_scope);
    body::default(properties, "principalType", "ServicePrincipal");
    body::default(properties, "createdOn", now.clone());
    body::set(properties, "updatedOn", now);
    Ok(())
}
