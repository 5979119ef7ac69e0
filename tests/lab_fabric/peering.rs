//! Peerings: who is reached, what counts as `VirtualNetwork`, what is forwarded.

use serde_json::json;

use crate::scene::{NSG, TABLE, VNET, lab, serve};
use crate::world::*;

const OPEN: &str = "no-nsg-and-system-route";

/// A hub with an appliance and two spokes, peered with the hub. Each has an interface `NAME` at .4;
/// that of spoke `b` is behind the group `guard`.
fn hub_and_spokes() -> World {
    let mut world = World::default();
    world.nsg("guard", &[]);
    world.table("via-hub", &[]);
    let guarded = json!({ "networkSecurityGroup": reference(NSG, "guard"), "routeTable": reference(TABLE, "via-hub") });
    let routed = json!({ "routeTable": reference(TABLE, "via-hub") });
    world.vnet("hub", "10.0.0.0/16", &[("net", "10.0.0.0/24", json!({}))]);
    world.vnet("a", "10.1.0.0/16", &[("net", "10.1.0.0/24", routed)]);
    world.vnet("b", "10.2.0.0/16", &[("net", "10.2.0.0/24", guarded)]);
    world.peer("hub", "a");
    world.peer("hub", "b");
    let forwards = json!({ "enableIPForwarding": true });
    world.interface("hub", "hub/net", "10.0.0.4", forwards);
    world.interface("a", "a/net", "10.1.0.4", json!({}));
    world.interface("b", "b/net", "10.2.0.4", json!({}));
    world
}

const VIA_HUB: [(&str, &str, &str, &str); 2] = [
    ("to-a", "10.1.0.0/16", "VirtualAppliance", "10.0.0.4"),
    ("to-b", "10.2.0.0/16", "VirtualAppliance", "10.0.0.4"),
];

#[tokio::test]
async fn a_peering_joins_two_networks_and_no_third() {
    let Some(lab) = lab() else { return };
    let world = hub_and_spokes();
    world.apply(&lab).await;
    for name in ["hub", "a", "b"] {
        serve(&lab, &named(name)).await;
    }
    expect(
        &lab,
        &[
            ("a", "10.0.0.4", &format!("10.1.0.4 | {OPEN}")),
            ("hub", "10.1.0.4", &format!("10.0.0.4 | {OPEN}")),
            (
                "hub",
                "10.2.0.4",
                "10.0.0.4 | guard/AllowVnetInBound inbound",
            ),
            (
                "b",
                "10.0.0.4",
                "10.2.0.4 | guard/AllowVnetOutBound outbound",
            ),
            // R40: not transitive; the range of the other spoke is private space, sent nowhere (R35).
            ("a", "10.2.0.4", "timeout | system/None 10.0.0.0/8"),
            ("a", "10.0.0.99", "timeout | no-endpoint-at-address"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_peering_takes_both_sides_and_lives_as_long_as_they_do() {
    let Some(lab) = lab() else { return };
    let mut world = hub_and_spokes();
    world.remove(PEERING, "a/to-hub");
    world.apply(&lab).await;
    for name in ["hub", "a"] {
        serve(&lab, &named(name)).await;
    }
    let apart = [
        ("a", "10.0.0.4", "timeout | system/None 10.0.0.0/8"),
        ("hub", "10.1.0.4", "timeout | system/None 10.0.0.0/8"),
    ];
    let joined = [
        ("a", "10.0.0.4", "10.1.0.4 | no-nsg-and-system-route"),
        ("hub", "10.1.0.4", "10.0.0.4 | no-nsg-and-system-route"),
    ];
    expect(&lab, &apart).await;
    world.side("a", "hub", json!({}));
    world.apply(&lab).await;
    expect(&lab, &joined).await;
    world.side("a", "hub", json!({ "peeringState": "Disconnected" }));
    world.apply(&lab).await;
    expect(&lab, &apart).await;
}

#[tokio::test]
async fn peerings_that_stand_in_their_network_count_like_children() {
    let Some(lab) = lab() else { return };
    let mut world = hub_and_spokes();
    for (from, to) in [("a", "hub"), ("hub", "a")] {
        world.remove(PEERING, &format!("{from}/to-{to}"));
        let vnet = world
            .0
            .resources
            .iter_mut()
            .find(|one| one.id == at(VNET, from));
        let side = json!([{ "name": "in-line", "properties": {
            "RemoteVirtualNetwork": reference(VNET, &to.to_uppercase()), "peeringState": "Connected" } }]);
        vnet.unwrap().body["properties"]["virtualNetworkPeerings"] = side;
    }
    world.apply(&lab).await;
    serve(&lab, &named("hub")).await;
    expect(
        &lab,
        &[("a", "10.0.0.4", "10.1.0.4 | no-nsg-and-system-route")],
    )
    .await;
}

#[tokio::test]
async fn access_turned_off_takes_the_peer_out_of_virtual_network_on_that_side_alone() {
    let Some(lab) = lab() else { return };
    let mut world = hub_and_spokes();
    world.side("b", "hub", json!({ "allowVirtualNetworkAccess": false }));
    world.apply(&lab).await;
    for name in ["hub", "b"] {
        serve(&lab, &named(name)).await;
    }
    // The hub is private space, so it is not the Internet either (R21).
    expect(
        &lab,
        &[
            ("hub", "10.2.0.4", "timeout | guard/DenyAllInBound inbound"),
            ("b", "10.0.0.4", "timeout | guard/DenyAllOutBound outbound"),
        ],
    )
    .await;
    // R19: it flows all the same where a rule says so by address.
    let by_address = (
        "by-address",
        100,
        "Inbound",
        "Allow",
        "Tcp",
        "10.0.0.0/16",
        "*",
        "80",
    );
    world.nsg("guard", &[by_address]);
    world.apply(&lab).await;
    expect(
        &lab,
        &[("hub", "10.2.0.4", "10.0.0.4 | guard/by-address inbound")],
    )
    .await;

    // On the side that is left open the tag still holds the peer.
    world.nsg("guard", &[]);
    world.side("b", "hub", json!({}));
    world.side("hub", "b", json!({ "allowVirtualNetworkAccess": false }));
    world.apply(&lab).await;
    expect(
        &lab,
        &[(
            "hub",
            "10.2.0.4",
            "10.0.0.4 | guard/AllowVnetInBound inbound",
        )],
    )
    .await;
}

#[tokio::test]
async fn spokes_meet_through_an_appliance_where_forwarded_traffic_is_let_in() {
    let Some(lab) = lab() else { return };
    let mut world = hub_and_spokes();
    world.table("via-hub", &VIA_HUB);
    world.apply(&lab).await;
    for name in ["a", "b"] {
        serve(&lab, &named(name)).await;
    }
    // R41, as documented: what the hub has not sent itself is not taken.
    expect(
        &lab,
        &[("a", "10.2.0.4", "timeout | forwarded-traffic-not-allowed")],
    )
    .await;
    for spoke in ["a", "b"] {
        world.side(spoke, "hub", json!({ "allowForwardedTraffic": true }));
    }
    world.apply(&lab).await;
    expect(
        &lab,
        &[
            // R18: a user-defined route brings its prefix into the tag.
            ("a", "10.2.0.4", "10.1.0.4 | guard/AllowVnetInBound inbound"),
            (
                "b",
                "10.1.0.4",
                "10.2.0.4 | guard/AllowVnetOutBound outbound",
            ),
        ],
    )
    .await;
    // R38: without forwarding at the interface the packets end there, and the route is to blame.
    world.interface("hub", "hub/net", "10.0.0.4", json!({}));
    world.apply(&lab).await;
    expect(
        &lab,
        &[("a", "10.2.0.4", "timeout | via-hub/to-b 10.2.0.0/16")],
    )
    .await;
}

#[tokio::test]
async fn unpeered_networks_may_use_the_addresses_of_peered_ones() {
    let Some(lab) = lab() else { return };
    let mut world = hub_and_spokes();
    world.vnet("twin", "10.0.0.0/16", &[("net", "10.0.0.0/24", json!({}))]);
    world.interface("twin", "twin/net", "10.0.0.4", json!({}));
    world.interface("twin-caller", "twin/net", "10.0.0.5", json!({}));
    world.apply(&lab).await;
    // Nothing listens in the hub; only the twin's own caller reaches the twin.
    serve(&lab, &named("twin")).await;
    expect(
        &lab,
        &[
            ("a", "10.0.0.4", "refused | no-nsg-and-system-route"),
            (
                "twin-caller",
                "10.0.0.4",
                "10.0.0.5 | no-nsg-and-system-route",
            ),
            (
                "twin-caller",
                "10.1.0.4",
                "timeout | system/None 10.0.0.0/8",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn peered_networks_that_overlap_are_refused_by_name() {
    use vnetlab::emulator::fabric::Fabric;
    let Some(lab) = lab() else { return };
    let mut world = hub_and_spokes();
    world.vnet(
        "twin",
        "10.0.128.0/17",
        &[("net", "10.0.128.0/24", json!({}))],
    );
    world.peer("hub", "twin");
    let error = lab.apply(&world.0).await.unwrap_err().to_string();
    assert!(error.contains("/hub") && error.contains("/twin"), "{error}");
}

#[tokio::test]
async fn an_open_connection_outlives_a_peering_of_its_network_with_another() {
    use crate::scene::{ALLOWED, answers, seen_from};
    use vnetlab::emulator::fabric::Fabric;
    let Some(lab) = lab() else { return };
    let mut world = hub_and_spokes();
    world.interface("a-too", "a/net", "10.1.0.5", json!({}));
    world.remove(PEERING, "a/to-hub");
    world.apply(&lab).await;
    serve(&lab, &named("a")).await;
    let to = "10.1.0.4:80".parse().unwrap();
    let mut open = lab.dial(&named("a-too"), to, ALLOWED, None).await.unwrap();
    seen_from(&mut open).await;
    for peered in [true, false, true] {
        match peered {
            true => world.side("a", "hub", json!({})),
            false => world.remove(PEERING, "a/to-hub"),
        }
        world.apply(&lab).await;
        assert!(answers(&mut open, ALLOWED).await, "peered: {peered}");
    }
}
