//! Microsoft.ContainerService: managed clusters (R50 to R67; recorded traffic, section 10).

mod complete;
mod credential;
mod network;
mod unchanged;

pub(in crate::emulator) use credential::credential;

use axum::http::StatusCode;

use crate::arm::views::ManagedCluster;
use crate::arm::{AzureError, Resource};
use crate::emulator::body;
use crate::emulator::kubernetes::Cluster;
use crate::emulator::network::lease_nodes;
use crate::emulator::reply::Refusal;
use crate::emulator::state::Shared;
use crate::emulator::store::Store;

use super::Accepted;

pub(super) fn accept(
    shared: &Shared,
    store: &mut Store,
    resource: &mut Resource,
    previous: Option<&Resource>,
) -> Result<Accepted, Refusal> {
    complete::complete(shared, store, resource, previous);
    simulated(resource)?;
    let view = view(resource)?;
    if let Some(previous) = previous {
        unchanged::check(previous, resource)?;
    }
    network::check(store, resource, &view)?;
    let before = store.leases.clone();
    let leased = lease_nodes(store, &view);
    let gone = leased.inspect_err(|_| store.leases = before)?;
    let others = network::delegate_pod_subnets(store, &view);
    let cluster = store
        .clusters
        .entry(resource.id.clone())
        .or_insert_with(|| Cluster::new(resource.id.clone()));
    cluster.forget(&gone);
    Ok(Accepted { gone, others })
}

/// Refuses what the local Azure does not simulate, by name.
fn simulated(resource: &Resource) -> Result<(), Refusal> {
    let profile = &resource.properties()["networkProfile"];
    for (member, value) in [
        ("networkPlugin", "none"),
        ("outboundType", "block"),
        ("outboundType", "managedNATGatewayV2"),
    ] {
        let given = profile
            .as_object()
            .and_then(|profile| body::text(profile, member));
        if given.is_some_and(|given| given.eq_ignore_ascii_case(value)) {
            return Err(Refusal::not_supported(format!(
                "The local Azure does not simulate clusters with `{member}: {value}`."
            )));
        }
    }
    Ok(())
}

/// The cluster as the network sees it.
///
/// # Errors
/// When its properties cannot be read.
pub(in crate::emulator) fn view(resource: &Resource) -> Result<ManagedCluster, Refusal> {
    ManagedCluster::all(std::slice::from_ref(resource))
        .map_err(|error| Refusal::from(AzureError::new("InvalidParameter", error.to_string())))?
        .into_iter()
        .next()
        .ok_or_else(|| Refusal::not_found(&resource.id))
}

fn bad(code: &str, message: String, target: &str) -> Refusal {
    let mut refusal = Refusal::new(StatusCode::BAD_REQUEST, code, message);
    refusal.error.target = Some(target.to_owned());
    refusal
}
