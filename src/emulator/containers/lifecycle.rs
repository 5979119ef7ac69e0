//! Stop, start and restart of a container group.
//!
//! A stopped group keeps its lease, but nothing in the network holds its address: a call to it gets no
//! answer, not a reset. On Azure the address may be another after the start (R72).

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use crate::arm::{AzureError, Resource, ResourceId};
use crate::emulator::body;
use crate::emulator::network::{carry, container_group_endpoint};
use crate::emulator::operations::provider_url;
use crate::emulator::reply::{Refusal, empty, with_operation};
use crate::emulator::resources::carried;
use crate::emulator::state::Shared;
use crate::emulator::store::Status;

use super::{Asked, group, running, settled};

/// Stops a group: 204, and done with it (recorded traffic, 06/aci-java-restart-stop-delete). A group
/// that is stopped already stays so.
pub(super) async fn stop(shared: &Arc<Shared>, id: &ResourceId) -> Result<Response, Refusal> {
    let group = group(shared, id)?;
    settled(&group)?;
    shared
        .store()
        .stopped
        .entry(group.id.clone())
        .or_insert_with(jiff::Timestamp::now);
    shared.servers.stop(&container_group_endpoint(&group.id));
    carry(shared).await.map_err(|error| {
        AzureError::new(
            "InternalServerError",
            format!("The network does not carry the stop: {error}."),
        )
    })?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// Starts a stopped group: 202 and an operation, as the API is documented. One that runs is left alone.
pub(super) fn start(shared: &Arc<Shared>, asked: &Asked<'_>) -> Result<Response, Refusal> {
    let group = group(shared, asked.of)?;
    settled(&group)?;
    let was_stopped = shared.store().stopped.remove(&group.id).is_some();
    let state = if was_stopped { "Pending" } else { "Succeeded" };
    Ok(begin(shared, asked, group, state, StatusCode::ACCEPTED))
}

/// Restarts a running group in place: 204 and an operation (recorded traffic, as above). A stopped
/// group is refused (azure-cli issue 8136).
pub(super) fn restart(shared: &Arc<Shared>, asked: &Asked<'_>) -> Result<Response, Refusal> {
    let group = group(shared, asked.of)?;
    running(shared, &group)?;
    shared.servers.stop(&container_group_endpoint(&group.id));
    Ok(begin(
        shared,
        asked,
        group,
        "Repairing",
        StatusCode::NO_CONTENT,
    ))
}

/// Begins the operation that ends when the group serves.
fn begin(
    shared: &Arc<Shared>,
    asked: &Asked<'_>,
    group: Resource,
    state: &str,
    status: StatusCode,
) -> Response {
    let operation = {
        let mut store = shared.store();
        store.settle(&group.id, state);
        store.begin("Pending", Some(&group.id))
    };
    let url = provider_url(
        asked.base,
        &shared.subscription,
        "Microsoft.ContainerInstance",
        body::text(&group.body, "location").unwrap_or("global"),
        "operations",
        &operation,
    );
    shared
        .tasks
        .spawn(serve_again(shared.clone(), group.id, operation));
    with_operation(empty(status), "azure-asyncoperation", &url)
}

async fn serve_again(shared: Arc<Shared>, group: ResourceId, operation: String) {
    let carried = carried(&shared, &group).await;
    let mut store = shared.store();
    let (state, status) = match carried {
        Ok(()) => ("Succeeded", Status::Succeeded),
        Err(error) => {
            // Stopped again, so that the next state can be carried.
            store.stopped.insert(group.clone(), jiff::Timestamp::now());
            let message = format!("The network does not carry the start: {error}.");
            (
                "Failed",
                Status::Failed(AzureError::new("InternalServerError", message)),
            )
        }
    };
    store.settle(&group, state);
    store.end(&operation, status);
}
