//! From stored resources to the network that the fabric carries.
//!
//! Nothing here judges a packet. [`carry`] is the one place where the fabric learns a new state; a
//! resource is `Succeeded` only after it.

mod cluster;
mod leases;
mod routes;
mod subnets;
mod users;

pub(super) use cluster::{Seat, lease_nodes, nodes, pod_address};
pub(super) use leases::{Holdings, Leases, pod_endpoint};
pub(super) use routes::{release_routes, route_table};
pub(super) use subnets::{Asked, lease_group, lease_interface, lease_public};
pub(super) use users::{User, addresses_in};

use std::collections::{BTreeMap, BTreeSet};

use crate::arm::{Resource, ResourceId};

use super::body;
use super::fabric::{Endpoint, FabricError, NetworkState};
use super::state::Shared;
use super::store::Store;

/// Brings the fabric to what the store says, one state at a time.
///
/// # Errors
/// When the fabric cannot realise it.
pub(super) async fn carry(shared: &Shared) -> Result<(), FabricError> {
    carry_for(shared, None).await
}

/// Brings the fabric to what the store says, for a write of `written`. When it cannot realise that,
/// other writes under way may be to blame, so it is brought to the state without them.
///
/// # Errors
/// When the fabric cannot realise it with this write alone.
pub(super) async fn carry_for(
    shared: &Shared,
    written: Option<&ResourceId>,
) -> Result<(), FabricError> {
    let _one_at_a_time = shared.carrying.lock().await;
    let all = {
        let mut store = shared.store();
        routes::reconcile(&mut store);
        network_state(&store, Writes::All)
    };
    let Err(error) = shared.fabric.apply(&all).await else {
        return Ok(());
    };
    let alone = {
        let store = shared.store();
        let others = store.pending.keys().any(|id| Some(id) != written);
        others.then(|| network_state(&store, Writes::Only(written)))
    };
    match alone {
        None => Err(error),
        Some(alone) => shared.fabric.apply(&alone).await,
    }
}

/// Which writes under way are part of a state.
#[derive(Clone, Copy)]
enum Writes<'a> {
    All,
    Only(Option<&'a ResourceId>),
}

/// The network as stored. A resource whose provisioning failed is not part of it; one whose write is
/// left out is as it was before.
fn network_state(store: &Store, writes: Writes<'_>) -> NetworkState {
    let failed = |resource: &Resource| {
        resource
            .properties()
            .as_object()
            .and_then(|properties| body::text(properties, "provisioningState"))
            == Some("Failed")
    };
    let base = |id: &ResourceId| match writes {
        Writes::Only(written) if written != Some(id) => {
            store.pending.get(id).map(|pending| &pending.base)
        }
        _ => None,
    };
    let resources = store.resources.values().filter_map(|resource| {
        base(&resource.id).map_or(Some(resource), |base| base.resource.as_ref())
    });
    let mut endpoints = store
        .leases
        .endpoints
        .iter()
        .filter(|(_, endpoint)| {
            matches!(endpoint, Endpoint::Pod { .. }) || base(leases::owner(endpoint)).is_none()
        })
        .map(|(id, endpoint)| (id.clone(), endpoint.clone()))
        .collect::<BTreeMap<_, _>>();
    for id in store.pending.keys() {
        let before = base(id).into_iter();
        endpoints.extend(before.flat_map(|base| base.holdings.endpoints.iter().cloned()));
    }
    let nodes = endpoints.keys().cloned().collect::<BTreeSet<_>>();
    endpoints.retain(|_, endpoint| match endpoint {
        Endpoint::Pod { node, .. } => nodes.contains(node),
        _ => true,
    });
    NetworkState {
        resources: resources
            .filter(|resource| !failed(resource))
            .cloned()
            .collect(),
        endpoints,
    }
}
