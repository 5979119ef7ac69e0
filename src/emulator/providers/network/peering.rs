//! Virtual network peerings: two objects, one on each side (R40).
//!
//! A peering is `Initiated` until the other side has one too, then both are `Connected`; when one side
//! goes, the other is `Disconnected`, and neither can be connected again before that one is written.

use serde_json::{Map, Value, json};

use crate::arm::validate::types::PEERING;
use crate::arm::{Resource, ResourceId};
use crate::emulator::body;
use crate::emulator::reply::Refusal;
use crate::emulator::store::Store;

use super::super::Written;
use super::users::in_use;
use super::{children, items};

const LIST: &str = "virtualNetworkPeerings";

/// Completes the peerings of a network that is about to be stored, and changes their far sides.
/// Returns the networks of the far sides as they were.
pub(super) fn accept(
    store: &mut Store,
    resource: &mut Resource,
    written: Written<'_>,
    all_sent: bool,
    etag: &str,
) -> Result<Vec<Resource>, Refusal> {
    let before = written.previous.map(Side::of).unwrap_or_default();
    let is_written = |name: &str| match written.child {
        Some(child) => child.key().is(PEERING) && child.name().eq_ignore_ascii_case(name),
        None => all_sent,
    };
    for side in Side::of(resource) {
        if is_written(&side.name) {
            may_write(store, resource, &side)?;
        }
    }
    let own = resource.id.clone();
    let space = address_space(resource);
    children(resource, LIST, PEERING, etag, |_, peering| {
        for (flag, default) in [
            ("allowVirtualNetworkAccess", true),
            ("allowForwardedTraffic", false),
            ("allowGatewayTransit", false),
            ("useRemoteGateways", false),
            ("doNotVerifyRemoteGateways", false),
            ("peerCompleteVnets", true),
        ] {
            body::default(peering, flag, default);
        }
        body::default(peering, "routeServiceVips", json!({}));
    });
    let sides = Side::of(resource);
    let mut far = Vec::new();
    for old in &before {
        let gone = !sides.iter().any(|side| side.remote == old.remote);
        if gone && let Some(remote) = store.resources.get_mut(&old.remote) {
            far.push(remote.clone());
            set_state(remote, &own, "Disconnected");
        }
    }
    for side in &sides {
        let Some(remote) = store.resources.get_mut(&side.remote) else {
            continue;
        };
        far.push(remote.clone());
        let reverse = Side::of(remote).into_iter().any(|back| back.remote == own);
        let remote_space = address_space(remote);
        if is_written(&side.name) {
            let state = if reverse { "Connected" } else { "Initiated" };
            set_state(resource, &side.remote, state);
            if reverse {
                set_state(remote, &own, state);
            }
            // Writing a peering is what brings it up to date.
            each(resource, &side.remote, |peering| {
                body::set(peering, "remoteAddressSpace", remote_space.clone());
            });
        }
        each(resource, &side.remote, |peering| {
            body::set(
                peering,
                "remoteVirtualNetworkAddressSpace",
                remote_space.clone(),
            );
        });
        each(remote, &own, |peering| {
            body::set(peering, "remoteVirtualNetworkAddressSpace", space.clone());
        });
        let (here, there) = (
            is_current(resource, side),
            is_current_back(remote, &own, &space),
        );
        set_level(resource, &side.remote, here, there);
        set_level(remote, &own, there, here);
    }
    Ok(far)
}

/// A network has lost its peering with `remote`: the far side is disconnected.
pub(in crate::emulator) fn disconnect(store: &mut Store, id: &ResourceId, gone: &Resource) {
    let sides = Side::of(gone);
    let own = gone.id.clone();
    for side in sides {
        let whole = *id == own;
        let this = id.key().is(PEERING) && id.name().eq_ignore_ascii_case(&side.name);
        if (whole || this)
            && let Some(remote) = store.resources.get_mut(&side.remote)
        {
            set_state(remote, &own, "Disconnected");
        }
    }
}

/// One side of a peering.
#[derive(Debug, Clone)]
struct Side {
    name: String,
    remote: ResourceId,
}

impl Side {
    fn of(network: &Resource) -> Vec<Side> {
        items(network, LIST)
            .filter_map(|(name, peering)| {
                Some(Side {
                    name: name.to_owned(),
                    remote: body::reference(peering, "remoteVirtualNetwork")?,
                })
            })
            .collect()
    }
}

fn may_write(store: &Store, network: &Resource, side: &Side) -> Result<(), Refusal> {
    let id = network.id.child(LIST, &side.name);
    let mut own = items(network, LIST).filter(|(name, _)| *name == side.name);
    let flag = |name: &str, peering: &Map<String, Value>| {
        body::get(peering, name).and_then(Value::as_bool)
    };
    if let Some((_, peering)) = own.next() {
        if flag("peerCompleteVnets", peering) == Some(false) {
            return Err(Refusal::not_supported(format!(
                "Peering {id}: the local Azure does not simulate the peering of single subnets (`peerCompleteVnets: false`)."
            )));
        }
        if flag("useRemoteGateways", peering) == Some(true) {
            return Err(in_use(
                "RemoteVnetHasNoGateways",
                format!(
                    "Peering {id} cannot have UseRemoteGateways flag set to true because remote virtual network {} referenced by the peering does not have any gateways.",
                    side.remote
                ),
            ));
        }
    }
    let Some(remote) = store.resources.get(&side.remote) else {
        return Ok(());
    };
    for (name, back) in items(remote, LIST) {
        let ours = body::reference(back, "remoteVirtualNetwork").as_ref() == Some(&network.id);
        if ours && body::text(back, "peeringState") == Some("Disconnected") {
            return Err(in_use(
                "RemotePeeringIsDisconnected",
                format!(
                    "Cannot create or update peering {id} because remote peering {} referencing parent virtual network {} is in Disconnected state. Update or re-create the remote peering to get it back to Initiated state. Peering gets Disconnected when remote vnet or remote peering is deleted and re-created.",
                    remote.id.child(LIST, name),
                    network.id
                ),
            ));
        }
    }
    Ok(())
}

/// Changes the peering of a network with `remote`, if it has one.
fn each(network: &mut Resource, remote: &ResourceId, change: impl Fn(&mut Map<String, Value>)) {
    let list = body::list(body::object(&mut network.body, "properties"), LIST);
    for item in list.iter_mut().filter_map(Value::as_object_mut) {
        let peering = body::object(item, "properties");
        if body::reference(peering, "remoteVirtualNetwork").as_ref() == Some(remote) {
            change(peering);
        }
    }
}

fn set_state(network: &mut Resource, remote: &ResourceId, state: &str) {
    each(network, remote, |peering| {
        body::set(peering, "peeringState", state);
    });
}

fn address_space(network: &Resource) -> Value {
    let properties = network.properties().as_object();
    let space = properties.and_then(|properties| body::get(properties, "addressSpace"));
    let space = space.and_then(Value::as_object);
    let prefixes = space.and_then(|space| body::get(space, "addressPrefixes"));
    json!({ "addressPrefixes": prefixes.cloned().unwrap_or_else(|| json!([])) })
}

/// Whether a peering knows its remote network as it is.
fn is_current(network: &Resource, side: &Side) -> Option<bool> {
    let mut own = items(network, LIST).filter(|(name, _)| *name == side.name);
    let (_, peering) = own.next()?;
    let known = body::get(peering, "remoteAddressSpace");
    Some(known == body::get(peering, "remoteVirtualNetworkAddressSpace"))
}

fn is_current_back(remote: &Resource, own: &ResourceId, space: &Value) -> Option<bool> {
    let mut back = items(remote, LIST)
        .filter(|(_, back)| body::reference(back, "remoteVirtualNetwork").as_ref() == Some(own));
    let (_, back) = back.next()?;
    Some(body::get(back, "remoteAddressSpace") == Some(space))
}

/// The level as seen from `network`: `here` tells whether it knows the remote network as it is, `there`
/// whether the remote side knows this one; a remote side without a peering is not in sync.
fn set_level(network: &mut Resource, remote: &ResourceId, here: Option<bool>, there: Option<bool>) {
    let level = match (here, there) {
        (_, None) | (Some(false), Some(true)) => "RemoteNotInSync",
        (Some(false), Some(false)) => "LocalAndRemoteNotInSync",
        (_, Some(false)) => "LocalNotInSync",
        (_, Some(true)) => "FullyInSync",
    };
    each(network, remote, |peering| {
        body::set(peering, "peeringSyncLevel", level);
    });
}
