//! Routes: where packets get lost, and which route is to blame.

use serde_json::json;
use vnetlab::emulator::fabric::{DialError, Fabric};
use vnetlab::verdict::{Decider, Leg};

use crate::scene::*;
use crate::world::{World, expect, named, reference};

#[tokio::test]
async fn routes_that_lead_nowhere_are_named() {
    let Some(lab) = lab() else { return };
    let scene = Scene::kubenet("rg");
    lab.apply(&scene.state).await.unwrap();
    for (from, to, expected) in [
        ("node0", "10.9.9.9", "system None 10.0.0.0/8"),
        ("node0", "192.168.1.1", "system None 192.168.0.0/16"),
        ("pod", "100.64.0.1", "system None 100.64.0.0/10"),
        ("pod", "10.1.2.200", "table nowhere 10.1.2.128/25"),
    ] {
        let error = lab.dial(&scene.name(from), at(to), DENIED, Some(to)).await;
        assert!(matches!(error, Err(DialError::TimedOut)), "{to}: {error:?}");
        let evidence = lab.evidence(to).await.unwrap();
        let Some(Decider::Route { route }) = &evidence.by else {
            panic!("{to}: {evidence:?}");
        };
        let text = format!("{} {} {}", route.table, route.name, route.prefix);
        assert_eq!(text, expected);
        assert_eq!(route.leg, Leg::Forward);
        assert_eq!(evidence.packets[0].at, "leaving node node0");
    }
    let error = lab
        .dial(&scene.name("bare"), at("10.1.2.9"), DENIED, Some("nobody"))
        .await;
    assert!(matches!(error, Err(DialError::TimedOut)), "{error:?}");
    let cause = "no-endpoint-at-address".to_owned();
    let nobody = lab.evidence("nobody").await.unwrap();
    assert_eq!(nobody.by, Some(Decider::Cause { cause }));
}

#[tokio::test]
async fn a_reply_without_a_route_is_lost_on_the_way_back() {
    let Some(lab) = lab() else { return };
    let mut scene = Scene::kubenet("rg");
    scene.container_group("lost", "bare", "10.1.2.130");
    lab.apply(&scene.state).await.unwrap();
    serve(&lab, &scene.name("node0")).await;
    let error = lab
        .dial(&scene.name("lost"), at("10.1.0.4"), DENIED, Some("n"))
        .await;
    assert!(matches!(error, Err(DialError::TimedOut)), "{error:?}");
    let evidence = lab.evidence("n").await.unwrap();
    assert_eq!(
        story(&evidence)[0],
        "SYN ACK 10.1.0.4 -> 10.1.2.130 leaving node node0: deny by route"
    );
    let Some(Decider::Route { route }) = &evidence.by else {
        panic!("{evidence:?}");
    };
    assert_eq!((route.name.as_str(), route.leg), ("nowhere", Leg::Return));
}

/// Three subnets in a network: callers behind the table `table`, targets, appliances.
fn routed(routes: &[(&str, &str, &str, &str)]) -> World {
    let mut world = World::default();
    world.table("table", routes);
    let with_table = json!({ "routeTable": reference(TABLE, "table") });
    world.vnet(
        "vnet",
        "10.1.0.0/16",
        &[
            ("callers", "10.1.0.0/24", with_table),
            ("targets", "10.1.1.0/24", json!({})),
            ("appliances", "10.1.2.0/24", json!({})),
        ],
    );
    world.interface("caller", "vnet/callers", "10.1.0.4", json!({}));
    world.interface("target", "vnet/targets", "10.1.1.4", json!({}));
    let forwards = json!({ "enableIPForwarding": true });
    world.interface("appliance", "vnet/appliances", "10.1.2.4", forwards);
    world.group("container", "vnet/appliances", "10.1.2.5");
    world
}

const OPEN: &str = "no-nsg-and-system-route";

#[tokio::test]
async fn every_next_hop_leads_where_azure_says() {
    let Some(lab) = lab() else { return };
    let world = routed(&[
        ("around", "10.1.1.4/32", "VirtualAppliance", "10.1.2.4"),
        ("to-nobody", "10.1.1.5/32", "VirtualAppliance", "10.1.2.99"),
        (
            "to-container",
            "10.1.1.6/32",
            "VirtualAppliance",
            "10.1.2.5",
        ),
        ("drop", "10.1.1.7/32", "None", ""),
        ("gateway", "10.1.1.8/32", "VirtualNetworkGateway", ""),
        ("away", "10.1.1.9/32", "Internet", ""),
        ("beyond", "10.8.0.0/16", "VnetLocal", ""),
        ("public-drop", "203.0.113.0/24", "None", ""),
    ]);
    world.apply(&lab).await;
    serve(&lab, &named("target")).await;
    expect(
        &lab,
        &[
            ("caller", "10.1.1.4", &format!("10.1.0.4 | {OPEN}")),
            (
                "caller",
                "10.1.1.5",
                "timeout | table/to-nobody 10.1.1.5/32",
            ),
            (
                "caller",
                "10.1.1.6",
                "timeout | table/to-container 10.1.1.6/32",
            ),
            ("caller", "10.1.1.7", "timeout | table/drop 10.1.1.7/32"),
            ("caller", "10.1.1.8", "timeout | table/gateway 10.1.1.8/32"),
            // The Internet has no private addresses.
            ("caller", "10.1.1.9", "timeout | table/away 10.1.1.9/32"),
            ("caller", "10.8.0.4", "timeout | table/beyond 10.8.0.0/16"),
            (
                "caller",
                "203.0.113.9",
                "timeout | table/public-drop 203.0.113.0/24",
            ),
            ("caller", "198.51.100.9", &format!("refused | {OPEN}")),
            // R39, R36: a subnet without the table keeps the system routes.
            ("target", "10.1.2.4", &format!("refused | {OPEN}")),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_way_through_an_appliance_is_on_record_and_its_own_address_is_reached() {
    let Some(lab) = lab() else { return };
    let mut world = routed(&[
        ("around", "10.1.1.0/24", "VirtualAppliance", "10.1.2.4"),
        ("own", "10.1.2.0/24", "VirtualAppliance", "10.1.2.5"),
    ]);
    world.nsg("guard", &[]);
    let guarded =
        json!({ "enableIPForwarding": true, "networkSecurityGroup": reference(NSG, "guard") });
    world.interface("appliance", "vnet/appliances", "10.1.2.4", guarded);
    world.apply(&lab).await;
    serve(&lab, &named("target")).await;
    serve(&lab, &named("container")).await;
    let to = "10.1.1.4:80".parse().unwrap();
    let through = lab.dial(&named("caller"), to, ALLOWED, Some("n")).await;
    assert_eq!(seen_from(&mut through.unwrap()).await, ip("10.1.0.4"));
    assert_eq!(
        story(&lab.evidence("n").await.unwrap()),
        [
            "SYN 10.1.0.4 -> 10.1.1.4 entering network interface appliance: allow AllowVnetInBound",
            "SYN 10.1.0.4 -> 10.1.1.4 leaving network interface appliance: allow AllowVnetOutBound",
        ]
    );
    expect(
        &lab,
        &[
            // Through a next hop that does not forward, it alone is reached.
            ("caller", "10.1.2.5", &format!("10.1.0.4 | {OPEN}")),
            ("caller", "10.1.2.4", "timeout | table/own 10.1.2.0/24"),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_longest_prefix_decides_and_a_user_route_beats_a_system_route_of_its_length() {
    let Some(lab) = lab() else { return };
    let world = routed(&[
        ("all", "10.1.0.0/16", "None", ""),
        ("targets", "10.1.1.0/24", "VnetLocal", ""),
        ("one", "10.1.1.9/32", "None", ""),
        ("everything", "0.0.0.0/0", "None", ""),
        ("private", "10.0.0.0/8", "None", ""),
    ]);
    world.apply(&lab).await;
    serve(&lab, &named("target")).await;
    expect(
        &lab,
        &[
            ("caller", "10.1.1.4", &format!("10.1.0.4 | {OPEN}")),
            ("caller", "10.1.1.9", "timeout | table/one 10.1.1.9/32"),
            ("caller", "10.1.2.5", "timeout | table/all 10.1.0.0/16"),
            ("caller", "10.9.9.9", "timeout | table/private 10.0.0.0/8"),
            (
                "caller",
                "203.0.113.9",
                "timeout | table/everything 0.0.0.0/0",
            ),
            (
                "caller",
                "192.168.0.1",
                "timeout | system/None 192.168.0.0/16",
            ),
            // R22: no route stands before the platform.
            ("caller", "168.63.129.16", "refused | platform-exempt"),
        ],
    )
    .await;
}

#[tokio::test]
async fn each_way_is_routed_on_its_own() {
    let Some(lab) = lab() else { return };
    let mut world = routed(&[("drop", "10.1.1.0/24", "None", "")]);
    world.apply(&lab).await;
    serve(&lab, &named("caller")).await;
    // R39: the request arrives, the reply meets the table of the subnet that it leaves.
    expect(
        &lab,
        &[(
            "target",
            "10.1.0.4",
            "timeout | table/drop 10.1.1.0/24 return",
        )],
    )
    .await;
    // There straight, back through the appliance.
    world.table(
        "table",
        &[("back", "10.1.1.0/24", "VirtualAppliance", "10.1.2.4")],
    );
    world.apply(&lab).await;
    expect(
        &lab,
        &[("target", "10.1.0.4", &format!("10.1.1.4 | {OPEN}"))],
    )
    .await;
}

#[tokio::test]
async fn a_group_drops_before_a_route_does() {
    let Some(lab) = lab() else { return };
    let mut world = routed(&[("drop", "10.1.1.0/24", "None", "")]);
    world.nsg(
        "guard",
        &[(
            "shut",
            100,
            "Outbound",
            "Deny",
            "*",
            "*",
            "10.1.1.0/24",
            "*",
        )],
    );
    let guarded = json!({ "networkSecurityGroup": reference(NSG, "guard") });
    world.interface("caller", "vnet/callers", "10.1.0.4", guarded);
    world.apply(&lab).await;
    expect(
        &lab,
        &[("caller", "10.1.1.4", "timeout | guard/shut outbound")],
    )
    .await;
}

#[tokio::test]
async fn a_route_that_azure_does_not_know_is_refused_by_name() {
    let Some(lab) = lab() else { return };
    for (kind, word) in [
        ("Teleport", "`Teleport`"),
        ("VirtualAppliance", "nextHopIpAddress"),
    ] {
        let world = routed(&[("odd", "10.2.0.0/16", kind, "")]);
        let error = lab.apply(&world.0).await.unwrap_err().to_string();
        assert!(error.contains("`odd`") && error.contains(word), "{error}");
    }
}
