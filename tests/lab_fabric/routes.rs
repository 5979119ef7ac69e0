//! Routes: where packets get lost, and which route is to blame.

use std::time::{Duration, Instant};

use serde_json::json;
use vnetlab::emulator::fabric::{DialError, Fabric};
use vnetlab::lab::{Lab, support};
use vnetlab::verdict::{Decider, Direction, Leg};

use crate::scene::*;

#[tokio::test]
async fn routes_that_lead_nowhere_are_named() {
    let Some(lab) = lab() else { return };
    let scene = Scene::kubenet("rg");
    lab.apply(&scene.state).await.unwrap();
    for (from, to, expected) in [
        ("node0", "10.9.9.9", "system None 10.0.0.0/8"),
        ("node0", "192.168.1.1", "system None 192.168.0.0/16"),
        ("pod", "100.64.0.1", "system None 100.64.0.0/10"),
        ("pod", "203.0.113.9", "system Internet 0.0.0.0/0"),
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
