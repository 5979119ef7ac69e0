//! Network interfaces: their IP configurations get addresses of their subnets at once.

use std::net::Ipv4Addr;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::arm::{AzureError, Resource, ResourceId};
use crate::emulator::body;
use crate::emulator::network::{Asked, lease_interface};
use crate::emulator::reply::Refusal;
use crate::emulator::store::Store;

use super::users::{self, in_use};
use super::{children, common, items};

pub(super) fn accept(
    store: &mut Store,
    resource: &mut Resource,
    previous: Option<&Resource>,
) -> Result<(), Refusal> {
    for (_, configuration) in items(resource, "ipConfigurations") {
        let Some(id) = body::reference(configuration, "publicIPAddress") else {
            continue;
        };
        let other = users::user_of_public_address(store, &id);
        if let Some(other) = other.filter(|other| !other.is_of(&resource.id)) {
            return Err(in_use(
                "PublicIPAddressInUse",
                format!(
                    "Resource {} is referencing public IP address {id} that is already allocated to resource {}.",
                    resource.id,
                    other.id()
                ),
            ));
        }
    }
    let asked = items(resource, "ipConfigurations")
        .map(|(name, configuration)| asked(&resource.id, name, configuration))
        .collect::<Result<Vec<_>, _>>()?;
    let addresses = lease_interface(store, &resource.id, &asked)?;
    let etag = common(resource, previous);
    let mac = previous
        .and_then(|previous| previous.properties().get("macAddress").cloned())
        .unwrap_or_else(|| json!(mac_address(&resource.id)));
    let properties = body::object(&mut resource.body, "properties");
    body::set(properties, "macAddress", mac);
    body::default(properties, "enableIPForwarding", false);
    body::default(properties, "enableAcceleratedNetworking", false);
    body::default(properties, "nicType", "Standard");
    let dns = body::object(properties, "dnsSettings");
    body::list(dns, "dnsServers");
    body::list(dns, "appliedDnsServers");
    let configurations = body::list(properties, "ipConfigurations");
    let several = configurations.len() > 1;
    for (configuration, address) in configurations
        .iter_mut()
        .filter_map(Value::as_object_mut)
        .zip(addresses)
    {
        let configuration = body::object(configuration, "properties");
        body::set(configuration, "privateIPAddress", address.to_string());
        body::default(configuration, "privateIPAllocationMethod", "Dynamic");
        body::default(configuration, "privateIPAddressVersion", "IPv4");
        if !several {
            body::default(configuration, "primary", true);
        }
    }
    children(
        resource,
        "ipConfigurations",
        "Microsoft.Network/networkInterfaces/ipConfigurations",
        &etag,
        |_, _| {},
    );
    Ok(())
}

/// What an IP configuration asks for. The address of a dynamic one is Azure's to choose, also where an
/// answer is sent back.
fn asked(
    interface: &ResourceId,
    name: &str,
    configuration: &Map<String, Value>,
) -> Result<Asked, Refusal> {
    let subnet = body::reference(configuration, "subnet").ok_or_else(|| {
        Refusal::from(AzureError::new(
            "InvalidRequestFormat",
            format!("IP configuration {name} of {interface} has no subnet."),
        ))
    })?;
    let is_static = body::text(configuration, "privateIPAllocationMethod")
        .is_some_and(|method| method.eq_ignore_ascii_case("Static"));
    let address = body::text(configuration, "privateIPAddress")
        .filter(|_| is_static)
        .map(|text| {
            text.parse::<Ipv4Addr>().map_err(|_| {
                Refusal::not_supported(format!(
                    "IP configuration {name} of {interface}: `{text}` is not an IPv4 address, and the local Azure carries IPv4 alone."
                ))
            })
        })
        .transpose()?;
    Ok(Asked {
        configuration: name.to_owned(),
        subnet,
        address,
    })
}

/// A hardware address that follows from the id, with Azure's prefix.
fn mac_address(id: &ResourceId) -> String {
    let text = id.as_str().to_ascii_lowercase();
    let bytes = *Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes()).as_bytes();
    format!(
        "00-0D-3A-{:02X}-{:02X}-{:02X}",
        bytes[0], bytes[1], bytes[2]
    )
}
