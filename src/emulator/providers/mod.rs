//! Resource providers: what each adds to a resource that it accepts, and when it refuses a deletion.
//!
//! A provider turns a body as sent into the body that Azure would answer (recorded traffic, sections 8
//! to 11). Checks of the body itself are `arm::validate`'s. Accepting is idempotent: an answer that is
//! sent back comes out the same, save for etags.

pub(super) mod authorization;
pub(super) mod container_group;
mod identity;
pub(super) mod managed_cluster;
pub(super) mod network;

use serde_json::{Map, Value, json};

use crate::arm::validate::types::{
    APPLICATION_SECURITY_GROUP, NAT_GATEWAY, NETWORK_INTERFACE, PEERING, PUBLIC_ADDRESS,
    PUBLIC_PREFIX, ROUTE,
};
use crate::arm::views::{
    CONTAINER_GROUP, MANAGED_CLUSTER, NETWORK_SECURITY_GROUP, ROLE_ASSIGNMENT, ROUTE_TABLE,
    SECURITY_RULE, SUBNET, USER_ASSIGNED_IDENTITY, VIRTUAL_NETWORK,
};
use crate::arm::{Resource, ResourceId};

use super::fabric::EndpointId;
use super::reply::Refusal;
use super::state::Shared;
use super::store::Store;

/// The types that the local Azure simulates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    VirtualNetwork,
    NetworkSecurityGroup,
    RouteTable,
    NatGateway,
    PublicAddress,
    NetworkInterface,
    ApplicationSecurityGroup,
    ContainerGroup,
    ManagedCluster,
    Identity,
    RoleAssignment,
    /// Stored as sent.
    Other,
}

const KINDS: [(&str, Kind); 11] = [
    (VIRTUAL_NETWORK, Kind::VirtualNetwork),
    (NETWORK_SECURITY_GROUP, Kind::NetworkSecurityGroup),
    (ROUTE_TABLE, Kind::RouteTable),
    (NAT_GATEWAY, Kind::NatGateway),
    (PUBLIC_ADDRESS, Kind::PublicAddress),
    (NETWORK_INTERFACE, Kind::NetworkInterface),
    (APPLICATION_SECURITY_GROUP, Kind::ApplicationSecurityGroup),
    (CONTAINER_GROUP, Kind::ContainerGroup),
    (MANAGED_CLUSTER, Kind::ManagedCluster),
    (USER_ASSIGNED_IDENTITY, Kind::Identity),
    (ROLE_ASSIGNMENT, Kind::RoleAssignment),
];

impl Kind {
    pub(super) fn of(resource_type: &str) -> Kind {
        KINDS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(resource_type))
            .map_or(Kind::Other, |(_, kind)| *kind)
    }

    /// The state in the answer to a PUT that is carried out later; `None` where it is done at once.
    pub(super) fn under_way(self, new: bool) -> Option<&'static str> {
        match self {
            Kind::ContainerGroup => Some("Pending"),
            Kind::ManagedCluster if new => Some("Creating"),
            Kind::Identity | Kind::RoleAssignment | Kind::Other => None,
            _ => Some("Updating"),
        }
    }

    /// The status word of an operation under way.
    pub(super) fn running(self) -> &'static str {
        match self {
            Kind::ContainerGroup => "Pending",
            _ => "InProgress",
        }
    }

    /// The order in which a group's resources go: what uses the network first.
    pub(super) fn deletion_rank(self) -> u8 {
        match self {
            Kind::RoleAssignment => 0,
            Kind::ContainerGroup => 1,
            Kind::ManagedCluster => 2,
            Kind::Other => 3,
            Kind::NetworkInterface => 4,
            Kind::VirtualNetwork => 5,
            Kind::NetworkSecurityGroup | Kind::RouteTable | Kind::NatGateway => 6,
            Kind::PublicAddress | Kind::ApplicationSecurityGroup => 7,
            Kind::Identity => 8,
        }
    }
}

/// The type as Azure spells it.
pub(super) fn spelling(resource_type: &str) -> String {
    let types = KINDS.iter().map(|(name, _)| *name);
    types
        .chain([SUBNET, PEERING, SECURITY_RULE, ROUTE])
        .find(|known| known.eq_ignore_ascii_case(resource_type))
        .unwrap_or(resource_type)
        .to_owned()
}

/// What a PUT is about.
#[derive(Clone, Copy)]
pub(super) struct Written<'a> {
    /// The resource as it was.
    pub(super) previous: Option<&'a Resource>,
    /// The embedded child that was sent alone; `None` where the whole resource was.
    pub(super) child: Option<&'a ResourceId>,
}

/// What accepting a resource changed besides it.
#[derive(Default)]
pub(super) struct Accepted {
    /// Endpoints that went.
    pub(super) gone: Vec<EndpointId>,
    /// Other resources that changed, as they were.
    pub(super) others: Vec<Resource>,
}

/// Completes a resource that is about to be stored, and gives out what it needs (addresses,
/// identities).
///
/// # Errors
/// What the provider refuses; the store is then unchanged.
pub(super) fn accept(
    shared: &Shared,
    store: &mut Store,
    resource: &mut Resource,
    written: Written<'_>,
) -> Result<Accepted, Refusal> {
    let previous = written.previous;
    match Kind::of(&resource.resource_type) {
        Kind::ContainerGroup => container_group::accept(store, resource, previous)?,
        Kind::ManagedCluster => {
            return managed_cluster::accept(shared, store, resource, previous);
        }
        Kind::Identity => identity::accept(shared, resource, previous),
        Kind::RoleAssignment => authorization::accept(shared, store, resource, previous)?,
        Kind::Other => other(store, resource)?,
        network => return network::accept(store, resource, written, network),
    }
    Ok(Accepted::default())
}

/// Stores what is not simulated as it was sent.
fn other(store: &mut Store, resource: &mut Resource) -> Result<(), Refusal> {
    if resource.is(PUBLIC_PREFIX) {
        return Err(Refusal::not_supported(
            "The local Azure does not simulate public IP prefixes; use publicIPAddresses.",
        ));
    }
    super::body::object(&mut resource.body, "properties")
        .insert("provisioningState".to_owned(), json!("Succeeded"));
    store.notes.insert(format!(
        "{} is stored as sent and not simulated",
        resource.key()
    ));
    Ok(())
}

/// Why a resource cannot be deleted now.
///
/// # Errors
/// `InUse...` as the provider words it.
pub(super) fn may_delete(store: &Store, id: &ResourceId) -> Result<(), Refusal> {
    network::may_delete(store, id)
}

/// Gives back what a resource holds. Returns the endpoints that went.
pub(super) fn release(store: &mut Store, id: &ResourceId) -> Vec<EndpointId> {
    if Kind::of(&id.key().resource_type) == Kind::ManagedCluster {
        super::network::release_routes(store, id);
        store.clusters.remove(id);
    }
    store.leases.release(id)
}

/// A resource as GET answers it.
pub(super) fn render(shared: &Shared, store: &Store, resource: &Resource) -> Value {
    let mut object = Map::new();
    object.insert("name".to_owned(), json!(resource.id.name()));
    object.insert("id".to_owned(), json!(resource.id));
    object.insert("type".to_owned(), json!(resource.resource_type));
    object.extend(resource.body.clone());
    let mut value = Value::Object(object);
    match Kind::of(&resource.resource_type) {
        Kind::ContainerGroup => container_group::show(shared, store, &resource.id, &mut value),
        _ => network::show(store, &resource.id, &mut value),
    }
    value
}
