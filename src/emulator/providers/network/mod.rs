//! Microsoft.Network (recorded traffic, section 8): a file for each type, and who uses what.

mod interface;
mod nat_gateway;
mod peering;
mod public_address;
mod route_table;
mod security_group;
mod users;
mod virtual_network;

pub(in crate::emulator) use peering::disconnect;
pub(super) use users::{may_delete, show};
pub(in crate::emulator) use virtual_network::keep;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::arm::{Resource, ResourceId};
use crate::emulator::body;
use crate::emulator::reply::Refusal;
use crate::emulator::store::Store;

use super::{Accepted, Kind, Written};

/// Completes a resource of the provider.
///
/// # Errors
/// What the provider refuses; the store is then unchanged.
pub(super) fn accept(
    store: &mut Store,
    resource: &mut Resource,
    written: Written<'_>,
    kind: Kind,
) -> Result<Accepted, Refusal> {
    let previous = written.previous;
    match kind {
        Kind::VirtualNetwork => return virtual_network::accept(store, resource, written),
        Kind::NetworkSecurityGroup => security_group::accept(resource, previous),
        Kind::RouteTable => route_table::accept(resource, previous),
        Kind::NatGateway => nat_gateway::accept(store, resource, previous)?,
        Kind::PublicAddress => public_address::accept(store, resource, previous)?,
        Kind::NetworkInterface => interface::accept(store, resource, previous)?,
        // An application security group has nothing but its name; interfaces say that they belong to it.
        _ => {
            common(resource, previous);
        }
    }
    Ok(Accepted::default())
}

/// The members that every resource of the provider has. Returns the etag.
fn common(resource: &mut Resource, previous: Option<&Resource>) -> String {
    let etag = format!("W/\"{}\"", Uuid::new_v4());
    body::set(&mut resource.body, "etag", etag.clone());
    let guid = previous
        .and_then(|previous| previous.properties().get("resourceGuid").cloned())
        .unwrap_or_else(|| json!(Uuid::new_v4().to_string()));
    let properties = body::object(&mut resource.body, "properties");
    body::set(properties, "provisioningState", "Updating");
    body::set(properties, "resourceGuid", guid);
    etag
}

/// Completes the items of an embedded list.
fn children(
    resource: &mut Resource,
    list: &str,
    child_type: &str,
    etag: &str,
    complete: impl Fn(&ResourceId, &mut Map<String, Value>),
) {
    let parent = resource.id.clone();
    let items = body::list(body::object(&mut resource.body, "properties"), list);
    for item in items.iter_mut().filter_map(Value::as_object_mut) {
        let id = parent.child(list, body::text(item, "name").unwrap_or_default());
        body::set(item, "id", id.as_str());
        body::set(item, "etag", etag);
        body::set(item, "type", child_type);
        let properties = body::object(item, "properties");
        body::set(properties, "provisioningState", "Updating");
        complete(&id, properties);
    }
}

/// The names and properties of the items of an embedded list.
fn items<'a>(
    resource: &'a Resource,
    list: &'a str,
) -> impl Iterator<Item = (&'a str, &'a Map<String, Value>)> {
    let properties = resource.properties().as_object();
    let items = properties
        .into_iter()
        .flat_map(move |p| body::items(p, list));
    items.filter_map(|item| {
        let properties = body::get(item, "properties")?.as_object()?;
        Some((body::text(item, "name").unwrap_or_default(), properties))
    })
}
