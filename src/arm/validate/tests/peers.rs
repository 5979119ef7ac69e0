//! Peerings, NAT gateways, public addresses, interfaces and routes beside each other.

use super::*;
use crate::arm::validate::types::*;

fn vnet(name: &str, prefix: &str, peers: &[&str]) -> Resource {
    let peerings = peers.iter().map(|remote| {
        json!({ "name": format!("to-{remote}"), "properties": {
            "remoteVirtualNetwork": id(VIRTUAL_NETWORK, remote), "peeringState": "Connected",
        } })
    });
    made(
        VIRTUAL_NETWORK,
        name,
        json!({
            "addressSpace": { "addressPrefixes": [prefix] },
            "virtualNetworkPeerings": peerings.collect::<Vec<_>>(),
        }),
    )
}

#[test]
fn peerings_beside_each_other() {
    let all = [
        vnet("hub", "10.1.0.0/16", &["spoke"]),
        vnet("spoke", "10.2.0.0/16", &["hub"]),
        vnet("far", "10.3.0.0/16", &[]),
        vnet("inside", "10.1.4.0/24", &[]),
        vnet("twin", "10.2.7.0/24", &[]),
    ];
    let existing = |id: &ResourceId| all.iter().find(|one| one.id == *id).cloned();
    let to = |remote: &str| json!({ "remoteVirtualNetwork": id(VIRTUAL_NETWORK, remote) });
    for (name, properties, expected) in [
        ("hub/p", to("far"), "accepted"),
        ("hub/to-spoke", to("spoke"), "accepted"),
        ("hub/TO-SPOKE", to("SPOKE"), "accepted"),
        (
            "hub/p",
            to("spoke"),
            "AnotherPeeringAlreadyReferencesRemoteVnet",
        ),
        ("hub/p", to("inside"), "VnetAddressSpacesOverlap"),
        (
            "hub/p",
            to("twin"),
            "VnetAddressSpaceOverlapsWithAlreadyPeeredVnet",
        ),
        (
            "twin/p",
            to("hub"),
            "VnetAddressSpaceOverlapsWithAlreadyPeeredVnet",
        ),
        ("hub/p", to("hub"), "InvalidParameter"),
        ("hub/p", to("none"), "InvalidResourceReference"),
        ("none/p", to("hub"), "ParentResourceNotFound"),
        // Unknown until deployed: not judged.
        (
            "hub/p",
            json!({ "remoteVirtualNetwork": { "id": "[reference('x').id]" } }),
            "accepted",
        ),
        ("hub/p", json!({}), "InvalidParameter"),
        (
            "hub/p",
            json!({ "remoteVirtualNetwork": id(SUBNET, "hub/a") }),
            "InvalidParameter",
        ),
    ] {
        let peering = made(PEERING, name, properties.clone());
        let checked = resource(&peering).and_then(|()| against(&peering, &existing));
        assert_eq!(code(checked), expected, "{name} {properties}");
        // In its network's body a peering is checked alike.
        let (network, own) = name.split_once('/').unwrap();
        if expected != "ParentResourceNotFound" && own == "p" {
            let mut inline = existing(&made(VIRTUAL_NETWORK, network, json!({})).id).unwrap();
            let list = inline.body["properties"]["virtualNetworkPeerings"].as_array_mut();
            list.unwrap()
                .push(json!({ "name": own, "properties": properties }));
            let checked = resource(&inline).and_then(|()| against(&inline, &existing));
            assert_eq!(code(checked), expected, "inline {name} {properties}");
        }
    }
}

#[test]
fn a_network_keeps_clear_of_the_peers_that_it_keeps() {
    let all = [
        vnet("hub", "10.1.0.0/16", &["spoke"]),
        vnet("spoke", "10.2.0.0/16", &["hub"]),
    ];
    let existing = |id: &ResourceId| all.iter().find(|one| one.id == *id).cloned();
    for (prefix, expected) in [
        ("10.4.0.0/16", "accepted"),
        (
            "10.0.0.0/14",
            "VnetAddressSpaceOverlapsWithAlreadyPeeredVnet",
        ),
    ] {
        let hub = made(
            VIRTUAL_NETWORK,
            "hub",
            json!({ "addressSpace": { "addressPrefixes": [prefix] } }),
        );
        assert_eq!(code(against(&hub, &existing)), expected, "{prefix}");
    }
}

#[test]
fn public_addresses_and_gateways_on_their_own() {
    for (kind, sku, properties, expected) in [
        (
            PUBLIC_ADDRESS,
            "Standard",
            json!({ "publicIPAllocationMethod": "static" }),
            "accepted",
        ),
        (
            PUBLIC_ADDRESS,
            "Standard",
            json!({}),
            "StandardSkuPublicIPAddressesMustBeStatic",
        ),
        (
            PUBLIC_ADDRESS,
            "Standard",
            json!({ "publicIPAllocationMethod": "[reference('x').how]" }),
            "accepted",
        ),
        (
            PUBLIC_ADDRESS,
            "Basic",
            json!({ "publicIPAllocationMethod": "Dynamic" }),
            "accepted",
        ),
        (
            PUBLIC_ADDRESS,
            "Basic",
            json!({ "idleTimeoutInMinutes": 31 }),
            "InvalidParameter",
        ),
        (
            NAT_GATEWAY,
            "standard",
            json!({ "idleTimeoutInMinutes": 120 }),
            "accepted",
        ),
        (
            NAT_GATEWAY,
            "Standard",
            json!({ "idleTimeoutInMinutes": 3 }),
            "InvalidParameter",
        ),
        (NAT_GATEWAY, "Basic", json!({}), "InvalidParameter"),
    ] {
        let mut one = made(kind, "x", properties.clone());
        one.body.insert("sku".to_owned(), json!({ "name": sku }));
        assert_eq!(code(resource(&one)), expected, "{kind} {sku} {properties}");
    }
}

#[test]
fn interfaces_on_their_own() {
    let subnet = id(SUBNET, "vnet/a");
    let with = |members: Value| {
        let mut properties = json!({ "subnet": subnet });
        properties
            .as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        properties
    };
    for (configurations, expected) in [
        (vec![json!({ "subnet": subnet })], "accepted"),
        (vec![], "InvalidParameter"),
        (vec![json!({})], "InvalidParameter"),
        (
            vec![with(json!({ "privateIPAllocationMethod": "Static" }))],
            "PrivateIPAddressMissing",
        ),
        (
            vec![with(json!({ "privateIPAllocationMethod": "Sometimes" }))],
            "InvalidParameter",
        ),
        (
            vec![with(
                json!({ "privateIPAllocationMethod": "Static", "privateIPAddress": "[parameters('x')]" }),
            )],
            "accepted",
        ),
        (vec![with(json!({})), with(json!({}))], "InvalidParameter"),
        (
            vec![with(json!({ "primary": true })), with(json!({}))],
            "accepted",
        ),
        (
            vec![
                with(json!({ "primary": true, "applicationSecurityGroups": [{ "id": "/A" }] })),
                with(json!({ "applicationSecurityGroups": [{ "id": "/a" }] })),
            ],
            "accepted",
        ),
        (
            vec![
                with(json!({ "primary": true, "applicationSecurityGroups": [{ "id": "/a" }] })),
                with(json!({ "applicationSecurityGroups": [{ "id": "/b" }] })),
            ],
            "AllIpConfigurationsOnANicMustBelongToTheSameApplicationSecurityGroups",
        ),
    ] {
        let items = configurations.iter().enumerate();
        let items = items.map(
            |(index, properties)| json!({ "name": format!("c{index}"), "properties": properties }),
        );
        let nic = made(
            NETWORK_INTERFACE,
            "nic",
            json!({ "ipConfigurations": items.collect::<Vec<_>>() }),
        );
        assert_eq!(code(resource(&nic)), expected, "{configurations:?}");
    }
}

#[test]
fn routes_beside_each_other() {
    let route = |prefix: &str| json!({ "addressPrefix": prefix, "nextHopType": "None" });
    let table = made(
        ROUTE_TABLE,
        "rt",
        json!({ "routes": [{ "name": "one", "properties": route("10.0.0.0/8") }] }),
    );
    let existing = |id: &ResourceId| (*id == table.id).then(|| table.clone());
    for (name, prefix, expected) in [
        ("rt/two", "10.0.0.0/9", "accepted"),
        ("rt/ONE", "10.0.0.0/8", "accepted"),
        ("rt/two", "10.0.0.0/8", "RouteConflict"),
        ("rt/two", "[reference('x').prefix]", "accepted"),
        ("none/two", "10.0.0.0/8", "ParentResourceNotFound"),
    ] {
        let child = made(ROUTE, name, route(prefix));
        let checked = resource(&child).and_then(|()| against(&child, &existing));
        assert_eq!(code(checked), expected, "{name} {prefix}");
    }
}
