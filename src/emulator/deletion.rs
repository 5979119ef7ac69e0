//! DELETE of any resource, for requests and for groups alike.
//!
//! Like a write it has two halves: [`begin_delete`] takes the resource out of the store at once,
//! [`finish_delete`] waits until the network is without it.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use crate::arm::views::VIRTUAL_NETWORK;
use crate::arm::{AzureError, Resource, ResourceId};

use super::body;
use super::fabric::FabricError;
use super::network::carry;
use super::operations::provider_url;
use super::providers::{self, Kind};
use super::reply::{Refusal, empty, json_reply, with_header, with_operation};
use super::resources::read;
use super::routes::namespace;
use super::state::Shared;
use super::store::{Status, embedding};

/// A deletion that is stored and not yet carried out.
pub(super) struct Deleted {
    /// The resource as it was.
    pub(super) last: Value,
    pub(super) kind: Kind,
    pub(super) location: String,
    pub(super) operation: String,
}

/// Takes a resource, and what extends it, out of the store; `None` when it is absent.
///
/// # Errors
/// When something uses it.
pub(super) fn begin_delete(shared: &Shared, id: &ResourceId) -> Result<Option<Deleted>, Refusal> {
    let mut store = shared.store();
    if let Some(name) = id.resource_group()
        && store.group(name).is_none()
    {
        return Err(Refusal::group_not_found(name));
    }
    let Some(last) = read(shared, &store, id) else {
        return Ok(None);
    };
    providers::may_delete(&store, id)?;
    let key = id.key();
    let network = [Some(id.clone()), id.parent()]
        .into_iter()
        .flatten()
        .filter_map(|id| store.resources.get(&id))
        .find(|resource| resource.is(VIRTUAL_NETWORK))
        .cloned();
    if let Some(network) = network {
        providers::network::disconnect(&mut store, id, &network);
    }
    let (kind, owner) = match embedding(&key.resource_type) {
        Some(list) => {
            let parent = id.parent().and_then(|id| store.resources.get_mut(&id));
            let parent = parent.ok_or_else(|| Refusal::not_found(id))?;
            let owner = (Kind::of(&parent.resource_type), parent.id.clone());
            let without = |parent: &mut Resource| {
                let items = body::list(body::object(&mut parent.body, "properties"), list);
                items.retain(|item| !body::is_named(item, id.name()));
            };
            without(parent);
            let pending = store.pending.get_mut(&owner.1);
            if let Some(base) = pending.and_then(|pending| pending.base.resource.as_mut()) {
                without(base);
            }
            owner
        }
        None => (Kind::of(&key.resource_type), id.clone()),
    };
    let location = store
        .resources
        .get(&owner)
        .and_then(|resource| body::text(&resource.body, "location"))
        .unwrap_or("global")
        .to_owned();
    let mut gone = providers::release(&mut store, id);
    if owner == *id {
        store.resources.remove(id);
        store.pending.remove(id);
    }
    let extensions = store
        .resources
        .keys()
        .filter(|other| providers::authorization::extends(other, id))
        .cloned()
        .collect::<Vec<_>>();
    for extension in extensions {
        gone.extend(providers::release(&mut store, &extension));
        store.resources.remove(&extension);
        store.pending.remove(&extension);
    }
    // Here, while the store is locked: an endpoint of the same name may come back any time after.
    for endpoint in &gone {
        shared.servers.stop(endpoint);
    }
    let operation = store.begin(kind.running(), Some(id));
    Ok(Some(Deleted {
        last,
        kind,
        location,
        operation,
    }))
}

/// Waits until the network is without what was deleted, and ends the operation.
pub(super) async fn finish_delete(shared: &Shared, deleted: &[Deleted]) -> Result<(), FabricError> {
    let carried = carry(shared).await;
    let status = match &carried {
        Ok(()) => Status::Succeeded,
        Err(error) => Status::Failed(AzureError::new("InternalServerError", error.to_string())),
    };
    let mut store = shared.store();
    for deleted in deleted {
        store.end(&deleted.operation, status.clone());
    }
    carried
}

/// Answers a DELETE, and carries it out.
///
/// # Errors
/// When something uses the resource.
pub(super) fn answer(
    shared: &Arc<Shared>,
    base: &str,
    id: &ResourceId,
) -> Result<Response, Refusal> {
    let Some(deleted) = begin_delete(shared, id)? else {
        return Ok(empty(StatusCode::NO_CONTENT));
    };
    let response = answer_of(shared, base, id, &deleted);
    let shared = shared.clone();
    shared.clone().tasks.spawn(async move {
        let carried = finish_delete(&shared, &[deleted]).await;
        if let Err(error) = carried {
            tracing::error!(%error, "the network could not be brought to a deletion");
        }
    });
    Ok(response)
}

fn answer_of(shared: &Shared, base: &str, id: &ResourceId, deleted: &Deleted) -> Response {
    match deleted.kind {
        // Synchronous, with the last body.
        Kind::ContainerGroup | Kind::Identity | Kind::RoleAssignment | Kind::Other => {
            json_reply(StatusCode::OK, &deleted.last)
        }
        _ => {
            let url = |kind| {
                provider_url(
                    base,
                    &shared.subscription,
                    &namespace(id),
                    &deleted.location,
                    kind,
                    &deleted.operation,
                )
            };
            let response = empty(StatusCode::ACCEPTED);
            let response = with_header(response, "location", &url("operationResults"));
            with_operation(response, "azure-asyncoperation", &url("operations"))
        }
    }
}
