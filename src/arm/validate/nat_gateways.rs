//! NAT gateways and public addresses (R43).

use serde_json::Value;

use crate::arm::resource::get;
use crate::arm::views::View;
use crate::arm::{AzureError, Resource};

use super::{Existing, invalid, is_known, references};

/// The most public addresses of a NAT gateway.
const MOST_ADDRESSES: usize = 16;

fn sku(resource: &Resource) -> Option<&str> {
    let sku = resource.member("sku").and_then(Value::as_object)?;
    get(sku, "name").and_then(Value::as_str)
}

fn idle_timeout(view: &View<'_>, most: u64) -> Result<(), AzureError> {
    match view.number("idleTimeoutInMinutes") {
        Some(minutes) if !(4..=most).contains(&minutes) => Err(invalid(
            view,
            "idleTimeoutInMinutes",
            format!("{minutes} is not 4 to {most}"),
        )),
        _ => Ok(()),
    }
}

/// A NAT gateway on its own.
pub(super) fn gateway(resource: &Resource, view: &View<'_>) -> Result<(), AzureError> {
    let known = |sku: &str| {
        ["Standard", "StandardV2"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(sku))
    };
    if let Some(sku) = sku(resource).filter(|sku| is_known(sku) && !known(sku)) {
        return Err(invalid(
            view,
            "sku.name",
            format!("a NAT gateway is never '{sku}'"),
        ));
    }
    let addresses = view.items("publicIpAddresses").len();
    if addresses > MOST_ADDRESSES {
        return Err(invalid(
            view,
            "publicIpAddresses",
            format!("{addresses} are more than {MOST_ADDRESSES}"),
        ));
    }
    idle_timeout(view, 120)
}

/// The public addresses of a NAT gateway are there, in its region, and not Basic.
pub(super) fn addresses(
    resource: &Resource,
    view: &View<'_>,
    existing: Existing<'_>,
) -> Result<(), AzureError> {
    let location = references::location(resource);
    for list in ["publicIpAddresses", "publicIpPrefixes"] {
        for item in view.items(list) {
            let target = references::target(&item, &resource.id, location, existing)?;
            let basic = target
                .as_ref()
                .and_then(sku)
                .is_some_and(|sku| sku.eq_ignore_ascii_case("Basic"));
            if basic {
                return Err(invalid(
                    &item,
                    "id",
                    "a NAT gateway takes Standard public addresses alone",
                ));
            }
        }
    }
    Ok(())
}

/// A public address on its own: a Standard one is static, and says so.
pub(super) fn public_address(resource: &Resource, view: &View<'_>) -> Result<(), AzureError> {
    let standard = sku(resource).is_some_and(|sku| sku.eq_ignore_ascii_case("Standard"));
    let method = view.text("publicIPAllocationMethod");
    let fixed = method
        .as_deref()
        .is_some_and(|method| !is_known(method) || method.eq_ignore_ascii_case("Static"));
    if standard && !fixed {
        return Err(AzureError::new(
            "StandardSkuPublicIPAddressesMustBeStatic",
            format!(
                "Standard sku publicIp {} must have AllocationMethod set to Static.",
                resource.id
            ),
        ));
    }
    idle_timeout(view, 30)
}
