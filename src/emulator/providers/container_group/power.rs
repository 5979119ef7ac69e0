//! Stop, start and restart of container groups (recorded traffic, section 2).
//!
//! A group that is stopped gives its address back and gets another one, maybe, when it starts (R72).

use std::sync::Arc;

use crate::arm::views::CONTAINER_GROUP;
use crate::arm::{Resource, ResourceId};
use crate::emulator::body;
use crate::emulator::network::{carry, lease_group};
use crate::emulator::reply::Refusal;
use crate::emulator::resources::carried;
use crate::emulator::state::Shared;
use crate::emulator::store::{Status, Store};

fn find(store: &Store, id: &ResourceId) -> Result<Resource, Refusal> {
    let found = store
        .resources
        .get(id)
        .filter(|found| found.is(CONTAINER_GROUP));
    found.cloned().ok_or_else(|| Refusal::not_found(id))
}

/// Takes a group off the network.
fn halt(shared: &Shared, store: &mut Store, id: &ResourceId) {
    for endpoint in store.leases.release(id) {
        shared.servers.stop(&endpoint);
    }
}

/// Stops a group; it is off the network when the answer comes.
///
/// # Errors
/// When there is no such group, or the network does not follow.
pub(in crate::emulator) async fn stop(shared: &Shared, id: &ResourceId) -> Result<(), Refusal> {
    {
        let mut store = shared.store();
        find(&store, id)?;
        halt(shared, &mut store, id);
    }
    carry(shared).await.map_err(|error| {
        crate::arm::AzureError::new("InternalServerError", error.to_string()).into()
    })
}

/// Starts a group that is stopped. Returns the operation.
///
/// # Errors
/// When there is no such group, or no address left.
pub(in crate::emulator) fn start(shared: &Arc<Shared>, id: &ResourceId) -> Result<String, Refusal> {
    let mut store = shared.store();
    begin(shared, &mut store, id)
}

/// Stops a group and starts it. Returns the operation.
///
/// # Errors
/// When there is no such group.
pub(in crate::emulator) fn restart(
    shared: &Arc<Shared>,
    id: &ResourceId,
) -> Result<String, Refusal> {
    let mut store = shared.store();
    find(&store, id)?;
    halt(shared, &mut store, id);
    begin(shared, &mut store, id)
}

fn begin(shared: &Arc<Shared>, store: &mut Store, id: &ResourceId) -> Result<String, Refusal> {
    let group = find(store, id)?;
    let subnet = super::subnet(&group)?.ok_or_else(|| Refusal::not_found(id))?;
    lease_group(store, id, &subnet)?;
    set_state(store, id, "Repairing");
    let operation = store.begin("Pending", Some(id));
    let work = finish(shared.clone(), id.clone(), operation.clone());
    shared.tasks.spawn(work);
    Ok(operation)
}

async fn finish(shared: Arc<Shared>, id: ResourceId, operation: String) {
    let carried = carried(&shared, &id).await;
    let mut store = shared.store();
    let status = match carried {
        Ok(()) => {
            set_state(&mut store, &id, "Succeeded");
            Status::Succeeded
        }
        Err(error) => {
            halt(&shared, &mut store, &id);
            set_state(&mut store, &id, "Failed");
            Status::Failed(crate::arm::AzureError::new(
                "InternalServerError",
                format!("The network does not carry the resource: {error}."),
            ))
        }
    };
    store.end(&operation, status);
}

fn set_state(store: &mut Store, id: &ResourceId, state: &str) {
    if let Some(group) = store.resources.get_mut(id) {
        body::set(
            body::object(&mut group.body, "properties"),
            "provisioningState",
            state,
        );
    }
}
