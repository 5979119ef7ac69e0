//! Resource groups: synchronous but for their deletion, which runs to the end in dependency order
//! (recorded traffic, sections 2 and 3).

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use crate::arm::{AzureError, ResourceId};

use super::body;
use super::deletion::{begin_delete, finish_delete};
use super::providers::Kind;
use super::reply::{Refusal, empty, json_reply, with_operation};
use super::state::Shared;
use super::store::{Group, Status};

/// GET of all groups.
pub(super) fn list(shared: &Shared) -> Value {
    let store = shared.store();
    let groups = store.groups.values();
    json!({ "value": groups.map(|group| group.render(&shared.subscription)).collect::<Vec<_>>() })
}

/// GET of a group.
///
/// # Errors
/// `ResourceGroupNotFound`.
pub(super) fn get(shared: &Shared, name: &str) -> Result<Value, Refusal> {
    let store = shared.store();
    let group = store
        .group(name)
        .ok_or_else(|| Refusal::group_not_found(name))?;
    Ok(group.render(&shared.subscription))
}

/// PUT of a group: 201 when it is new, 200 when it exists.
///
/// # Errors
/// Without a location, or with another one than the group has.
pub(super) fn put(
    shared: &Shared,
    name: &str,
    sent: &Map<String, Value>,
) -> Result<Response, Refusal> {
    let location = body::text(sent, "location").unwrap_or_default();
    if location.is_empty() {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "LocationRequired",
            "The location property is required for this definition.",
        ));
    }
    let location = location.replace(' ', "").to_ascii_lowercase();
    let mut store = shared.store();
    let key = name.to_ascii_lowercase();
    let status = match store.groups.get(&key) {
        None => StatusCode::CREATED,
        Some(group) if group.deleting => {
            return Err(Refusal::new(
                StatusCode::CONFLICT,
                "ResourceGroupBeingDeleted",
                format!(
                    "The resource group '{name}' is in deprovisioning state and cannot perform this operation."
                ),
            ));
        }
        Some(group) if group.location != location => {
            return Err(Refusal::new(
                StatusCode::CONFLICT,
                "InvalidResourceGroupLocation",
                format!(
                    "Invalid resource group location '{location}'. The Resource group already exists in location '{}'.",
                    group.location
                ),
            ));
        }
        Some(_) => StatusCode::OK,
    };
    let group = Group {
        name: store
            .groups
            .get(&key)
            .map_or_else(|| name.to_owned(), |group| group.name.clone()),
        location,
        tags: body::get(sent, "tags").cloned(),
        managed_by: body::text(sent, "managedBy").map(str::to_owned),
        deleting: false,
    };
    let answer = group.render(&shared.subscription);
    store.groups.insert(key, group);
    Ok(json_reply(status, &answer))
}

/// PATCH of a group's tags.
///
/// # Errors
/// `ResourceGroupNotFound`.
pub(super) fn patch(
    shared: &Shared,
    name: &str,
    sent: &Map<String, Value>,
) -> Result<Value, Refusal> {
    let mut store = shared.store();
    let group = store
        .groups
        .get_mut(&name.to_ascii_lowercase())
        .ok_or_else(|| Refusal::group_not_found(name))?;
    if let Some(tags) = body::get(sent, "tags") {
        group.tags = Some(tags.clone());
    }
    Ok(group.render(&shared.subscription))
}

/// DELETE of a group: 202 and a `Location`; everything in it goes.
///
/// # Errors
/// `ResourceGroupNotFound`.
pub(super) fn delete(shared: &Arc<Shared>, base: &str, name: &str) -> Result<Response, Refusal> {
    let operation = {
        let mut store = shared.store();
        let group = store
            .groups
            .get_mut(&name.to_ascii_lowercase())
            .ok_or_else(|| Refusal::group_not_found(name))?;
        group.deleting = true;
        for (_, deployment) in store
            .deployments
            .iter()
            .filter(|((group, _), _)| group.eq_ignore_ascii_case(name))
        {
            deployment.cancel.cancel();
        }
        store.begin("Running", None)
    };
    let url = super::routes::operation_result_url(shared, base, &operation);
    let task = (shared.clone(), name.to_owned(), operation);
    shared.tasks.spawn(async move {
        let (shared, name, operation) = task;
        let status = match empty_group(&shared, &name).await {
            Ok(()) => Status::Succeeded,
            Err(error) => Status::Failed(error),
        };
        let mut store = shared.store();
        let key = name.to_ascii_lowercase();
        if matches!(status, Status::Succeeded) {
            store.groups.remove(&key);
            store.deployments.retain(|(group, _), _| *group != key);
        } else if let Some(group) = store.groups.get_mut(&key) {
            group.deleting = false;
        }
        store.end(&operation, status);
    });
    Ok(with_operation(
        empty(StatusCode::ACCEPTED),
        "location",
        &url,
    ))
}

/// Deletes what is in a group, users before what they use, until nothing is left or nothing moves.
async fn empty_group(shared: &Shared, name: &str) -> Result<(), AzureError> {
    loop {
        let mut left = {
            let store = shared.store();
            let ids = store
                .in_group(Some(name))
                .map(|resource| resource.id.clone());
            ids.collect::<Vec<ResourceId>>()
        };
        if left.is_empty() {
            return Ok(());
        }
        left.sort_by_key(|id| Kind::of(&id.key().resource_type).deletion_rank());
        let mut deleted = Vec::new();
        let mut refused = None;
        for id in left {
            match begin_delete(shared, &id) {
                Ok(done) => deleted.extend(done),
                Err(refusal) => refused = Some((id, refusal.error)),
            }
        }
        if deleted.is_empty()
            && let Some((id, error)) = refused
        {
            let mut blocked = AzureError::new(
                "ResourceGroupDeletionBlocked",
                "Deletion of resource group will be rolled back as its resources could not be deleted.",
            );
            let mut detail = *error;
            detail.target = Some(id.as_str().to_owned());
            blocked.details.push(detail);
            return Err(blocked);
        }
        finish_delete(shared, &deleted)
            .await
            .map_err(|error| AzureError::new("InternalServerError", error.to_string()))?;
    }
}
