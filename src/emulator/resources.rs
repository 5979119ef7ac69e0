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
use super::fabric::FabricError;
use super::network::{carry, carry_for};
use super::pending::Version;
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
    /// What was written.
    written: Version,
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
    // Assignments and definitions of roles are nowhere in particular.
    let placed = !key
        .resource_type
        .to_ascii_lowercase()
        .starts_with("microsoft.authorization/");
    if placed && key.resource_type.split('/').count() == 2 {
        required_location(&stored)?;
    }
    let previous = store.resources.get(&stored.id).cloned();
    if let Some(previous) = &previous {
        // The id keeps the spelling that it was first given.
        stored.id = previous.id.clone();
    }
    let mut before = store.version(&stored.id);
    let written = providers::Written {
        previous: previous.as_ref(),
        child: (stored.id != *id).then_some(id),
    };
    let accepted = providers::accept(shared, &mut store, &mut stored, written)?;
    before.others = accepted.others;
    // Here, while the store is locked: an endpoint of the same name may come back any time after.
    for endpoint in &accepted.gone {
        shared.servers.stop(endpoint);
    }
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
    if let Some(operation) = &operation {
        store.write_begins(&stored_id, operation, before);
    }
    let written = store.version(&stored_id);
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
        written,
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
pub(super) async fn finish(shared: &Arc<Shared>, begun: Begun) -> Result<(), AzureError> {
    let Some(operation) = &begun.operation else {
        return Ok(());
    };
    let carried = carried(shared, &begun.stored).await;
    let error = {
        let mut store = shared.store();
        match carried {
            Ok(()) => {
                store.write_succeeds(&begun.stored, operation, begun.written);
                store.end(operation, Status::Succeeded);
                return Ok(());
            }
            Err(error) => {
                let error = AzureError::new(
                    "InternalServerError",
                    format!("The network does not carry the resource: {error}."),
                );
                for endpoint in store.write_fails(&begun.stored, operation) {
                    shared.servers.stop(&endpoint);
                }
                store.end(operation, Status::Failed(error.clone()));
                error
            }
        }
    };
    // What was realised of it goes again.
    if let Err(error) = carry(shared).await {
        tracing::debug!(%error, "the network is not what it was before a write that failed");
    }
    Err(error)
}

/// Brings the fabric to what the store says for a write of `id`, and runs its containers.
///
/// # Errors
/// When the fabric cannot realise it.
pub(super) async fn carried(shared: &Shared, id: &ResourceId) -> Result<(), FabricError> {
    carry_for(shared, Some(id)).await?;
    let running = {
        let store = shared.store();
        let group = store.resources.get(id);
        let group = group.filter(|resource| resource.is(CONTAINER_GROUP));
        group.and_then(|group| {
            let (endpoint, _) = store.leases.group(id)?;
            Some((endpoint, providers::container_group::served(group)))
        })
    };
    match running {
        None => Ok(()),
        Some((endpoint, served)) => {
            let fabric = shared.fabric.as_ref();
            shared
                .servers
                .serve(fabric, &endpoint, id.name(), &served)
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
    body::set(&mut resource.body, "tags", tags.clone());
    let pending = store.pending.get_mut(id);
    if let Some(base) = pending.and_then(|pending| pending.base.resource.as_mut()) {
        body::set(&mut base.body, "tags", tags);
    }
    read(shared, &store, id).ok_or_else(|| Refusal::not_found(id))
}
