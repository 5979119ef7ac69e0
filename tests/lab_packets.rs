//! The lab carries datagrams, echoes and connections alike: who is reached, as whom, and which rule
//! decided, for each protocol.
//!
//! Where the host cannot run a lab each test says why and returns; with `VNETLAB_REQUIRE_LAB=1` it
//! fails instead.
#![cfg(all(feature = "local", target_os = "linux"))]
#![allow(clippy::print_stderr, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vnetlab::arm::{Resource, ResourceId, ResourceKey};
use vnetlab::emulator::ModelFabric;
use vnetlab::emulator::fabric::{
    DatagramListener, DialError, Endpoint, EndpointId, Fabric, NetworkState,
};
use vnetlab::lab::Lab;
use vnetlab::verdict::{Action, Decider, Evidence};

/// Longer than any packet takes, short enough to wait for.
const DENIED: Duration = Duration::from_millis(300);
const ALLOWED: Duration = Duration::from_secs(5);

const VNET: &str = "Microsoft.Network/virtualNetworks";
const NSG: &str = "Microsoft.Network/networkSecurityGroups";
const CLUSTER: &str = "Microsoft.ContainerService/managedClusters";
const GROUP: &str = "Microsoft.ContainerInstance/containerGroups";

const CALLER: Ipv4Addr = Ipv4Addr::new(10, 1, 2, 4);
const CALLED: Ipv4Addr = Ipv4Addr::new(10, 1, 1, 4);
const NODE: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 4);
const POD: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 7);

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

fn id(resource_type: &str, name: &str) -> ResourceId {
    ResourceId::in_group("s", "rg", &ResourceKey::new(resource_type, name))
}

fn resource(resource_type: &str, name: &str, properties: Value) -> Resource {
    let Value::Object(body) = json!({ "properties": properties }) else {
        unreachable!("an object is written above");
    };
    Resource {
        id: id(resource_type, name),
        resource_type: resource_type.to_owned(),
        name: name.to_owned(),
        api_version: "2024-05-01".to_owned(),
        depends_on: Vec::new(),
        body,
    }
}

/// A rule: name, priority, direction, access, protocol, source, destination.
fn rule(of: (&str, u16, &str, &str, &str, &str, &str)) -> Value {
    let (name, priority, direction, access, protocol, source, destination) = of;
    json!({ "name": name, "properties": {
        "priority": priority, "direction": direction, "access": access, "protocol": protocol,
        "sourceAddressPrefix": source, "sourcePortRange": "*",
        "destinationAddressPrefix": destination, "destinationPortRange": "*",
    }})
}

/// A container group `caller` in a bare subnet and one, `called`, behind a network security group; a
/// kubenet node and a pod behind it. `denied` are the protocols that the group does not let in.
fn network(denied: &[&str]) -> NetworkState {
    let subnet = |name: &str| id(VNET, "vnet").child("subnets", name);
    let custom = denied.iter().zip(100..).map(|(protocol, priority)| {
        let name = format!("deny-{}", protocol.to_lowercase());
        rule((&name, priority, "Inbound", "Deny", protocol, "*", "*"))
    });
    let vnet = "VirtualNetwork";
    let guard = json!({
        "securityRules": custom.collect::<Vec<_>>(),
        "defaultSecurityRules": [
            rule(("AllowVnetInBound", 65000, "Inbound", "Allow", "*", vnet, vnet)),
            rule(("AllowAzureLoadBalancerInBound", 65001, "Inbound", "Allow", "*", "AzureLoadBalancer", "*")),
            rule(("DenyAllInBound", 65500, "Inbound", "Deny", "*", "*", "*")),
            rule(("AllowVnetOutBound", 65000, "Outbound", "Allow", "*", vnet, vnet)),
            rule(("AllowInternetOutBound", 65001, "Outbound", "Allow", "*", "*", "Internet")),
            rule(("DenyAllOutBound", 65500, "Outbound", "Deny", "*", "*", "*")),
        ],
    });
    let space = json!({
        "addressSpace": { "addressPrefixes": ["10.1.0.0/16"] },
        "subnets": [
            { "name": "nodes", "properties": { "addressPrefix": "10.1.0.0/24" } },
            { "name": "groups", "properties": { "addressPrefix": "10.1.1.0/24",
                "networkSecurityGroup": { "id": id(NSG, "nsg").as_str() } } },
            { "name": "bare", "properties": { "addressPrefix": "10.1.2.0/24" } },
        ],
    });
    let cluster = json!({ "networkProfile": { "networkPlugin": "kubenet", "podCidr": "10.244.0.0/16" },
        "agentPoolProfiles": [{ "name": "nodepool1", "count": 1, "vnetSubnetID": subnet("nodes").as_str() }] });
    let group = |name: &str, at: &str, address| Endpoint::ContainerGroup {
        group: id(GROUP, name),
        subnet: subnet(at),
        address,
    };
    let node = Endpoint::Node {
        cluster: id(CLUSTER, "aks"),
        name: "node0".to_owned(),
        subnet: subnet("nodes"),
        address: NODE,
        pod_prefix: Some("10.244.0.0/24".parse().unwrap()),
    };
    let pod = Endpoint::Pod {
        cluster: id(CLUSTER, "aks"),
        name: "pod".to_owned(),
        node: at("node0"),
        address: POD,
        host_network: false,
    };
    NetworkState {
        resources: vec![
            resource(VNET, "vnet", space),
            resource(NSG, "nsg", guard),
            resource(CLUSTER, "aks", cluster),
            resource(
                GROUP,
                "caller",
                json!({ "subnetIds": [{ "id": subnet("bare").as_str() }] }),
            ),
            resource(
                GROUP,
                "called",
                json!({ "subnetIds": [{ "id": subnet("groups").as_str() }] }),
            ),
        ],
        endpoints: BTreeMap::from([
            (at("caller"), group("caller", "bare", CALLER)),
            (at("called"), group("called", "groups", CALLED)),
            (at("node0"), node),
            (at("pod"), pod),
        ]),
    }
}

fn at(name: &str) -> EndpointId {
    EndpointId(name.to_owned())
}

fn port(port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(CALLED, port)
}

/// Answers each datagram with whom it came from and what it held.
async fn answer(listener: Box<dyn DatagramListener>) {
    while let Ok((payload, peer)) = listener.receive().await {
        let text = format!("{peer} {}", String::from_utf8_lossy(&payload));
        let _ = listener.send(text.as_bytes(), peer).await;
    }
}

async fn serve(fabric: &dyn Fabric, endpoint: &str, port: u16) {
    let listener = fabric.listen_datagrams(&at(endpoint), port).await.unwrap();
    tokio::spawn(answer(listener));
}

/// One exchange: who was seen, and what came back.
async fn ask(
    fabric: &dyn Fabric,
    from: &str,
    to: SocketAddrV4,
    timeout: Duration,
    nonce: &str,
) -> Result<(SocketAddrV4, String), DialError> {
    let flow = fabric.dial_datagrams(&at(from), to, Some(nonce)).await?;
    let answer = flow.exchange(nonce.as_bytes(), timeout).await?;
    let text = String::from_utf8(answer).unwrap();
    let (peer, rest) = text.split_once(' ').unwrap();
    Ok((peer.parse().unwrap(), rest.to_owned()))
}

/// What happened, one line a packet.
fn story(evidence: &Evidence) -> Vec<String> {
    let line = |packet: &vnetlab::verdict::Packet| {
        let rule = packet.rule.as_ref();
        format!(
            "{} {}:{} -> {}:{} {}: {} {}",
            packet.protocol,
            packet.source,
            if packet.source_port == 0 {
                "none"
            } else {
                "port"
            },
            packet.destination,
            packet.destination_port,
            packet.at,
            if packet.action == Action::Allow {
                "allow"
            } else {
                "deny"
            },
            rule.map_or("by route", |rule| rule.rule.as_str()),
        )
    };
    evidence.packets.iter().map(line).collect()
}

#[tokio::test]
async fn a_datagram_is_answered_and_its_way_is_on_record() {
    let Some(lab) = lab() else { return };
    lab.apply(&network(&[])).await.unwrap();
    serve(&lab, "called", 53).await;
    let (peer, said) = ask(&lab, "caller", port(53), ALLOWED, "n1").await.unwrap();
    assert_eq!((*peer.ip(), said.as_str()), (CALLER, "n1"));
    assert_eq!(
        story(&lab.evidence("n1").await.unwrap()),
        [
            "udp 10.1.2.4:port -> 10.1.1.4:53 entering container group called: allow AllowVnetInBound"
        ]
    );

    // A pod is seen as its node (R52), on the port that it sends from.
    let (peer, _) = ask(&lab, "pod", port(53), ALLOWED, "n2").await.unwrap();
    assert_eq!(*peer.ip(), NODE);
    let record = lab.evidence("n2").await.unwrap();
    assert_eq!(record.packets[0].source_port, peer.port());

    // One flow keeps its port from one exchange to the next.
    let flow = lab
        .dial_datagrams(&at("caller"), port(53), None)
        .await
        .unwrap();
    let first = flow.exchange(b"x", ALLOWED).await.unwrap();
    assert_eq!(flow.exchange(b"x", ALLOWED).await.unwrap(), first);
    let large = vec![b'y'; 9000];
    let answer = flow.exchange(&large, ALLOWED).await.unwrap();
    assert!(answer.ends_with(&large), "{}", answer.len());
}

#[tokio::test]
async fn a_udp_port_where_nothing_listens_refuses() {
    let Some(lab) = lab() else { return };
    lab.apply(&network(&[])).await.unwrap();
    for (from, nonce) in [("caller", "n1"), ("pod", "n2")] {
        let begun = Instant::now();
        let refused = ask(&lab, from, port(53), ALLOWED, nonce).await;
        assert!(matches!(refused, Err(DialError::Refused)), "{refused:?}");
        assert!(begun.elapsed() < ALLOWED);
        let record = lab.evidence(nonce).await.unwrap();
        assert_eq!(record.packets.len(), 1, "{record:?}");
        assert_eq!(record.packets[0].action, Action::Allow);
    }
    serve(&lab, "called", 53).await;
    ask(&lab, "caller", port(53), ALLOWED, "n3").await.unwrap();
    let taken = lab.listen_datagrams(&at("called"), 53).await.err().unwrap();
    assert!(taken.to_string().contains("UDP port 53"), "{taken}");
    lab.listen(&at("called"), 53).await.unwrap();
}

#[tokio::test]
async fn an_echo_comes_back_and_its_way_is_on_record() {
    let Some(lab) = lab() else { return };
    lab.apply(&network(&[])).await.unwrap();
    for (from, source, nonce) in [("caller", CALLER, "n1"), ("pod", NODE, "n2")] {
        lab.echo(&at(from), CALLED, ALLOWED, Some(nonce))
            .await
            .unwrap();
        assert_eq!(
            story(&lab.evidence(nonce).await.unwrap()),
            [format!(
                "icmp {source}:none -> 10.1.1.4:0 entering container group called: allow AllowVnetInBound"
            )]
        );
    }
    // Many at once find their own replies.
    let (lab, caller) = (&lab, &at("caller"));
    let echoes = (0..32).map(|_| lab.echo(caller, CALLED, ALLOWED, None));
    for echo in futures::future::join_all(echoes).await {
        echo.unwrap();
    }
    // Nobody is there, and the platform tells nobody (R80).
    let nobody = Ipv4Addr::new(10, 1, 1, 9);
    let silent = lab.echo(caller, nobody, DENIED, Some("n3")).await;
    assert!(matches!(silent, Err(DialError::TimedOut)), "{silent:?}");
    let cause = "no-endpoint-at-address".to_owned();
    assert_eq!(
        lab.evidence("n3").await.unwrap().by,
        Some(Decider::Cause { cause })
    );
}

/// What each protocol does, as a word.
async fn outcomes(fabric: &dyn Fabric, timeout: Duration, nonce: &str) -> [&'static str; 3] {
    let word = |outcome: Result<(), DialError>| match outcome {
        Ok(()) => "reachable",
        Err(DialError::Refused) => "refused",
        Err(DialError::TimedOut) => "timeout",
        Err(DialError::Unreachable) => "unreachable",
        Err(DialError::Fabric(error)) => panic!("{error}"),
    };
    let name = |protocol: &str| format!("{nonce}-{protocol}");
    let caller = at("caller");
    let tcp = fabric
        .dial(&caller, port(80), timeout, Some(&name("tcp")))
        .await;
    let udp = ask(fabric, "caller", port(80), timeout, &name("udp")).await;
    let icmp = fabric
        .echo(&caller, CALLED, timeout, Some(&name("icmp")))
        .await;
    [word(tcp.map(drop)), word(udp.map(drop)), word(icmp)]
}

#[tokio::test]
async fn a_rule_stops_its_own_protocol_alone() {
    let Some(lab) = lab() else { return };
    lab.apply(&network(&[])).await.unwrap();
    let _tcp = lab.listen(&at("called"), 80).await.unwrap();
    serve(&lab, "called", 80).await;
    let reachable = ["reachable"; 3];
    assert_eq!(outcomes(&lab, ALLOWED, "open").await, reachable);
    for (place, denied) in ["Tcp", "Udp", "Icmp"].into_iter().enumerate() {
        lab.apply(&network(&[denied])).await.unwrap();
        let mut expected = reachable;
        expected[place] = "timeout";
        assert_eq!(
            outcomes(&lab, DENIED * 2, denied).await,
            expected,
            "{denied}"
        );
        let protocol = denied.to_lowercase();
        let record = lab.evidence(&format!("{denied}-{protocol}")).await.unwrap();
        let rule = record.by.as_ref().and_then(Decider::rule).unwrap();
        assert_eq!(rule.rule, format!("deny-{protocol}"));
        assert_eq!(record.packets[0].protocol, protocol);
    }
    lab.apply(&network(&[])).await.unwrap();
    assert_eq!(outcomes(&lab, ALLOWED, "again").await, reachable);
}

/// The model acts out what the analysis says, so what the lab shows must come out of it too.
#[tokio::test]
async fn the_model_shows_what_the_lab_does() {
    let model = ModelFabric::new();
    model.apply(&network(&[])).await.unwrap();
    let empty = outcomes(&model, ALLOWED, "empty").await;
    assert_eq!(empty, ["refused", "refused", "reachable"]);
    let tcp = model.listen(&at("called"), 80).await.unwrap();
    serve(&model, "called", 80).await;
    assert_eq!(outcomes(&model, ALLOWED, "open").await, ["reachable"; 3]);
    let (peer, said) = ask(&model, "pod", port(80), ALLOWED, "n1").await.unwrap();
    assert_eq!((*peer.ip(), said.as_str()), (NODE, "n1"));

    model.apply(&network(&["Udp"])).await.unwrap();
    let udp = outcomes(&model, DENIED, "udp").await;
    assert_eq!(udp, ["reachable", "timeout", "reachable"]);
    model.apply(&network(&["Icmp", "Tcp"])).await.unwrap();
    let both = outcomes(&model, DENIED, "both").await;
    assert_eq!(both, ["timeout", "reachable", "timeout"]);
    assert!(model.evidence("both-tcp").await.is_none());

    let taken = model
        .listen_datagrams(&at("called"), 80)
        .await
        .err()
        .unwrap();
    assert!(taken.to_string().contains("udp port 80"), "{taken}");
    drop(tcp);
    model.listen(&at("called"), 80).await.unwrap();
    let nobody = model.dial_datagrams(&at("nobody"), port(80), None).await;
    assert!(nobody.is_err());
}

#[tokio::test]
async fn a_listener_ends_with_its_endpoint_in_the_model() {
    let model = ModelFabric::new();
    let mut state = network(&[]);
    model.apply(&state).await.unwrap();
    let listener = model.listen_datagrams(&at("called"), 53).await.unwrap();
    state.endpoints.remove(&at("called"));
    model.apply(&state).await.unwrap();
    let ended = listener.receive().await.unwrap_err();
    assert_eq!(ended.kind(), std::io::ErrorKind::NotConnected);
}
