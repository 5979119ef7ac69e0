//! What a managed cluster needs of the network around it: a route table under kubenet, the rights of its
//! identity (R55), a delegation of the subnets of its pods (R58).

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::arm::views::{ClusterNetwork, MANAGED_CLUSTER, ManagedCluster, USER_ASSIGNED_IDENTITY};
use crate::arm::{Resource, ResourceId};
use crate::emulator::body;
use crate::emulator::network::route_table;
use crate::emulator::reply::Refusal;
use crate::emulator::store::Store;

use super::super::authorization::may;
use super::bad;

const JOIN_SUBNET: &str = "Microsoft.Network/virtualNetworks/subnets/join/action";
const WRITE_TABLE: &str = "Microsoft.Network/routeTables/write";

/// Refuses a cluster that its network does not suit.
///
/// # Errors
/// The service's error.
pub(super) fn check(
    store: &Store,
    resource: &Resource,
    view: &ManagedCluster,
) -> Result<(), Refusal> {
    let identities = identities(store, resource)?;
    for subnet in view.pools.iter().filter_map(|pool| pool.subnet.as_ref()) {
        if let Some(identity) = identities
            .iter()
            .find(|id| !may(store, &id.principal, JOIN_SUBNET, subnet))
        {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "LinkedAuthorizationFailed",
                format!(
                    "The client '{0}' with object id '{1}' has permission to perform action '{MANAGED_CLUSTER}/write' on scope '{2}'; however, it does not have permission to perform action(s) '{JOIN_SUBNET}' on the linked scope(s) '{subnet}' (respectively) or the linked scope(s) are invalid.",
                    identity.client, identity.principal, resource.id
                ),
            ));
        }
        if view.network == ClusterNetwork::Kubenet {
            kubenet(store, resource, &identities, subnet)?;
        }
    }
    Ok(())
}

/// R51, R54, R55: the subnet has a route table of its own, which the cluster's identity may write.
fn kubenet(
    store: &Store,
    resource: &Resource,
    identities: &[Identity],
    subnet: &ResourceId,
) -> Result<(), Refusal> {
    let Some(table) = route_table(store, subnet) else {
        return Err(Refusal::not_supported(format!(
            "Subnet {subnet} has no route table: the local Azure writes the routes of a kubenet cluster into the table of its subnet and makes none of its own."
        )));
    };
    if identities
        .iter()
        .any(|id| !may(store, &id.principal, WRITE_TABLE, &table))
    {
        return Err(bad(
            "CustomRouteTableMissingPermission",
            format!(
                "Managed identity or service principle must be given permission to read and write to custom route table {table}. Please see https://aka.ms/aks/customrt for more information"
            ),
            "agentPoolProfile.vnetSubnetID",
        ));
    }
    let clusters = store
        .resources
        .values()
        .filter(|other| other.id != resource.id);
    let sharing = clusters
        .filter(|other| other.is(MANAGED_CLUSTER))
        .filter_map(|other| super::view(other).ok())
        .filter(|other| other.network == ClusterNetwork::Kubenet)
        .find(|other| {
            let mut subnets = other.pools.iter().filter_map(|pool| pool.subnet.as_ref());
            subnets.any(|other| route_table(store, other).as_ref() == Some(&table))
        });
    match sharing {
        None => Ok(()),
        Some(other) => Err(bad(
            "InvalidParameter",
            format!(
                "Route table {table} is used by cluster {}: kubenet clusters cannot share a route table.",
                other.id
            ),
            "agentPoolProfile.vnetSubnetID",
        )),
    }
}

/// A user-assigned identity of a cluster.
struct Identity {
    principal: String,
    client: String,
}

/// The user-assigned identities, which must be there. A system-assigned one gets its rights from the
/// command line's own client, not through a template (R55), and is not asked for them.
fn identities(store: &Store, resource: &Resource) -> Result<Vec<Identity>, Refusal> {
    let identity = resource.member("identity").and_then(Value::as_object);
    let list = identity
        .and_then(|identity| body::get(identity, "userAssignedIdentities"))
        .and_then(Value::as_object);
    list.into_iter()
        .flatten()
        .map(|(text, _)| {
            let id = ResourceId::parse(text).ok();
            let found = id
                .and_then(|id| store.resources.get(&id))
                .filter(|found| found.is(USER_ASSIGNED_IDENTITY));
            let found = found.ok_or_else(|| {
                Refusal::new(
                    StatusCode::BAD_REQUEST,
                    "FailedIdentityOperation",
                    format!(
                        "Identity operation for resource '{}' failed with error 'Failed to perform resource identity operation. Status: 'BadRequest'. Response: '{{\"error\":{{\"code\":\"BadRequest\",\"message\":\"Resource '{text}' was not found.\"}}}}'.",
                        resource.id
                    ),
                )
            })?;
            let text = |member: &str| {
                let text = found.properties()[member].as_str();
                text.unwrap_or_default().to_owned()
            };
            Ok(Identity {
                principal: text("principalId"),
                client: text("clientId"),
            })
        })
        .collect()
}

/// Delegates the subnets of the pods to the service, where the template has not done so: creating a
/// cluster does that itself. Returns the networks as they were.
pub(super) fn delegate_pod_subnets(store: &mut Store, view: &ManagedCluster) -> Vec<Resource> {
    let mut before = Vec::<Resource>::new();
    for subnet in view
        .pools
        .iter()
        .filter_map(|pool| pool.pod_subnet.as_ref())
    {
        let network = subnet.parent().and_then(|id| store.resources.get_mut(&id));
        let Some(network) = network else { continue };
        let etag = network.member("etag").cloned();
        let was = network.clone();
        let subnets = body::list(body::object(&mut network.body, "properties"), "subnets");
        let item = subnets
            .iter_mut()
            .find(|item| body::is_named(item, subnet.name()));
        let Some(item) = item.and_then(Value::as_object_mut) else {
            continue;
        };
        let delegations = body::list(body::object(item, "properties"), "delegations");
        if !delegations.is_empty() {
            continue;
        }
        delegations.push(json!({
            "name": "aks-delegation",
            "id": subnet.child("delegations", "aks-delegation"),
            "etag": etag,
            "type": "Microsoft.Network/virtualNetworks/subnets/delegations",
            "properties": {
                "provisioningState": "Succeeded",
                "serviceName": MANAGED_CLUSTER,
                "actions": ["Microsoft.Network/virtualNetworks/subnets/join/action"],
            },
        }));
        if !before.iter().any(|other| other.id == was.id) {
            before.push(was);
        }
    }
    before
}
