//! Refusals as tables: a body, and the code that it is refused with.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::arm::ResourceKey;

mod peers;
mod services;

fn made(resource_type: &str, name: &str, properties: Value) -> Resource {
    let mut body = serde_json::Map::new();
    body.insert("location".to_owned(), "westeurope".into());
    body.insert("properties".to_owned(), properties);
    Resource {
        id: ResourceId::in_group("s", "g", &ResourceKey::new(resource_type, name)),
        resource_type: resource_type.to_owned(),
        name: name.to_owned(),
        api_version: "2024-05-01".to_owned(),
        depends_on: Vec::new(),
        body,
    }
}

fn id(resource_type: &str, name: &str) -> Value {
    let id = ResourceId::in_group("s", "g", &ResourceKey::new(resource_type, name));
    json!({"id": id.as_str()})
}

fn code(result: Result<(), AzureError>) -> String {
    match result {
        Ok(()) => "accepted".to_owned(),
        Err(error) => error.code,
    }
}

/// The value with the members of `change` in the place of its own; null takes a member away.
fn with(mut value: Value, change: &Value) -> Value {
    let object = value.as_object_mut().unwrap();
    for (name, new) in change.as_object().unwrap() {
        if new.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), new.clone());
        }
    }
    value
}

fn rule() -> Value {
    json!({
        "priority": 100, "direction": "Inbound", "access": "Allow", "protocol": "Tcp",
        "sourceAddressPrefix": "10.0.0.0/24", "sourcePortRange": "*",
        "destinationAddressPrefix": "*", "destinationPortRange": "80",
    })
}

#[test]
fn security_rules_on_their_own() {
    for (change, expected) in [
        (json!({}), "accepted"),
        (json!({"priority": 99}), "SecurityRuleInvalidPriority"),
        (json!({"priority": 4096}), "accepted"),
        (json!({"priority": 4097}), "SecurityRuleInvalidPriority"),
        (json!({"priority": "200"}), "accepted"),
        (json!({"priority": null}), "SecurityRuleParametersMissing"),
        (
            json!({"direction": "inbound", "access": "DENY", "protocol": "*"}),
            "accepted",
        ),
        (json!({"direction": "Sideways"}), "InvalidParameter"),
        (json!({"access": null}), "SecurityRuleParametersMissing"),
        (
            json!({"sourceAddressPrefix": null}),
            "SecurityRuleParametersMissing",
        ),
        (
            json!({"sourceAddressPrefix": null, "sourceApplicationSecurityGroups": [{"id": "/a"}]}),
            "accepted",
        ),
        (json!({"sourceAddressPrefix": "VirtualNetwork"}), "accepted"),
        (
            json!({"sourceAddressPrefix": "Storage.WestEurope"}),
            "accepted",
        ),
        (json!({"sourceAddressPrefix": "10.0.0.4"}), "accepted"),
        (json!({"sourceAddressPrefix": "0.0.0.0/0"}), "accepted"),
        (
            json!({"sourceAddressPrefix": "[reference('x').ip]"}),
            "accepted",
        ),
        (
            json!({"sourceAddressPrefix": "50.206.209.68/27"}),
            "SecurityRuleInvalidAddressPrefix",
        ),
        (
            json!({"sourceAddressPrefix": "any"}),
            "SecurityRuleInvalidAddressPrefix",
        ),
        (
            json!({"sourceAddressPrefix": "VIRTUAL_NETWORK"}),
            "SecurityRuleInvalidAddressPrefix",
        ),
        (
            json!({"sourceAddressPrefix": "10.0.0.0/33"}),
            "SecurityRuleInvalidAddressPrefix",
        ),
        (
            json!({"sourceAddressPrefix": null, "sourceAddressPrefixes": ["10.0.0.0/24", "10.0.1.0/24"]}),
            "accepted",
        ),
        (
            json!({"sourceAddressPrefix": null, "sourceAddressPrefixes": ["*"]}),
            "SecurityRuleParameterContainsUnsupportedValue",
        ),
        (
            json!({"sourceAddressPrefix": null, "sourceAddressPrefixes": ["10.0.0.0/24", "Internet"]}),
            "SecurityRuleParameterContainsUnsupportedValue",
        ),
        (
            json!({"sourceAddressPrefix": null, "sourceAddressPrefixes": ["10.1.0.0/24", "10.0.0.0/8"]}),
            "OverlappingSubnetsNotPermittedInSecurityRule",
        ),
        (
            json!({"sourceAddressPrefix": null, "sourceAddressPrefixes": ["10.0.0.4", "10.0.0.4/32"]}),
            "OverlappingSubnetsNotPermittedInSecurityRule",
        ),
        (
            json!({"sourceAddressPrefix": "fd00::/64", "destinationAddressPrefix": "10.0.0.0/8"}),
            "ResourceCannotContainAddressPrefixesFromDifferentAddressFamilies",
        ),
        (
            json!({"destinationPortRange": "80,443"}),
            "SecurityRuleInvalidPortRange",
        ),
        (
            json!({"destinationPortRange": "any"}),
            "SecurityRuleInvalidPortRange",
        ),
        (
            json!({"destinationPortRange": "65536"}),
            "SecurityRuleInvalidPortRange",
        ),
        (
            json!({"destinationPortRange": "90-80"}),
            "SecurityRuleInvalidPortRange",
        ),
        (
            json!({"destinationPortRange": null, "destinationPortRanges": ["80", "8000-8999"]}),
            "accepted",
        ),
        (
            json!({"destinationPortRange": null, "destinationPortRanges": ["*"]}),
            "SecurityRuleInvalidPortRange",
        ),
        (
            json!({"destinationPortRange": null}),
            "SecurityRuleParametersMissing",
        ),
    ] {
        let child = made(SECURITY_RULE, "nsg/r", with(rule(), &change));
        assert_eq!(code(resource(&child)), expected, "{change}");
        let group = made(
            NETWORK_SECURITY_GROUP,
            "nsg",
            json!({"securityRules": [{"name": "r", "properties": with(rule(), &change)}]}),
        );
        assert_eq!(code(resource(&group)), expected, "inline {change}");
    }
}

#[test]
fn security_rules_beside_each_other() {
    let named =
        |name: &str, change: Value| json!({"name": name, "properties": with(rule(), &change)});
    for (second, expected) in [
        (named("b", json!({"priority": 101})), "accepted"),
        (named("b", json!({"direction": "Outbound"})), "accepted"),
        (
            named("b", json!({"direction": "INBOUND"})),
            "SecurityRuleConflict",
        ),
        (
            named("A", json!({"priority": 101})),
            "DuplicateResourceName",
        ),
        (
            named("allowvnetinbound", json!({"priority": 101})),
            "SecurityRuleConflict",
        ),
        (named("_b", json!({"priority": 101})), "accepted"),
        (
            named("b b", json!({"priority": 101})),
            "InvalidResourceName",
        ),
    ] {
        let group = made(
            NETWORK_SECURITY_GROUP,
            "nsg",
            json!({"securityRules": [named("a", json!({})), second]}),
        );
        assert_eq!(code(resource(&group)), expected, "{second}");
    }
    let group = made(
        NETWORK_SECURITY_GROUP,
        "nsg",
        json!({"securityRules": [named("a", json!({}))]}),
    );
    let existing = |id: &ResourceId| (*id == group.id).then(|| group.clone());
    for (name, change, expected) in [
        ("nsg/b", json!({}), "SecurityRuleConflict"),
        ("nsg/a", json!({"access": "Deny"}), "accepted"),
        ("nsg/b", json!({"priority": 200}), "accepted"),
        ("other/b", json!({}), "ParentResourceNotFound"),
    ] {
        let child = made(SECURITY_RULE, name, with(rule(), &change));
        assert_eq!(
            code(against(&child, &existing)),
            expected,
            "{name} {change}"
        );
    }
}

fn network(subnets: Value) -> Resource {
    made(
        VIRTUAL_NETWORK,
        "vnet",
        json!({"addressSpace": {"addressPrefixes": ["10.1.0.0/16"]}, "subnets": subnets}),
    )
}

fn subnet_item(name: &str, prefix: &str) -> Value {
    json!({"name": name, "properties": {"addressPrefix": prefix}})
}

#[test]
fn virtual_networks_on_their_own() {
    for (subnets, expected) in [
        (json!([]), "accepted"),
        (
            json!([
                subnet_item("a", "10.1.0.0/24"),
                subnet_item("b", "10.1.1.0/24")
            ]),
            "accepted",
        ),
        (
            json!([subnet_item("a", "10.2.0.0/24")]),
            "NetcfgInvalidSubnet",
        ),
        (
            json!([
                subnet_item("a", "10.1.0.0/24"),
                subnet_item("b", "10.1.0.128/25")
            ]),
            "NetcfgSubnetRangesOverlap",
        ),
        (
            json!([
                subnet_item("a", "10.1.0.0/24"),
                subnet_item("A", "10.1.1.0/24")
            ]),
            "DuplicateResourceName",
        ),
        (
            json!([subnet_item("a", "10.1.0.0")]),
            "InvalidAddressPrefixFormat",
        ),
        (
            json!([subnet_item("a", "10.1.0.1/24")]),
            "InvalidCIDRNotation",
        ),
        (json!([subnet_item("a", "10.1.0.0/30")]), "InvalidParameter"),
        (
            json!([{"name": "a", "properties": {"addressPrefixes": ["10.1.0.0/29"]}}]),
            "accepted",
        ),
        (json!([{"name": "a", "properties": {}}]), "InvalidParameter"),
        (
            json!([subnet_item("-a", "10.1.0.0/24")]),
            "InvalidResourceName",
        ),
        (
            json!([subnet_item("_a", "10.1.0.0/24")]),
            "InvalidResourceName",
        ),
        (json!([subnet_item("a_", "10.1.0.0/24")]), "accepted"),
    ] {
        assert_eq!(
            code(resource(&network(subnets.clone()))),
            expected,
            "{subnets}"
        );
    }
    for (prefix, expected) in [
        ("10.0.0.0/8", "accepted"),
        ("169.254.0.0/24", "InvalidParameter"),
        ("168.63.0.0/16", "InvalidParameter"),
        ("224.0.0.0/8", "InvalidParameter"),
        ("10.0.0.0", "InvalidAddressPrefixFormat"),
    ] {
        let network = made(
            VIRTUAL_NETWORK,
            "vnet",
            json!({"addressSpace": {"addressPrefixes": [prefix]}}),
        );
        assert_eq!(code(resource(&network)), expected, "{prefix}");
    }
    assert_eq!(
        code(resource(&made(VIRTUAL_NETWORK, "v", json!({})))),
        "InvalidResourceName"
    );
    assert_eq!(
        code(resource(&made(VIRTUAL_NETWORK, "vnet", json!({})))),
        "InvalidParameter"
    );
    let mut nowhere = network(json!([]));
    nowhere.body.remove("location");
    assert_eq!(code(resource(&nowhere)), "LocationRequired");
}

#[test]
fn subnets_in_their_surroundings() {
    let group = made(NETWORK_SECURITY_GROUP, "nsg", json!({}));
    let mut far = made(ROUTE_TABLE, "far", json!({}));
    far.body.insert("location".to_owned(), "East US".into());
    let vnet = network(json!([subnet_item("a", "10.1.0.0/24")]));
    let all = [group, far, vnet];
    let existing = |id: &ResourceId| all.iter().find(|other| other.id == *id).cloned();
    for (name, properties, expected) in [
        (
            "vnet/b",
            json!({"addressPrefix": "10.1.1.0/24"}),
            "accepted",
        ),
        (
            "vnet/A",
            json!({"addressPrefix": "10.1.0.0/25"}),
            "accepted",
        ),
        (
            "vnet/b",
            json!({"addressPrefix": "10.1.0.0/25"}),
            "NetcfgSubnetRangesOverlap",
        ),
        (
            "vnet/b",
            json!({"addressPrefix": "10.2.0.0/24"}),
            "NetcfgInvalidSubnet",
        ),
        (
            "none/b",
            json!({"addressPrefix": "10.1.1.0/24"}),
            "ParentResourceNotFound",
        ),
        (
            "vnet/b",
            json!({"addressPrefix": "10.1.1.0/24", "networkSecurityGroup": id(NETWORK_SECURITY_GROUP, "NSG")}),
            "accepted",
        ),
        (
            "vnet/b",
            json!({"addressPrefix": "10.1.1.0/24", "networkSecurityGroup": id(NETWORK_SECURITY_GROUP, "x")}),
            "InvalidResourceReference",
        ),
        (
            "vnet/b",
            json!({"addressPrefix": "10.1.1.0/24", "routeTable": id(ROUTE_TABLE, "far")}),
            "InvalidResourceReference",
        ),
    ] {
        let child = made(SUBNET, name, properties.clone());
        assert_eq!(
            code(against(&child, &existing)),
            expected,
            "{name} {properties}"
        );
        // In its network's body the subnet refers to the same.
        if name == "vnet/b" && expected == "InvalidResourceReference" {
            let inline = network(json!([{"name": "b", "properties": properties}]));
            assert_eq!(code(against(&inline, &existing)), expected);
        }
    }
}

#[test]
fn route_tables_on_their_own() {
    for (change, expected) in [
        (json!({}), "accepted"),
        (json!({"nextHopIpAddress": null}), "InvalidParameter"),
        (json!({"nextHopIpAddress": "gateway"}), "InvalidParameter"),
        (
            json!({"nextHopType": "none", "nextHopIpAddress": null}),
            "accepted",
        ),
        (json!({"nextHopType": "Internet"}), "InvalidParameter"),
        (
            json!({"nextHopType": "VnetPeering", "nextHopIpAddress": null}),
            "InvalidParameter",
        ),
        (
            json!({"addressPrefix": "10.0.0.0"}),
            "InvalidAddressPrefixFormat",
        ),
        (
            json!({"addressPrefix": "10.0.0.1/8"}),
            "InvalidCIDRNotation",
        ),
        (json!({"addressPrefix": null}), "InvalidParameter"),
        (json!({"addressPrefix": "Storage"}), "accepted"),
    ] {
        let route = with(
            json!({"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.1.0.4"}),
            &change,
        );
        let table = made(
            ROUTE_TABLE,
            "rt",
            json!({"routes": [{"name": "r", "properties": route}]}),
        );
        assert_eq!(code(resource(&table)), expected, "{change}");
        assert_eq!(
            code(resource(&made(ROUTE, "rt/r", route))),
            expected,
            "{change}"
        );
    }
}

#[test]
fn role_assignments_on_their_own() {
    let guid = "11111111-2222-3333-4444-555555555555";
    for (name, properties, expected) in [
        (
            guid,
            json!({"roleDefinitionId": "/r", "principalId": guid}),
            "accepted",
        ),
        (
            guid,
            json!({"roleDefinitionId": "/r", "principalId": "[reference('x').principalId]"}),
            "accepted",
        ),
        (
            guid,
            json!({"roleDefinitionId": "/r", "principalId": "me"}),
            "InvalidPrincipalId",
        ),
        (guid, json!({"principalId": guid}), "InvalidParameter"),
        (
            "assignment",
            json!({"roleDefinitionId": "/r", "principalId": guid}),
            "InvalidRoleAssignmentId",
        ),
    ] {
        let mut assignment = made(ROLE_ASSIGNMENT, name, properties.clone());
        assignment.body.remove("location");
        assert_eq!(code(resource(&assignment)), expected, "{name} {properties}");
    }
}

#[test]
fn types_that_no_check_knows_are_accepted() {
    let other = made("A.B/c", "x", json!({"sourceAddressPrefix": "any"}));
    assert_eq!(code(resource(&other)), "accepted");
    assert_eq!(code(against(&other, &|_| None)), "accepted");
}
