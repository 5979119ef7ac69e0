//! PUT, PATCH, GET and DELETE of any resource, for requests and for deployments alike.
//!
//! A write has two halves: [`begin`] checks, completes and stores under the lock and answers at once;
//! [`finish`] waits until the network carries it, and only then is it `Succeeded`. A PUT replaces
//! (recorded traffic, section 8); a child that is kept in its parent is a PUT of the parent.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::arm::views::CONTAINER_GROUP;
use crate::arm::{AzureError, Resource, ResourceId, validate};

use super::body;
use super::fabric::{EndpointId, FabricError};
use super::network::{carry, container_group_endpoint};
use super::providers::{self, Kind};
use super::reply::Refusal;
use super::state::Shared;
use super::store::{Status, Store, embedding};

/// A write that is stored and not yet carried out.
pub(super) struct Begun {
    /// 201 for a new resource, 200 for another write of one.
    pub(super) status: StatusCode,
    /// The resource as the answer shows it.
    pub(super) body: Value,
    /// The operation to poll; `None` where everything is done.
    pub(super) operation: Option<String>,
    pub(super) kind: Kind,
    pub(super) location: String,
    /// What is stored: the resource, or its parent for an embedded child.
    stored: ResourceId,
    previous: Option<Resource>,
    /// Endpoints whose servers must stop.
    gone: Vec<EndpointId>,
}

/// Checks, completes and stores a resource.
///
/// # Errors
/// What its resource provider refuses; nothing is then changed.
pub(super) fn begin(
    shared: &Shared,
    id: &ResourceId,
    api_version: &str,
    sent: Map<String, Value>,
) -> Result<Begun, Refusal> {
    let mut store = shared.store();
    let key = id.key();
    if key.is("Microsoft.Resources/deployments") {
        return Err(Refusal::not_supported(
            "The local Azure does not support nested deployments.",
        ));
    }
    let sent = without_envelope(sent);
    let group_location = match id.resource_group() {
        None => None,
        Some(name) => {
            let group = store.group(name).filter(|group| !group.deleting);
            let group = group.ok_or_else(|| Refusal::group_not_found(name))?;
            Some(group.location.clone())
        }
    };
    let resource = Resource {
        id: id.clone(),
        resource_type: providers::spelling(&key.resource_type),
        name: key.name.clone(),
        api_version: api_version.to_owned(),
        depends_on: Vec::new(),
        body: sent,
    };
    validate::resource(&resource)?;
    validate::against(&resource, &|id| store.resource(id))?;
    let new = store.resource(id).is_none();

    let mut stored = match embedding(&key.resource_type) {
        None => resource,
        Some(list) => in_parent(&store, resource, list)?,
    };
    if key.resource_type.split('/').count() == 2
        && Kind::of(&key.resource_type) != Kind::RoleAssignment
    {
        required_location(&stored)?;
    }
    let previous = store.resources.get(&stored.id).cloned();
    if let Some(previous) = &previous {
        // The id keeps the spelling that it was first given.
        stored.id = previous.id.clone();
    }
    let gone = providers::accept(shared, &mut store, &mut stored, previous.as_ref())?;
    let kind = Kind::of(&stored.resource_type);
    let location = body::text(&stored.body, "location")
        .map(str::to_owned)
        .or(group_location)
        .unwrap_or_else(|| "global".to_owned());
    let stored_id = stored.id.clone();
    store.resources.insert(stored_id.clone(), stored);
    let operation = kind
        .under_way(previous.is_none())
        .map(|_| store.begin(kind.running(), Some(&stored_id)));
    let body = read(shared, &store, id).unwrap_or(Value::Null);
    Ok(Begun {
        status: if new || kind == Kind::ContainerGroup || kind == Kind::RoleAssignment {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        },
        body,
        operation,
        kind,
        location,
        stored: stored_id,
        previous,
        gone,
    })
}

/// A body without what the path says already and what only an answer has.
fn without_envelope(mut sent: Map<String, Value>) -> Map<String, Value> {
    sent.retain(|name, _| {
        !["id", "name", "type", "apiVersion", "dependsOn", "etag"]
            .iter()
            .any(|member| member.eq_ignore_ascii_case(name))
    });
    sent
}

fn required_location(resource: &Resource) -> Result<(), Refusal> {
    match body::text(&resource.body, "location") {
        Some(location) if !location.is_empty() => Ok(()),
        _ => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "LocationRequired",
            "The location property is required for this definition.",
        )),
    }
}

/// The parent of an embedded child, with the child in its list.
fn in_parent(store: &Store, child: Resource, list: &str) -> Result<Resource, Refusal> {
    let parent = child.id.parent();
    let parent = parent.and_then(|parent| store.resources.get(&parent));
    let mut parent = parent.cloned().ok_or_else(|| {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "ParentResourceNotFound",
            format!(
                "Can not perform requested operation on nested resource. Parent resource '{}' not found.",
                child.name.split('/').next().unwrap_or_default()
            ),
        )
    })?;
    let name = child.id.name().to_owned();
    let mut item = child.body;
    item.insert("name".to_owned(), json!(name));
    let items = body::list(body::object(&mut parent.body, "properties"), list);
    match items.iter_mut().find(|item| body::is_named(item, &name)) {
        Some(existing) => *existing = Value::Object(item),
        None => items.push(Value::Object(item)),
    }
    Ok(parent)
}

/// Waits until the network carries what [`begin`] stored, and ends the operation.
///
/// # Errors
/// When the network cannot carry it: a new resource is then `Failed`, an old one as it was.
pub(super) async fn finish(shared: &Arc<Shared>, begun: &Begun) -> Result<(), AzureError> {
    let Some(operation) = &begun.operation else {
        return Ok(());
    };
    for endpoint in &begun.gone {
        shared.servers.stop(endpoint);
    }
    let carried = carried(shared, &begun.stored).await;
    let mut store = shared.store();
    match carried {
        Ok(()) => {
            store.settle(&begun.stored, "Succeeded");
            store.end(operation, Status::Succeeded);
            Ok(())
        }
        Err(error) => {
            let error = AzureError::new(
                "InternalServerError",
                format!("The network does not carry the resource: {error}."),
            );
            match &begun.previous {
                Some(previous) => {
                    store
                        .resources
                        .insert(begun.stored.clone(), previous.clone());
                }
                None => {
                    // What failed holds nothing, so that the next state can be carried.
                    providers::release(&mut store, &begun.stored);
                    store.settle(&begun.stored, "Failed");
                }
            }
            store.end(operation, Status::Failed(error.clone()));
            Err(error)
        }
    }
}

/// Brings the network to the store's state and, for a container group, serves what it serves.
///
/// # Errors
/// When the network cannot carry it.
pub(super) async fn carried(shared: &Shared, id: &ResourceId) -> Result<(), FabricError> {
    carry(shared).await?;
    let group = shared.store().resources.get(id).cloned();
    match group.filter(|resource| resource.is(CONTAINER_GROUP)) {
        None => Ok(()),
        Some(group) => {
            shared
                .servers
                .serve(
                    shared.fabric.as_ref(),
                    &container_group_endpoint(id),
                    id.name(),
                    &providers::container_group::served(&group),
                )
                .await
        }
    }
}

/// A resource as GET answers it.
pub(super) fn read(shared: &Shared, store: &Store, id: &ResourceId) -> Option<Value> {
    let mut resource = store.resource(id)?;
    resource.resource_type = providers::spelling(&resource.resource_type);
    Some(providers::render(shared, store, &resource))
}

/// Replaces the tags of a resource, which no provider delays.
///
/// # Errors
/// When the resource does not exist, or the body sets anything but tags.
pub(super) fn patch_tags(
    shared: &Shared,
    id: &ResourceId,
    sent: &Map<String, Value>,
) -> Result<Value, Refusal> {
    let mut store = shared.store();
    if let Some(other) = sent.keys().find(|name| !name.eq_ignore_ascii_case("tags")) {
        return Err(Refusal::not_supported(format!(
            "The local Azure changes nothing but tags by PATCH, and `{other}` is not tags."
        )));
    }
    let resource = store
        .resources
        .get_mut(id)
        .ok_or_else(|| Refusal::not_found(id))?;
    let tags = body::get(sent, "tags")
        .cloned()
        .unwrap_or_else(|| json!({}));
    body::set(&mut resource.body, "tags", tags);
    read(shared, &store, id).ok_or_else(|| Refusal::not_found(id))
}

/// A deletion that is stored and not yet carried out.
pub(super) struct Deleted {
    /// The resource as it was.
    pub(super) last: Value,
    pub(super) kind: Kind,
    pub(super) location: String,
    pub(super) operation: String,
    gone: Vec<EndpointId>,
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
    let (kind, owner) = match embedding(&key.resource_type) {
        Some(list) => {
            let parent = id.parent().and_then(|id| store.resources.get_mut(&id));
            let parent = parent.ok_or_else(|| Refusal::not_found(id))?;
            let items = body::list(body::object(&mut parent.body, "properties"), list);
            items.retain(|item| !body::is_named(item, id.name()));
            (Kind::of(&parent.resource_type), parent.id.clone())
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
    }
    let operation = store.begin(kind.running(), Some(id));
    Ok(Some(Deleted {
        last,
        kind,
        location,
        operation,
        gone,
    }))
}

/// Waits until the network is without what was deleted, and ends the operation.
pub(super) async fn finish_delete(shared: &Shared, deleted: &[Deleted]) -> Result<(), FabricError> {
    for endpoint in deleted.iter().flat_map(|deleted| &deleted.gone) {
        shared.servers.stop(endpoint);
    }
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
