//! The scenes that the tests play in, and how they listen, call and read what was recorded.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use vnetlab::arm::{Resource, ResourceId, ResourceKey};
use vnetlab::emulator::fabric::{Connection, Endpoint, EndpointId, Fabric, Listener, NetworkState};
use vnetlab::lab::Lab;
use vnetlab::net::Prefix;
use vnetlab::verdict::{Action, Decider, Direction, Evidence};

/// Longer than any packet takes, short enough to wait for.
pub(crate) const DENIED: Duration = Duration::from_millis(300);
pub(crate) const ALLOWED: Duration = Duration::from_secs(5);

pub(crate) fn lab() -> Option<Lab> {
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

pub(crate) fn id(group: &str, resource_type: &str, name: &str) -> ResourceId {
    ResourceId::in_group("s", group, &ResourceKey::new(resource_type, name))
}

pub(crate) fn resource(
    group: &str,
    resource_type: &str,
    name: &str,
    properties: Value,
) -> Resource {
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

pub(crate) const VNET: &str = "Microsoft.Network/virtualNetworks";
pub(crate) const NSG: &str = "Microsoft.Network/networkSecurityGroups";
pub(crate) const TABLE: &str = "Microsoft.Network/routeTables";
pub(crate) const CLUSTER: &str = "Microsoft.ContainerService/managedClusters";
pub(crate) const GROUP: &str = "Microsoft.ContainerInstance/containerGroups";

/// A rule: name, priority, direction, access, source, destination.
pub(crate) type Rule<'a> = (&'a str, u16, &'a str, &'a str, &'a str, &'a str);

pub(crate) fn rules(list: &[Rule<'_>]) -> Value {
    let rule = |&(name, priority, direction, access, source, destination): &Rule<'_>| {
        json!({ "name": name, "properties": {
            "priority": priority, "direction": direction, "access": access, "protocol": "*",
            "sourceAddressPrefix": source, "sourcePortRange": "*",
            "destinationAddressPrefix": destination, "destinationPortRange": "*",
        }})
    };
    list.iter().map(rule).collect()
}

pub(crate) fn nsg(group: &str, custom: &[Rule<'_>], flush: bool) -> Resource {
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
pub(crate) struct Scene {
    pub(crate) group: &'static str,
    pub(crate) state: NetworkState,
}

impl Scene {
    pub(crate) fn new(group: &'static str, cluster: Value, routes: Value) -> Scene {
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

    pub(crate) fn kubenet(group: &'static str) -> Scene {
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

    pub(crate) fn name(&self, endpoint: &str) -> EndpointId {
        EndpointId(format!("{}/{endpoint}", self.group))
    }

    pub(crate) fn subnet(&self, name: &str) -> ResourceId {
        id(self.group, VNET, "vnet").child("subnets", name)
    }

    pub(crate) fn add(&mut self, name: &str, endpoint: Endpoint) {
        let name = self.name(name);
        self.state.endpoints.insert(name, endpoint);
    }

    pub(crate) fn container_group(&mut self, name: &str, subnet: &str, address: &str) {
        let endpoint = Endpoint::ContainerGroup {
            group: id(self.group, GROUP, name),
            subnet: self.subnet(subnet),
            address: ip(address),
        };
        self.add(name, endpoint);
    }

    pub(crate) fn node(&mut self, name: &str, address: &str, pods: Option<&str>) {
        let endpoint = Endpoint::Node {
            cluster: id(self.group, CLUSTER, "aks"),
            name: name.to_owned(),
            subnet: self.subnet("nodes"),
            address: ip(address),
            pod_prefix: pods.map(|text| text.parse::<Prefix>().unwrap()),
        };
        self.add(name, endpoint);
    }

    pub(crate) fn pod(&mut self, name: &str, node: &str, address: &str, host_network: bool) {
        let endpoint = Endpoint::Pod {
            cluster: id(self.group, CLUSTER, "aks"),
            name: name.to_owned(),
            node: self.name(node),
            address: ip(address),
            host_network,
        };
        self.add(name, endpoint);
    }

    pub(crate) fn set_nsg(&mut self, custom: &[Rule<'_>], flush: bool) {
        let guard = nsg(self.group, custom, flush);
        let place = self.state.resources.iter_mut().find(|r| r.id == guard.id);
        *place.unwrap() = guard;
    }
}

pub(crate) fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

pub(crate) fn at(text: &str) -> SocketAddrV4 {
    SocketAddrV4::new(ip(text), 80)
}

/// Serves one connection after the other: says who called, then echoes.
pub(crate) async fn serve(lab: &Lab, endpoint: &EndpointId) {
    let listener = lab.listen(endpoint, 80).await.unwrap();
    tokio::spawn(echo(listener));
}

pub(crate) async fn echo(listener: Box<dyn Listener>) {
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

pub(crate) async fn seen_from(connection: &mut Connection) -> Ipv4Addr {
    let mut octets = [0; 4];
    connection.stream.read_exact(&mut octets).await.unwrap();
    Ipv4Addr::from(octets)
}

/// Whether a byte comes back in time.
pub(crate) async fn answers(connection: &mut Connection, within: Duration) -> bool {
    connection.stream.write_all(b"x").await.unwrap();
    let mut buffer = [0; 1];
    let read = connection.stream.read_exact(&mut buffer);
    matches!(tokio::time::timeout(within, read).await, Ok(Ok(_)))
}

/// What happened at each place, one line a packet.
pub(crate) fn story(evidence: &Evidence) -> Vec<String> {
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

pub(crate) fn decided_by(evidence: &Evidence) -> (String, Direction) {
    match &evidence.by {
        Some(Decider::Rule(rule)) => (format!("{}/{}", rule.nsg, rule.rule), rule.direction),
        other => panic!("no rule decided: {other:?}"),
    }
}
