//! Networks in a few words, and predictions in a line.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use vnetlab::arm::{
    Addresses, Destination, FlowState, Listening, NodeAddress, Party, PodAddress, Question,
    Resource, ResourceId, ResourceKey,
};
use vnetlab::net::Protocol;
use vnetlab::predict::predict;
use vnetlab::verdict::{Decider, Leg, Predicted, Prediction};

pub(crate) const GROUP: &str = "/subscriptions/s/resourceGroups/g/providers";
pub(crate) const NETWORK: &str = "Microsoft.Network";
pub(crate) const ACI: &str = "Microsoft.ContainerInstance/containerGroups";
pub(crate) const NIC: &str = "Microsoft.Network/networkInterfaces";
pub(crate) const AKS: &str = "Microsoft.ContainerService/managedClusters";

pub(crate) fn resource(kind: &str, name: &str, properties: Value) -> Resource {
    let key = ResourceKey::new(kind, name);
    Resource {
        id: ResourceId::in_group("s", "g", &key),
        resource_type: kind.to_owned(),
        name: name.to_owned(),
        api_version: "2025-05-01".to_owned(),
        depends_on: Vec::new(),
        body: json!({ "properties": properties })
            .as_object()
            .unwrap()
            .clone(),
    }
}

pub(crate) fn id(kind: &str, name: &str) -> Value {
    json!({ "id": format!("{GROUP}/{NETWORK}/{kind}/{name}") })
}

/// Subnets as `name: prefix`, `name: prefix nsg=N`, `name: prefix routes=T nat=G`.
pub(crate) fn vnet(name: &str, space: &[&str], subnets: &[&str]) -> Resource {
    let subnets = subnets.iter().map(|text| {
        let (subnet, rest) = text.split_once(": ").unwrap();
        let mut words = rest.split(' ');
        let mut properties = json!({ "addressPrefix": words.next().unwrap() });
        for word in words {
            let (field, value) = word.split_once('=').unwrap();
            let (member, kind) = match field {
                "nsg" => ("networkSecurityGroup", "networkSecurityGroups"),
                "routes" => ("routeTable", "routeTables"),
                "nat" => ("natGateway", "natGateways"),
                other => panic!("{other}"),
            };
            properties[member] = id(kind, value);
        }
        json!({ "name": subnet, "properties": properties })
    });
    let subnets = subnets.collect::<Vec<_>>();
    resource(
        "Microsoft.Network/virtualNetworks",
        name,
        json!({ "addressSpace": { "addressPrefixes": space }, "subnets": subnets }),
    )
}

/// Rules as `name in|out PRIORITY allow|deny PROTOCOL SOURCE -> DESTINATION PORTS`.
pub(crate) fn nsg(name: &str, rules: &[&str]) -> Resource {
    let rules = rules.iter().map(|text| {
        let words = text.split(' ').collect::<Vec<_>>();
        let [
            name,
            way,
            priority,
            access,
            protocol,
            source,
            _,
            destination,
            port,
        ] = words[..]
        else {
            panic!("{text}")
        };
        json!({ "name": name, "properties": {
            "direction": if way == "in" { "Inbound" } else { "Outbound" },
            "priority": priority.parse::<u32>().unwrap(),
            "access": access,
            "protocol": protocol,
            "sourceAddressPrefix": source,
            "sourcePortRange": "*",
            "destinationAddressPrefix": destination,
            "destinationPortRange": port,
        }})
    });
    let rules = rules.collect::<Vec<_>>();
    resource(
        "Microsoft.Network/networkSecurityGroups",
        name,
        json!({ "securityRules": rules }),
    )
}

/// Routes as `name PREFIX TYPE [ADDRESS]`.
pub(crate) fn routes(name: &str, routes: &[&str]) -> Resource {
    let routes = routes.iter().map(|text| {
        let words = text.split(' ').collect::<Vec<_>>();
        let mut properties = json!({ "addressPrefix": words[1], "nextHopType": words[2] });
        if let Some(address) = words.get(3) {
            properties["nextHopIpAddress"] = json!(address);
        }
        json!({ "name": words[0], "properties": properties })
    });
    let routes = routes.collect::<Vec<_>>();
    resource(
        "Microsoft.Network/routeTables",
        name,
        json!({ "routes": routes }),
    )
}

pub(crate) fn subnet_id(path: &str) -> String {
    let (vnet, subnet) = path.split_once('/').unwrap();
    format!("{GROUP}/{NETWORK}/virtualNetworks/{vnet}/subnets/{subnet}")
}

pub(crate) fn aci(name: &str, subnet: &str) -> Resource {
    resource(
        ACI,
        name,
        json!({
            "subnetIds": [{ "id": subnet_id(subnet) }],
            "ipAddress": { "type": "Private", "ports": [{ "port": 80, "protocol": "TCP" }] },
        }),
    )
}

/// A network interface; `more` goes into its properties, `address` into its IP configuration.
pub(crate) fn nic(name: &str, subnet: &str, address: Value, more: Value) -> Resource {
    let mut configuration = json!({ "subnet": { "id": subnet_id(subnet) } });
    merge(&mut configuration, address);
    let mut properties = json!({
        "ipConfigurations": [{ "name": "ipconfig", "properties": configuration }],
    });
    merge(&mut properties, more);
    resource(NIC, name, properties)
}

fn merge(target: &mut Value, more: Value) {
    let more = more.as_object().unwrap().clone();
    target.as_object_mut().unwrap().extend(more);
}

/// One side of a peering, `from>to`, with the flags that are named in `flags`.
pub(crate) fn peering(sides: &str, flags: Value) -> Resource {
    let (near, far) = sides.split_once('>').unwrap();
    let mut properties = json!({ "remoteVirtualNetwork": id("virtualNetworks", far) });
    merge(&mut properties, flags);
    let kind = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings";
    resource(kind, &format!("{near}/to-{far}"), properties)
}

pub(crate) fn cluster(name: &str, subnet: &str, profile: Value) -> Resource {
    resource(
        AKS,
        name,
        json!({
            "networkProfile": profile,
            "agentPoolProfiles": [{ "name": "p", "count": 2, "vnetSubnetID": subnet_id(subnet) }],
        }),
    )
}

pub(crate) fn kubenet(name: &str, subnet: &str) -> Resource {
    let profile = json!({ "networkPlugin": "kubenet", "podCidr": "10.16.0.0/16" });
    cluster(name, subnet, profile)
}

pub(crate) fn overlay(name: &str, subnet: &str) -> Resource {
    let profile = json!({
        "networkPlugin": "azure", "networkPluginMode": "overlay", "podCidr": "10.244.0.0/16",
    });
    cluster(name, subnet, profile)
}

pub(crate) fn node_subnet(name: &str, subnet: &str) -> Resource {
    cluster(name, subnet, json!({ "networkPlugin": "azure" }))
}

pub(crate) fn group(name: &str) -> Party {
    Party::ContainerGroup(ResourceKey::new(ACI, name))
}

pub(crate) fn interface(name: &str) -> Party {
    Party::NetworkInterface(ResourceKey::new(NIC, name))
}

pub(crate) fn pod(cluster: &str, name: &str) -> Party {
    Party::Pod {
        cluster: ResourceKey::new(AKS, cluster),
        name: name.to_owned(),
        host_network: false,
    }
}

pub(crate) fn host_pod(cluster: &str, name: &str) -> Party {
    Party::Pod {
        cluster: ResourceKey::new(AKS, cluster),
        name: name.to_owned(),
        host_network: true,
    }
}

pub(crate) fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

pub(crate) fn ask(
    from: Party,
    to: Destination,
    protocol: Protocol,
    port: u16,
    listens: Listening,
) -> Question {
    Question {
        from,
        to,
        protocol,
        port: protocol.has_ports().then_some(port),
        listens,
        flow: FlowState::New,
        forwarders: Vec::new(),
    }
}

pub(crate) fn call(from: Party, to: Party) -> Question {
    ask(
        from,
        Destination::Party(to),
        Protocol::Tcp,
        80,
        Listening::Yes,
    )
}

pub(crate) fn call_address(from: Party, address: &str) -> Question {
    let to = Destination::Address(ip(address));
    ask(from, to, Protocol::Tcp, 80, Listening::Yes)
}

pub(crate) fn ping(from: Party, to: Party) -> Question {
    ask(
        from,
        Destination::Party(to),
        Protocol::Icmp,
        0,
        Listening::Yes,
    )
}

/// The prediction when every address is assumed.
pub(crate) fn answer(resources: &[Resource], question: &Question) -> Prediction {
    predict(resources, &Addresses::default(), question).expect("the template can be analysed")
}

/// `outcome | by | source`, with `-` for what there is none of.
pub(crate) fn line(prediction: &Prediction) -> String {
    let by = match &prediction.by {
        Some(Decider::Rule(rule)) => format!("{}/{}/{}", rule.nsg, rule.direction, rule.rule),
        Some(Decider::Route { route }) => {
            let leg = if route.leg == Leg::Return {
                " back"
            } else {
                ""
            };
            format!("{}/{} {}{leg}", route.table, route.name, route.prefix)
        }
        Some(Decider::Cause { cause }) => cause.clone(),
        None => "-".to_owned(),
    };
    let source = prediction.source.map_or("-".to_owned(), |s| s.to_string());
    format!("{} | {by} | {source}", prediction.outcome)
}

pub(crate) fn said(resources: &[Resource], question: &Question) -> String {
    line(&answer(resources, question))
}

pub(crate) fn readings(prediction: &Prediction) -> Vec<String> {
    assert_eq!(
        prediction.outcome,
        Predicted::Undetermined,
        "{}",
        line(prediction)
    );
    let readings = prediction.readings.iter();
    readings
        .map(|reading| format!("{}: {}", reading.outcome, reading.source))
        .collect()
}

/// Pods on two nodes, 172.16.0.4 and 172.16.0.5, as a deployment would tell them.
pub(crate) fn two_nodes(cluster: &str, pods: [(&str, &str, &str); 2]) -> Addresses {
    let key = ResourceKey::new(AKS, cluster);
    let nodes = ["172.16.0.4", "172.16.0.5"].map(|address| NodeAddress {
        name: format!("node-{address}"),
        address: ip(address),
    });
    let pods = pods.map(|(name, address, node)| {
        let told = PodAddress {
            address: ip(address),
            node: format!("node-{node}"),
            node_address: ip(node),
        };
        ((key.clone(), name.to_owned()), told)
    });
    Addresses {
        nodes: [(key, nodes.to_vec())].into(),
        pods: pods.into(),
        ..Addresses::default()
    }
}
