//! Public addresses: Standard, static, IPv4, out of the ranges for documentation.

use serde_json::json;

use crate::arm::Resource;
use crate::emulator::body;
use crate::emulator::network::lease_public;
use crate::emulator::reply::Refusal;
use crate::emulator::store::Store;

use super::common;

pub(super) fn accept(
    store: &mut Store,
    resource: &mut Resource,
    previous: Option<&Resource>,
) -> Result<(), Refusal> {
    let name = resource.id.name().to_owned();
    let unsupported = |what: String| {
        Err(Refusal::not_supported(format!(
            "Public IP address '{name}': the local Azure simulates Standard addresses of IPv4 alone, not {what}."
        )))
    };
    let sku = body::object(&mut resource.body, "sku");
    let kind = body::text(sku, "name").unwrap_or("Basic").to_owned();
    if !kind.eq_ignore_ascii_case("Standard") {
        return unsupported(format!("the SKU `{kind}`"));
    }
    body::default(sku, "tier", "Regional");
    let properties = body::object(&mut resource.body, "properties");
    let version = body::text(properties, "publicIPAddressVersion").unwrap_or("IPv4");
    if !version.eq_ignore_ascii_case("IPv4") {
        return unsupported(format!("`{version}`"));
    }
    if body::get(properties, "publicIPPrefix").is_some_and(|prefix| !prefix.is_null()) {
        return unsupported("those of a `publicIPPrefix`".to_owned());
    }
    body::default(properties, "publicIPAddressVersion", "IPv4");
    body::default(properties, "publicIPAllocationMethod", "Static");
    body::default(properties, "idleTimeoutInMinutes", 4);
    body::list(properties, "ipTags");
    body::default(
        properties,
        "ddosSettings",
        json!({ "protectionMode": "VirtualNetworkInherited" }),
    );
    for shown in ["ipConfiguration", "natGateway"] {
        properties.retain(|name, _| !name.eq_ignore_ascii_case(shown));
    }
    let address = lease_public(store, &resource.id)?;
    body::set(properties, "ipAddress", address.to_string());
    common(resource, previous);
    Ok(())
}
