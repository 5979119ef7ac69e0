//! How a cluster's nodes reach the Internet (R65).

use crate::arm::views::View;
use crate::arm::{AzureError, ResourceId};

use super::super::{Existing, invalid, is_known, virtual_networks};
use super::targeted;

const OUTBOUND_TYPES: [&str; 7] = [
    "loadBalancer",
    "managedNATGateway",
    "managedNATGatewayV2",
    "userAssignedNATGateway",
    "userDefinedRouting",
    "block",
    "none",
];

/// The outbound type, where it is known.
fn of(view: &View<'_>) -> Option<String> {
    let outbound = view.object("networkProfile").text("outboundType")?;
    is_known(&outbound).then_some(outbound)
}

/// The outbound type on its own, and whether it suits a subnet of one's own: a gateway that AKS manages
/// does not ("Managed NAT gateway is incompatible with custom virtual networks", AKS:nat-gateway), a
/// gateway or routes of one's own need one.
pub(super) fn outbound_type(view: &View<'_>) -> Result<(), AzureError> {
    let Some(outbound) = of(view) else {
        return Ok(());
    };
    let is = |name: &str| outbound.eq_ignore_ascii_case(name);
    let profile = view.object("networkProfile");
    if !OUTBOUND_TYPES.iter().any(|known| is(known)) {
        return Err(invalid(
            &profile,
            "outboundType",
            format!("'{outbound}' is none of {}", OUTBOUND_TYPES.join(", ")),
        ));
    }
    let pools = view.items("agentPoolProfiles");
    let own = pools.iter().any(|pool| pool.text("vnetSubnetID").is_some());
    let managed = is("managedNATGateway") || is("managedNATGatewayV2");
    let users = is("userAssignedNATGateway") || is("userDefinedRouting");
    let problem = match own {
        true if managed => {
            "a managed NAT gateway is incompatible with a virtual network of one's own"
        }
        false if users => "it needs a virtual network of one's own (vnetSubnetID)",
        _ => return Ok(()),
    };
    Err(invalid(
        &profile,
        "outboundType",
        format!("'{outbound}': {problem}"),
    ))
}

/// What the outbound type asks of a node subnet.
pub(super) fn subnet(
    view: &View<'_>,
    id: &ResourceId,
    subnet: &virtual_networks::Found,
    existing: Existing<'_>,
) -> Result<(), AzureError> {
    let outbound = of(view).unwrap_or_default();
    if outbound.eq_ignore_ascii_case("userAssignedNATGateway") && subnet.nat_gateway.is_none() {
        return Err(invalid(
            &view.object("networkProfile"),
            "outboundType",
            format!("'{outbound}': subnet {id} has no NAT gateway"),
        ));
    }
    if outbound.eq_ignore_ascii_case("userDefinedRouting") {
        return routes(id, subnet, existing);
    }
    Ok(())
}

/// A route table with a default route to an appliance or a gateway (Azure/AKS#1842, #1875;
/// MicrosoftDocs/azure-docs#108240).
fn routes(
    id: &ResourceId,
    subnet: &virtual_networks::Found,
    existing: Existing<'_>,
) -> Result<(), AzureError> {
    let refused =
        |code: &str, message: String| Err(targeted(code, message, "networkProfile.outboundType"));
    let Some(text) = &subnet.route_table else {
        return refused(
            "ExistingRouteTableNotAssociatedWithSubnet",
            format!(
                "An existing route table has not been associated with subnet {id}. Please update the route table association."
            ),
        );
    };
    let table = ResourceId::parse(text).ok().filter(|_| is_known(text));
    let Some(table) = table.as_ref().and_then(existing) else {
        return Ok(());
    };
    let routes = View::of(&table).items("routes");
    let default = routes
        .iter()
        .map(|item| item.object("properties"))
        .find(|route| {
            let prefix = route.text("addressPrefix");
            prefix.is_some_and(|prefix| prefix == "0.0.0.0/0" || !is_known(&prefix))
        });
    let Some(default) = default else {
        return refused(
            "RouteTableMissingDefaultRouteError",
            format!(
                "Default route 0.0.0.0/0 missing from route table {}",
                table.id
            ),
        );
    };
    let hop = default.text("nextHopType").unwrap_or_default();
    let leads_out = ["VirtualAppliance", "VirtualNetworkGateway"]
        .iter()
        .any(|known| hop.eq_ignore_ascii_case(known));
    if leads_out || !is_known(&hop) {
        return Ok(());
    }
    refused(
        "RouteTableInvalidNextHop",
        format!(
            "Default route 0.0.0.0/0 has a next hop of {hop} but only next hops of VirtualAppliance or VirtualNetworkGateway are allowed. Please see http://aka.ms/aks/outboundtype for more details"
        ),
    )
}
