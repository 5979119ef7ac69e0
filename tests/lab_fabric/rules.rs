//! Security rules: which decides, on which gate, for which flow.

use std::time::Instant;

use serde_json::json;
use vnetlab::emulator::fabric::{DialError, Fabric};
use vnetlab::verdict::{Decider, Direction};

use crate::scene::*;

#[tokio::test]
async fn a_deny_with_a_lower_priority_number_silences_what_an_allow_let_through() {
    let Some(lab) = lab() else { return };
    let mut scene = Scene::kubenet("rg");
    let allow = ("allow-nodes", 200, "Inbound", "Allow", "10.1.0.0/24", "*");
    let deny = |priority| ("deny-all", priority, "Inbound", "Deny", "*", "*");
    scene.set_nsg(&[allow, deny(300)], false);
    lab.apply(&scene.state).await.unwrap();
    serve(&lab, &scene.name("web")).await;
    let pod = scene.name("pod");
    lab.dial(&pod, at("10.1.1.4"), ALLOWED, Some("before"))
        .await
        .unwrap();
    let before = lab.evidence("before").await.unwrap();
    assert_eq!(decided_by(&before).0, "nsg/allow-nodes");

    scene.set_nsg(&[allow, deny(100)], false);
    lab.apply(&scene.state).await.unwrap();
    let begun = Instant::now();
    let error = lab.dial(&pod, at("10.1.1.4"), DENIED, Some("after")).await;
    assert!(matches!(error, Err(DialError::TimedOut)), "{error:?}");
    assert!(begun.elapsed() >= DENIED);
    let after = lab.evidence("after").await.unwrap();
    assert_eq!(
        story(&after)[0],
        "SYN 10.1.0.4 -> 10.1.1.4 entering container group web: deny deny-all"
    );
    assert_eq!(
        decided_by(&after),
        ("nsg/deny-all".to_owned(), Direction::Inbound)
    );

    // The same listener, never touched, answers again once the rules are turned back.
    scene.set_nsg(&[allow, deny(300)], false);
    lab.apply(&scene.state).await.unwrap();
    lab.apply(&scene.state).await.unwrap();
    lab.dial(&pod, at("10.1.1.4"), ALLOWED, None).await.unwrap();
}

#[tokio::test]
async fn outbound_rules_judge_neighbours_of_one_subnet_before_inbound_ones() {
    let Some(lab) = lab() else { return };
    let mut scene = Scene::kubenet("rg");
    lab.apply(&scene.state).await.unwrap();
    serve(&lab, &scene.name("web")).await;
    let peer = scene.name("peer");
    lab.dial(&peer, at("10.1.1.4"), ALLOWED, Some("open"))
        .await
        .unwrap();
    assert_eq!(
        story(&lab.evidence("open").await.unwrap()),
        [
            "SYN 10.1.1.5 -> 10.1.1.4 leaving container group peer: allow AllowVnetOutBound",
            "SYN 10.1.1.5 -> 10.1.1.4 entering container group web: allow AllowVnetInBound",
        ]
    );
    scene.set_nsg(&[("shut", 100, "Outbound", "Deny", "*", "10.1.1.4")], false);
    lab.apply(&scene.state).await.unwrap();
    let error = lab.dial(&peer, at("10.1.1.4"), DENIED, Some("shut")).await;
    assert!(matches!(error, Err(DialError::TimedOut)), "{error:?}");
    let shut = lab.evidence("shut").await.unwrap();
    assert_eq!(
        decided_by(&shut),
        ("nsg/shut".to_owned(), Direction::Outbound)
    );
}

#[tokio::test]
async fn a_port_where_nothing_listens_refuses() {
    let Some(lab) = lab() else { return };
    let scene = Scene::kubenet("rg");
    lab.apply(&scene.state).await.unwrap();
    for (nonce, to) in [("guarded", "10.1.1.4"), ("bare", "10.1.2.4")] {
        let begun = Instant::now();
        let error = lab
            .dial(&scene.name("pod"), at(to), ALLOWED, Some(nonce))
            .await;
        assert!(matches!(error, Err(DialError::Refused)), "{error:?}");
        assert!(begun.elapsed() < ALLOWED);
    }
    let guarded = lab.evidence("guarded").await.unwrap();
    assert_eq!(decided_by(&guarded).0, "nsg/AllowVnetInBound");
    let bare = lab.evidence("bare").await.unwrap();
    let cause = "no-nsg-and-system-route".to_owned();
    assert_eq!(bare.by, Some(Decider::Cause { cause }));
}

#[tokio::test]
async fn an_open_connection_outlives_a_deny_unless_the_group_flushes_connections() {
    let Some(lab) = lab() else { return };
    let mut scene = Scene::kubenet("rg");
    lab.apply(&scene.state).await.unwrap();
    serve(&lab, &scene.name("web")).await;
    let pod = scene.name("pod");
    let mut open = lab
        .dial(&pod, at("10.1.1.4"), ALLOWED, Some("open"))
        .await
        .unwrap();
    seen_from(&mut open).await;

    let deny = [("shut", 100, "Inbound", "Deny", "*", "*")];
    scene.set_nsg(&deny, false);
    lab.apply(&scene.state).await.unwrap();
    assert!(answers(&mut open, ALLOWED).await);
    let new = lab.dial(&pod, at("10.1.1.4"), DENIED, None).await;
    assert!(matches!(new, Err(DialError::TimedOut)), "{new:?}");

    scene.set_nsg(&deny, true);
    lab.apply(&scene.state).await.unwrap();
    assert!(!answers(&mut open, DENIED).await);
    let evidence = lab.evidence("open").await.unwrap();
    assert_eq!(decided_by(&evidence).0, "nsg/shut");
}

#[tokio::test]
async fn a_group_of_a_thousand_rules_with_lists_is_loaded_and_replaced() {
    let Some(lab) = lab() else { return };
    let mut scene = Scene::kubenet("rg");
    let many = |access: &str| {
        let mut guard = nsg("rg", &[], false);
        let rule = |place: u16| {
            json!({ "name": format!("rule{place}"), "properties": {
                "priority": 100 + place, "direction": "Inbound", "protocol": "Tcp",
                "access": if place == 998 { access } else { "Deny" },
                // The last but one holds the node and the port, in lists long enough for sets.
                "sourceAddressPrefixes": if place == 998 {
                    (0..20).map(|n| format!("10.1.0.{}", 4 + 2 * n)).collect::<Vec<_>>()
                } else {
                    vec![format!("10.{}.{}.0/24", 2 + place / 200, place % 200)]
                },
                "sourcePortRange": "*", "destinationAddressPrefix": "*",
                "destinationPortRanges": if place == 998 {
                    (0..20).map(|n| (80 + 2 * n).to_string()).collect::<Vec<_>>()
                } else {
                    vec!["80".to_owned()]
                },
            }})
        };
        let properties = guard.body["properties"].as_object_mut().unwrap();
        properties["securityRules"] = (0..1000).map(rule).collect();
        guard
    };
    for access in ["Allow", "Deny", "Allow"] {
        scene.state.resources.retain(|resource| !resource.is(NSG));
        scene.state.resources.push(many(access));
        lab.apply(&scene.state).await.unwrap();
        let nonce = Some(access);
        let dial = lab
            .dial(&scene.name("node0"), at("10.1.1.4"), DENIED, nonce)
            .await;
        match access {
            "Allow" => assert!(matches!(dial, Err(DialError::Refused)), "{dial:?}"),
            _ => assert!(matches!(dial, Err(DialError::TimedOut)), "{dial:?}"),
        }
        let evidence = lab.evidence(access).await.unwrap();
        assert_eq!(decided_by(&evidence).0, "nsg/rule998");
    }
    // Node 10.1.0.5 is in no list: the default rule lets it pass.
    let other = lab
        .dial(&scene.name("node1"), at("10.1.1.4"), DENIED, Some("other"))
        .await;
    assert!(matches!(other, Err(DialError::Refused)), "{other:?}");
    let evidence = lab.evidence("other").await.unwrap();
    assert_eq!(decided_by(&evidence).0, "nsg/AllowVnetInBound");
}

#[tokio::test]
async fn what_the_lab_cannot_carry_is_refused_by_name() {
    let Some(lab) = lab() else { return };
    let mut scene = Scene::kubenet("rg");
    scene.set_nsg(
        &[("tagged", 100, "Inbound", "Allow", "Storage", "*")],
        false,
    );
    let error = lab.apply(&scene.state).await.unwrap_err().to_string();
    assert!(
        error.contains("`tagged`") && error.contains("`Storage`"),
        "{error}"
    );
    let missing = lab.listen(&scene.name("web"), 80).await.err().unwrap();
    assert!(missing.to_string().contains("rg/web"), "{missing}");
}
