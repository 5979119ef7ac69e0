//! Network security groups, with the six rules that each has (R4).

use serde_json::json;

use crate::arm::Resource;
use crate::arm::views::SECURITY_RULE;
use crate::emulator::body;

use super::{children, common};

/// Azure's default rules: name, description, direction, priority, access, source, destination.
const DEFAULT_RULES: [(&str, &str, &str, u16, &str, &str, &str); 6] = [
    (
        "AllowVnetInBound",
        "Allow inbound traffic from all VMs in VNET",
        "Inbound",
        65000,
        "Allow",
        "VirtualNetwork",
        "VirtualNetwork",
    ),
    (
        "AllowAzureLoadBalancerInBound",
        "Allow inbound traffic from azure load balancer",
        "Inbound",
        65001,
        "Allow",
        "AzureLoadBalancer",
        "*",
    ),
    (
        "DenyAllInBound",
        "Deny all inbound traffic",
        "Inbound",
        65500,
        "Deny",
        "*",
        "*",
    ),
    (
        "AllowVnetOutBound",
        "Allow outbound traffic from all VMs to all VMs in VNET",
        "Outbound",
        65000,
        "Allow",
        "VirtualNetwork",
        "VirtualNetwork",
    ),
    (
        "AllowInternetOutBound",
        "Allow outbound traffic from all VMs to Internet",
        "Outbound",
        65001,
        "Allow",
        "*",
        "Internet",
    ),
    (
        "DenyAllOutBound",
        "Deny all outbound traffic",
        "Outbound",
        65500,
        "Deny",
        "*",
        "*",
    ),
];

pub(super) fn accept(resource: &mut Resource, previous: Option<&Resource>) {
    let etag = common(resource, previous);
    children(
        resource,
        "securityRules",
        SECURITY_RULE,
        &etag,
        |_, rule| {
            for side in ["source", "destination"] {
                body::list(rule, &format!("{side}PortRanges"));
                body::list(rule, &format!("{side}AddressPrefixes"));
            }
        },
    );
    let id = resource.id.clone();
    let rules = DEFAULT_RULES.map(
        |(name, description, direction, priority, access, source, destination)| {
            json!({
                "name": name,
                "id": id.child("defaultSecurityRules", name),
                "etag": etag,
                "type": "Microsoft.Network/networkSecurityGroups/defaultSecurityRules",
                "properties": {
                    "provisioningState": "Updating",
                    "description": description,
                    "protocol": "*",
                    "sourcePortRange": "*",
                    "destinationPortRange": "*",
                    "sourceAddressPrefix": source,
                    "destinationAddressPrefix": destination,
                    "access": access,
                    "priority": priority,
                    "direction": direction,
                    "sourcePortRanges": [],
                    "destinationPortRanges": [],
                    "sourceAddressPrefixes": [],
                    "destinationAddressPrefixes": [],
                },
            })
        },
    );
    let properties = body::object(&mut resource.body, "properties");
    body::set(properties, "defaultSecurityRules", rules.to_vec());
}
