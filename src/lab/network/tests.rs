use std::collections::BTreeMap;

use serde_json::json;

use crate::arm::Resource;
use crate::emulator::fabric::Endpoint;
use crate::lab::Lab;
use crate::lab::filter::INTERNET;
use crate::lab::netlink::attributes;

use super::*;

pub(super) fn resource(resource_type: &str, name: &str, properties: serde_json::Value) -> Resource {
    let key = crate::arm::ResourceKey::new(resource_type, name);
    Resource {
        id: ResourceId::in_group("s", "g", &key),
        resource_type: resource_type.to_owned(),
        name: name.to_owned(),
        api_version: String::new(),
        depends_on: Vec::new(),
        body: json!({ "properties": properties })
            .as_object()
            .cloned()
            .expect("an object"),
    }
}

/// A node with a pod, and a container group.
fn state() -> NetworkState {
    let vnet = resource(
        "Microsoft.Network/virtualNetworks",
        "vnet",
        json!({
            "addressSpace": { "addressPrefixes": ["10.1.0.0/16"] },
            "subnets": [{ "name": "a", "properties": { "addressPrefix": "10.1.0.0/24" } }],
        }),
    );
    let cluster = resource(
        "Microsoft.ContainerService/managedClusters",
        "aks",
        json!({ "networkProfile": { "networkPlugin": "kubenet" } }),
    );
    let subnet = vnet.id.child("subnets", "a");
    let name = |text: &str| EndpointId(text.to_owned());
    let endpoints = BTreeMap::from([
        (
            name("group"),
            Endpoint::ContainerGroup {
                group: vnet.id.clone(),
                subnet: subnet.clone(),
                address: Ipv4Addr::new(10, 1, 0, 9),
            },
        ),
        (
            name("node"),
            Endpoint::Node {
                cluster: cluster.id.clone(),
                name: "node".to_owned(),
                subnet,
                address: Ipv4Addr::new(10, 1, 0, 4),
                pod_prefix: None,
            },
        ),
        (
            name("pod"),
            Endpoint::Pod {
                cluster: cluster.id.clone(),
                name: "pod".to_owned(),
                node: name("node"),
                address: Ipv4Addr::new(10, 244, 0, 2),
                host_network: false,
            },
        ),
    ]);
    NetworkState {
        resources: vec![vnet, cluster],
        endpoints,
    }
}

/// The links of a namespace but for loopback: index, kind, the index of the peer.
fn links(helper: &Helper, slot: u32) -> Vec<(u32, String, u32)> {
    const DUMP: u16 = 0x300;
    let socket = helper
        .socket(slot, libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)
        .expect("a socket");
    let mut batch = Batch::default();
    batch.message("dump links", libc::RTM_GETLINK, DUMP, &[0; 16], |_| {});
    let mut links = Vec::new();
    Socket::new(socket).dump(&batch, |link| {
        let number = |bytes: &[u8]| u32::from_ne_bytes(bytes.try_into().expect("a number"));
        let text = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes)
                .trim_end_matches('\0')
                .to_owned()
        };
        let (mut name, mut kind, mut peer) = (String::new(), String::new(), 0);
        for (attribute, data) in attributes(&link[16..]) {
            match attribute {
                libc::IFLA_IFNAME => name = text(data),
                libc::IFLA_LINK => peer = number(data),
                libc::IFLA_LINKINFO => {
                    let info = attributes(data).find(|(attribute, _)| *attribute == 1);
                    kind = info.map(|(_, data)| text(data)).unwrap_or_default();
                }
                _ => {}
            }
        }
        if name != "lo" {
            links.push((number(&link[4..8]), kind, peer));
        }
    });
    links
}

#[tokio::test]
async fn every_link_of_every_namespace_is_a_veth_between_two_of_them() {
    use crate::emulator::fabric::Fabric as _;
    let Ok(lab) = Lab::start() else {
        assert!(
            std::env::var_os("VNETLAB_REQUIRE_LAB").is_none(),
            "a lab is required"
        );
        return;
    };
    lab.apply(&state()).await.expect("a network");
    let network = lab.network.lock().expect("no panic");
    let port = |name: &str| &network.ports[&PortId::own(&EndpointId(name.to_owned()))];
    let (group, node) = (port("group"), port("node"));
    let pod = &network.pods[&EndpointId("pod".to_owned())];
    let near = |index| (index, "veth".to_owned(), route::NIC);
    let far = |index| (route::NIC, "veth".to_owned(), index);
    let internet = network.internet.seat().slot;
    for (slot, expected) in [
        (
            FABRIC,
            vec![near(INTERNET), near(group.index), near(node.index)],
        ),
        (internet, vec![far(INTERNET)]),
        (group.slot, vec![far(group.index)]),
        (node.slot, vec![far(node.index), near(pod.index)]),
        (pod.slot, vec![far(pod.index)]),
    ] {
        let mut links = links(&lab.helper, slot);
        links.sort();
        assert_eq!(links, expected, "namespace {slot}");
    }
}
