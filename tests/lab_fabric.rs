//! The lab carries real packets: who reaches whom, under which address, and which rule decided.
//!
//! Where the host cannot run a lab each test says why and returns; with `VNETLAB_REQUIRE_LAB=1` it
//! fails instead.
#![cfg(all(feature = "local", target_os = "linux"))]
#![allow(clippy::print_stderr, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use vnetlab::arm::{Resource, ResourceId, ResourceKey};
use vnetlab::emulator::fabric::{
    Connection, DialError, Endpoint, EndpointId, Fabric, Listener, NetworkState,
};
use vnetlab::lab::{Lab, support};
use vnetlab::net::Prefix;
use vnetlab::verdict::{Action, Decider, Direction, Evidence, Leg};

/// Longer than any packet takes, short enough to wait for.
const DENIED: Duration = Duration::from_millis(300);
const ALLOWED: Duration = Duration::from_secs(5);

fn lab() -> Option<Lab> {
    match Lab::start() {
        Ok(lab) => Some(lab),
        Err(error) => {
            assert!(
                std::env::var_os("VNETLAB_REQUIRE_LAB").is_none(),
                "the lab is required: {error}"
            );
            eprintln!("skipped: {error}");
            None
        }
    }
}

fn id(group: &str, resource_type: &str, name: &str) -> ResourceId {
    ResourceId::in_group("s", group, &ResourceKey::new(resource_type, name))
}

fn resource(group: &str, resource_type: &str, name: &str, properties: Value) -> Resource {
    let Value::Object(body) = json!({ "properties": properties }) else {
        unreachable!("an object is written above");
    };
    Resource {
        id: id(group, resource_type, name),
        resource_type: resource_type.to_owned(),
        name: name.to_owned(),
        api_version: "2024-05-01".to_owned(),
        depends_on: Vec::new(),
        body,
    }
}

const VNET: &str = "Microsoft.Network/virtualNetworks";
const NSG: &str = "Microsoft.Network/networkSecurityGroups";
const TABLE: &str = "Microsoft.Network/routeTables";
const CLUSTER: &str = "Microsoft.ContainerService/managedClusters";
const GROUP: &str = "Microsoft.ContainerInstance/containerGroups";

/// A rule: name, priority, direction, access, source, destination.
type Rule<'a> = (&'a str, u16, &'a str, &'a str, &'a str, &'a str);

fn rules(list: &[Rule<'_>]) -> Value {
    let rule = |&(name, priority, direction, access, source, destination): &Rule<'_>| {
        json!({ "name": name, "properties": {
            "priority": priority, "direction": direction, "access": access, "protocol": "*",
            "sourceAddressPrefix": source, "sourcePortRange": "*",
            "destinationAddressPrefix": destination, "destinationPortRange": "*",
        }})
    };
    list.iter().map(rule).collect()
}

fn nsg(group: &str, custom: &[Rule<'_>], flush: bool) -> Resource {
    let vnet = "VirtualNetwork";
    let properties = json!({
        "flushConnection": flush,
        "securityRules": rules(custom),
        "defaultSecurityRules": rules(&[
            ("AllowVnetInBound", 65000, "Inbound", "Allow", vnet, vnet),
            ("AllowAzureLoadBalancerInBound", 65001, "Inbound", "Allow", "AzureLoadBalancer", "*"),
            ("DenyAllInBound", 65500, "Inbound", "Deny", "*", "*"),
            ("AllowVnetOutBound", 65000, "Outbound", "Allow", vnet, vnet),
            ("AllowInternetOutBound", 65001, "Outbound", "Allow", "*", "Internet"),
            ("DenyAllOutBound", 65500, "Outbound", "Deny", "*", "*"),
        ]),
    });
    resource(group, NSG, "nsg", properties)
}

/// A network like the founding experiment's: nodes in 10.1.0.0/24, container groups in 10.1.1.0/24
/// behind the group `nsg`, and in `bare`, 10.1.2.0/24, behind none.
struct Scene {
    group: &'static str,
    state: NetworkState,
}

impl Scene {
    fn new(group: &'static str, cluster: Value, routes: Value) -> Scene {
        let table = id(group, TABLE, "table");
        let guard = id(group, NSG, "nsg");
        let vnet = json!({
            "addressSpace": { "addressPrefixes": ["10.1.0.0/16"] },
            "subnets": [
                { "name": "nodes", "properties": {
                    "addressPrefix": "10.1.0.0/24", "routeTable": { "id": table.as_str() } } },
                { "name": "groups", "properties": {
                    "addressPrefix": "10.1.1.0/24", "networkSecurityGroup": { "id": guard.as_str() } } },
                { "name": "bare", "properties": { "addressPrefix": "10.1.2.0/24" } },
            ],
        });
        let resources = vec![
            resource(group, VNET, "vnet", vnet),
            resource(group, TABLE, "table", json!({ "routes": routes })),
            resource(group, CLUSTER, "aks", json!({ "networkProfile": cluster })),
            nsg(group, &[], false),
        ];
        let state = NetworkState {
            resources,
            endpoints: BTreeMap::new(),
        };
        Scene { group, state }
    }

    fn kubenet(group: &'static str) -> Scene {
        let hop = |name: &str, prefix: &str, address: &str| {
            json!({ "name": name, "properties": { "addressPrefix": prefix,
                "nextHopType": "VirtualAppliance", "nextHopIpAddress": address } })
        };
        let mut scene = Scene::new(
            group,
            json!({ "networkPlugin": "kubenet", "podCidr": "10.244.0.0/16" }),
            json!([
                hop("node0", "10.244.0.0/24", "10.1.0.4"),
                hop("node1", "10.244.1.0/24", "10.1.0.5"),
                { "name": "nowhere", "properties": { "addressPrefix": "10.1.2.128/25", "nextHopType": "None" } },
            ]),
        );
        scene.node("node0", "10.1.0.4", Some("10.244.0.0/24"));
        scene.node("node1", "10.1.0.5", Some("10.244.1.0/24"));
        scene.pod("pod", "node0", "10.244.0.7", false);
        scene.pod("far", "node1", "10.244.1.7", false);
        scene.pod("host", "node0", "10.1.0.4", true);
        scene.container_group("web", "groups", "10.1.1.4");
        scene.container_group("peer", "groups", "10.1.1.5");
        scene.container_group("bare", "bare", "10.1.2.4");
        scene
    }

    fn name(&self, endpoint: &str) -> EndpointId {
        EndpointId(format!("{}/{endpoint}", self.group))
    }

    fn subnet(&self, name: &str) -> ResourceId {
        id(self.group, VNET, "vnet").child("subnets", name)
    }

    fn add(&mut self, name: &str, endpoint: Endpoint) {
        let name = self.name(name);
        self.state.endpoints.insert(name, endpoint);
    }

    fn container_group(&mut self, name: &str, subnet: &str, address: &str) {
        let endpoint = Endpoint::ContainerGroup {
            group: id(self.group, GROUP, name),
            subnet: self.subnet(subnet),
            address: ip(address),
        };
        self.add(name, endpoint);
    }

    fn node(&mut self, name: &str, address: &str, pods: Option<&str>) {
        let endpoint = Endpoint::Node {
            cluster: id(self.group, CLUSTER, "aks"),
            name: name.to_owned(),
            subnet: self.subnet("nodes"),
            address: ip(address),
            pod_prefix: pods.map(|text| text.parse::<Prefix>().unwrap()),
        };
        self.add(name, endpoint);
    }

    fn pod(&mut self, name: &str, node: &str, address: &str, host_network: bool) {
        let endpoint = Endpoint::Pod {
            cluster: id(self.group, CLUSTER, "aks"),
            name: name.to_owned(),
            node: self.name(node),
            address: ip(address),
            host_network,
        };
        self.add(name, endpoint);
    }

    fn set_nsg(&mut self, custom: &[Rule<'_>], flush: bool) {
        let guard = nsg(self.group, custom, flush);
        let place = self.state.resources.iter_mut().find(|r| r.id == guard.id);
        *place.unwrap() = guard;
    }
}

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn at(text: &str) -> SocketAddrV4 {
    SocketAddrV4::new(ip(text), 80)
}

/// Serves one connection after the other: says who called, then echoes.
async fn serve(lab: &Lab, endpoint: &EndpointId) {
    let listener = lab.listen(endpoint, 80).await.unwrap();
    tokio::spawn(echo(listener));
}

async fn echo(listener: Box<dyn Listener>) {
    while let Ok((mut stream, peer)) = listener.accept().await {
        tokio::spawn(async move {
            let octets = peer.ip().octets();
            let mut buffer = [0; 1];
            let _ = stream.write_all(&octets).await;
            while let Ok(1) = stream.read(&mut buffer).await {
                let _ = stream.write_all(&buffer).await;
            }
        });
    }
}

async fn seen_from(connection: &mut Connection) -> Ipv4Addr {
    let mut octets = [0; 4];
    connection.stream.read_exact(&mut octets).await.unwrap();
    Ipv4Addr::from(octets)
}

/// Whether a byte comes back in time.
async fn answers(connection: &mut Connection, within: Duration) -> bool {
    connection.stream.write_all(b"x").await.unwrap();
    let mut buffer = [0; 1];
    let read = connection.stream.read_exact(&mut buffer);
    matches!(tokio::time::timeout(within, read).await, Ok(Ok(_)))
}

/// What happened at each place, one line a packet.
fn story(evidence: &Evidence) -> Vec<String> {
    evidence
        .packets
        .iter()
        .map(|packet| {
            let rule = packet.rule.as_ref();
            format!(
                "{} {} -> {} {}: {} {}",
                packet.flags.as_deref().unwrap_or_default(),
                packet.source,
                packet.destination,
                packet.at,
                if packet.action == Action::Allow {
                    "allow"
                } else {
                    "deny"
                },
                rule.map_or("by route", |rule| rule.rule.as_str()),
            )
        })
        .collect()
}

fn decided_by(evidence: &Evidence) -> (String, Direction) {
    match &evidence.by {
        Some(Decider::Rule(rule)) => (format!("{}/{}", rule.nsg, rule.rule), rule.direction),
        other => panic!("no rule decided: {other:?}"),
    }
}

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

#[tokio::test]
async fn networks_with_the_same_addresses_live_side_by_side() {
    let Some(lab) = lab() else { return };
    let (mut one, two) = (Scene::kubenet("one"), Scene::kubenet("two"));
    one.set_nsg(&[("shut", 100, "Inbound", "Deny", "*", "*")], false);
    let mut both = one.state.clone();
    both.resources.extend(two.state.resources.iter().cloned());
    both.endpoints.extend(two.state.endpoints.clone());
    lab.apply(&both).await.unwrap();
    for scene in [&one, &two] {
        serve(&lab, &scene.name("web")).await;
    }
    let shut = lab
        .dial(&one.name("pod"), at("10.1.1.4"), DENIED, Some("one"))
        .await;
    assert!(matches!(shut, Err(DialError::TimedOut)), "{shut:?}");
    let mut open = lab
        .dial(&two.name("pod"), at("10.1.1.4"), ALLOWED, Some("two"))
        .await
        .unwrap();
    assert_eq!(seen_from(&mut open).await, ip("10.1.0.4"));
    assert_eq!(
        decided_by(&lab.evidence("one").await.unwrap()).0,
        "nsg/shut"
    );
    assert_eq!(
        decided_by(&lab.evidence("two").await.unwrap()).0,
        "nsg/AllowVnetInBound"
    );

    // Each calls the listener of its own network, also while both are open at once.
    one.set_nsg(&[], false);
    both.resources
        .retain(|resource| resource.id != id("one", NSG, "nsg"));
    both.resources.push(nsg("one", &[], false));
    lab.apply(&both).await.unwrap();
    let mut first = lab
        .dial(&one.name("pod"), at("10.1.1.4"), ALLOWED, None)
        .await
        .unwrap();
    assert_eq!(seen_from(&mut first).await, ip("10.1.0.4"));
    assert!(answers(&mut first, ALLOWED).await && answers(&mut open, ALLOWED).await);
    let mut half = both.clone();
    half.endpoints.remove(&one.name("web"));
    lab.apply(&half).await.unwrap();
    assert!(answers(&mut open, ALLOWED).await);
    assert!(!answers(&mut first, DENIED).await);
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
async fn endpoints_come_and_go() {
    let Some(lab) = lab() else { return };
    let mut scene = Scene::kubenet("rg");
    lab.apply(&scene.state).await.unwrap();
    serve(&lab, &scene.name("web")).await;
    let pod = scene.name("pod");
    for address in ["10.1.1.77", "10.1.1.78"] {
        scene.container_group("late", "groups", address);
        lab.apply(&scene.state).await.unwrap();
        serve(&lab, &scene.name("late")).await;
        for to in [address, "10.1.1.4"] {
            lab.dial(&pod, at(to), ALLOWED, None).await.unwrap();
        }
    }
    let gone = lab.dial(&pod, at("10.1.1.77"), DENIED, None).await;
    assert!(matches!(gone, Err(DialError::TimedOut)), "{gone:?}");

    // With its node a pod goes too, and both come back.
    let whole = scene.state.clone();
    for name in ["node0", "pod", "host"] {
        scene.state.endpoints.remove(&scene.name(name));
    }
    lab.apply(&scene.state).await.unwrap();
    let error = lab.dial(&pod, at("10.1.1.4"), DENIED, None).await;
    assert!(matches!(error, Err(DialError::Fabric(_))), "{error:?}");
    lab.apply(&whole).await.unwrap();
    let mut back = lab.dial(&pod, at("10.1.1.4"), ALLOWED, None).await.unwrap();
    assert_eq!(seen_from(&mut back).await, ip("10.1.0.4"));
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

#[tokio::test]
async fn a_port_can_be_taken_once() {
    let Some(lab) = lab() else { return };
    let scene = Scene::kubenet("rg");
    lab.apply(&scene.state).await.unwrap();
    let _first = lab.listen(&scene.name("node0"), 80).await.unwrap();
    let second = lab.listen(&scene.name("host"), 80).await.err().unwrap();
    assert!(second.to_string().contains("port 80"), "{second}");
}

#[test]
fn the_support_of_a_host_agrees_with_whether_a_lab_starts() {
    let support = support();
    match Lab::start() {
        Ok(lab) => {
            assert_eq!(support.mode, Some(lab.mode()));
            assert!(support.complete(), "{support:?}");
        }
        Err(error) => {
            assert!(!support.complete(), "{support:?}");
            assert!(
                !error.remedy.is_empty() && !error.cause.is_empty(),
                "{error}"
            );
            let told = support.checks.iter().any(|check| check.remedy.is_some());
            assert!(told, "{support:?}");
        }
    }
}

/// Set for the process that the next test kills.
const VICTIM: &str = "VNETLAB_TEST_VICTIM";

/// Runs a lab, says so, and waits to be killed.
#[tokio::test]
async fn victim() {
    if std::env::var_os(VICTIM).is_none() {
        return;
    }
    let lab = Lab::start().unwrap();
    lab.apply(&Scene::kubenet("rg").state).await.unwrap();
    eprintln!("\nup");
    std::future::pending::<()>().await;
}

#[test]
fn a_killed_process_leaves_no_helper_behind() {
    if lab().is_none() {
        return;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "victim", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0);
    let mut victim = command.spawn().unwrap();
    let lines = BufReader::new(victim.stderr.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "up"));
    let helpers = children(victim.id());
    assert_eq!(helpers.len(), 1, "{helpers:?}");

    victim.kill().unwrap();
    victim.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while alive(helpers[0]) {
        assert!(Instant::now() < deadline, "helper {} is alive", helpers[0]);
        std::thread::yield_now();
    }
}

/// The state and the parent of a process.
fn process(pid: u32) -> Option<(char, u32)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}

fn alive(pid: u32) -> bool {
    process(pid).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'))
}

fn children(parent: u32) -> Vec<u32> {
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| process(*pid).is_some_and(|(_, of)| of == parent))
        .collect()
}
