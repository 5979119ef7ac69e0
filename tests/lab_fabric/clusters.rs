//! Clusters: under which address pods are seen, and who reaches them.

use serde_json::json;
use vnetlab::emulator::fabric::{DialError, Fabric};
use vnetlab::verdict::Direction;

use crate::scene::*;

#[tokio::test]
async fn a_kubenet_pod_reaches_a_container_group_as_its_node() {
    let Some(lab) = lab() else { return };
    let scene = Scene::kubenet("rg");
    lab.apply(&scene.state).await.unwrap();
    serve(&lab, &scene.name("web")).await;

    let mut connection = lab
        .dial(&scene.name("pod"), at("10.1.1.4"), ALLOWED, Some("n"))
        .await
        .unwrap();
    assert_eq!(*connection.local.ip(), ip("10.244.0.7"));
    assert_eq!(seen_from(&mut connection).await, ip("10.1.0.4"));

    let evidence = lab.evidence("n").await.unwrap();
    assert_eq!(
        story(&evidence),
        ["SYN 10.1.0.4 -> 10.1.1.4 entering container group web: allow AllowVnetInBound"]
    );
    assert_eq!(
        decided_by(&evidence),
        ("nsg/AllowVnetInBound".to_owned(), Direction::Inbound)
    );
    let packet = &evidence.packets[0];
    assert_eq!(packet.source_port, connection.local.port());
    assert_eq!(
        (packet.destination_port, packet.protocol.as_str()),
        (80, "tcp")
    );
    assert!(packet.time_us < 5_000_000, "{}", packet.time_us);
    assert!(lab.evidence("never heard of").await.is_none());
}

#[tokio::test]
async fn kubenet_pods_keep_their_address_among_pods_and_host_pods_use_the_nodes() {
    let Some(lab) = lab() else { return };
    let scene = Scene::kubenet("rg");
    lab.apply(&scene.state).await.unwrap();
    serve(&lab, &scene.name("far")).await;
    serve(&lab, &scene.name("web")).await;
    for (from, to, source) in [
        ("pod", "10.244.1.7", "10.244.0.7"),
        ("host", "10.1.1.4", "10.1.0.4"),
    ] {
        let dial = lab.dial(&scene.name(from), at(to), ALLOWED, None).await;
        assert_eq!(seen_from(&mut dial.unwrap()).await, ip(source), "{from}");
    }
}

#[tokio::test]
async fn a_pod_of_the_node_subnet_shows_its_own_address_and_can_be_reached() {
    let Some(lab) = lab() else { return };
    let mut scene = Scene::new("rg", json!({ "networkPlugin": "azure" }), json!([]));
    scene.node("node0", "10.1.0.4", None);
    scene.pod("pod", "node0", "10.1.0.21", false);
    scene.pod("mate", "node0", "10.1.0.22", false);
    scene.container_group("web", "groups", "10.1.1.4");
    lab.apply(&scene.state).await.unwrap();
    for name in ["web", "pod"] {
        serve(&lab, &scene.name(name)).await;
    }
    for (from, to, source) in [
        ("pod", "10.1.1.4", "10.1.0.21"),
        ("web", "10.1.0.21", "10.1.1.4"),
        ("mate", "10.1.0.21", "10.1.0.22"),
    ] {
        let dial = lab.dial(&scene.name(from), at(to), ALLOWED, None).await;
        assert_eq!(
            seen_from(&mut dial.unwrap()).await,
            ip(source),
            "{from} -> {to}"
        );
    }
    // Outside of the virtual network's ranges the node's address stands for the pod (R57).
    let outside = lab
        .dial(&scene.name("pod"), at("10.9.0.1"), DENIED, Some("n"))
        .await;
    assert!(matches!(outside, Err(DialError::TimedOut)), "{outside:?}");
    let evidence = lab.evidence("n").await.unwrap();
    assert_eq!(evidence.packets[0].source, ip("10.1.0.4"));
}

#[tokio::test]
async fn overlay_pods_reach_each_other_as_pods_and_the_network_as_their_node() {
    let Some(lab) = lab() else { return };
    let profile = json!({ "networkPlugin": "azure", "networkPluginMode": "overlay", "podCidr": "10.244.0.0/16" });
    let mut scene = Scene::new("rg", profile, json!([]));
    scene.node("node0", "10.1.0.4", Some("10.244.0.0/24"));
    scene.node("node1", "10.1.0.5", Some("10.244.1.0/24"));
    scene.pod("pod", "node0", "10.244.0.7", false);
    scene.pod("far", "node1", "10.244.1.7", false);
    scene.container_group("web", "groups", "10.1.1.4");
    lab.apply(&scene.state).await.unwrap();
    serve(&lab, &scene.name("far")).await;
    serve(&lab, &scene.name("web")).await;
    for (to, source) in [("10.244.1.7", "10.244.0.7"), ("10.1.1.4", "10.1.0.4")] {
        let dial = lab.dial(&scene.name("pod"), at(to), ALLOWED, None).await;
        assert_eq!(seen_from(&mut dial.unwrap()).await, ip(source), "{to}");
    }
    let inward = lab
        .dial(&scene.name("web"), at("10.244.1.7"), DENIED, None)
        .await;
    assert!(matches!(inward, Err(DialError::TimedOut)), "{inward:?}");
}
