//! NAT gateways (R43). Which subnets use one stands in the subnets.

use serde_json::json;

use crate::arm::Resource;
use crate::emulator::body;
use crate::emulator::reply::Refusal;
use crate::emulator::store::Store;

use super::common;
use super::users::{self, in_use};

pub(super) fn accept(
    store: &Store,
    resource: &mut Resource,
    previous: Option<&Resource>,
) -> Result<(), Refusal> {
    let properties = body::object(&mut resource.body, "properties");
    if body::items(properties, "publicIpPrefixes").next().is_some() {
        return Err(Refusal::not_supported(
            "The local Azure does not simulate public IP prefixes (`publicIpPrefixes`); give the NAT gateway `publicIpAddresses`.",
        ));
    }
    for id in users::public_addresses(properties) {
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
    body::default(properties, "idleTimeoutInMinutes", 4);
    // Which subnets use the gateway, the subnets say.
    properties.retain(|name, _| !name.eq_ignore_ascii_case("subnets"));
    body::default(&mut resource.body, "sku", json!({ "name": "Standard" }));
    body::default(body::object(&mut resource.body, "sku"), "tier", "Regional");
    common(resource, previous);
    Ok(())
}
