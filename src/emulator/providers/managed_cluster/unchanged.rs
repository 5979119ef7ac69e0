//! What a managed cluster may not change after its creation.

use serde_json::{Map, Value};

use crate::arm::Resource;
use crate::emulator::body;
use crate::emulator::reply::Refusal;

use super::bad;

/// Members of the network profile that stay. `outboundType` may change, under its own checks (R65).
const NETWORK: [&str; 7] = [
    "networkPlugin",
    "networkPluginMode",
    "networkDataplane",
    "podCidr",
    "serviceCidr",
    "dnsServiceIP",
    "loadBalancerSku",
];

/// Members of a node pool that stay.
const POOL: [&str; 6] = [
    "vnetSubnetID",
    "podSubnetID",
    "vmSize",
    "maxPods",
    "osType",
    "type",
];

/// Refuses the first change of a property that cannot change.
///
/// # Errors
/// `PropertyChangeNotAllowed`.
pub(super) fn check(before: &Resource, after: &Resource) -> Result<(), Refusal> {
    let none = Map::new();
    let properties = |resource: &'_ Resource| resource.properties().as_object().cloned();
    let (old, new) = (properties(before), properties(after));
    let (old, new) = (old.as_ref().unwrap_or(&none), new.as_ref().unwrap_or(&none));
    fn profile(properties: &Map<String, Value>) -> Option<&Map<String, Value>> {
        body::get(properties, "networkProfile")?.as_object()
    }
    compare(
        profile(old).unwrap_or(&none),
        profile(new).unwrap_or(&none),
        &NETWORK,
        "networkProfile",
    )?;
    compare(
        old,
        new,
        &["dnsPrefix", "nodeResourceGroup"],
        "managedCluster",
    )?;
    for pool in body::items(new, "agentPoolProfiles") {
        let name = body::text(pool, "name");
        let same =
            body::items(old, "agentPoolProfiles").find(|old| body::text(old, "name") == name);
        if let Some(old) = same {
            compare(old, pool, &POOL, "agentPoolProfile")?;
        }
    }
    Ok(())
}

fn compare(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    members: &[&str],
    place: &str,
) -> Result<(), Refusal> {
    let value = |object: &Map<String, Value>, member: &str| {
        let value = body::get(object, member).filter(|value| !value.is_null());
        value.map(|value| match value {
            Value::String(text) => text.to_ascii_lowercase(),
            other => other.to_string(),
        })
    };
    for member in members {
        if value(before, member) != value(after, member) {
            let target = format!("{place}.{member}");
            return Err(bad(
                "PropertyChangeNotAllowed",
                format!("Changing property '{target}' is not allowed."),
                &target,
            ));
        }
    }
    Ok(())
}
