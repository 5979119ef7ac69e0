//! From stored resources to the network that the fabric carries.
//!
//! Nothing here judges a packet. [`carry`] is the one place where the fabric learns a new state; a
//! resource is `Succeeded` only after it.

mod cluster;
mod leases;
mod routes;

pub(super) use cluster::{lease_nodes, place_pod};
pub(super) use leases::{Leases, container_group_endpoint, lease_group, pod_endpoint};
pub(super) use routes::{release_routes, route_table};

use crate::arm::Resource;

use super::body;
use super::fabric::{Endpoint, FabricError, NetworkState};
use super::state::Shared;
use super::store::Store;

/// Brings the fabric to what the store says, one state at a time.
///
/// # Errors
/// When the fabric cannot realise it.
pub(super) async fn carry(shared: &Shared) -> Result<(), FabricError> {
    let _one_at_a_time = shared.carrying.lock().await;
    let state = {
        let mut store = shared.store();
        routes::reconcile(&mut store);
        network_state(&store)
    };
    shared.fabric.apply(&state).await
}

/// The network as stored. A resource whose provisioning failed is not part of it, nor is a container
/// group that is stopped.
fn network_state(store: &Store) -> NetworkState {
    let failed = |resource: &Resource| {
        resource
            .properties()
            .as_object()
            .and_then(|properties| body::text(properties, "provisioningState"))
            == Some("Failed")
    };
    let stopped = |endpoint: &Endpoint| matches!(endpoint, Endpoint::ContainerGroup { group, .. } if store.stopped.contains_key(group));
    NetworkState {
        resources: store
            .resources
            .values()
            .filter(|resource| !failed(resource) && !store.stopped.contains_key(&resource.id))
            .cloned()
            .collect(),
        endpoints: store
            .leases
            .endpoints
            .iter()
            .filter(|(_, endpoint)| !stopped(endpoint))
            .map(|(id, endpoint)| (id.clone(), endpoint.clone()))
            .collect(),
    }
}
