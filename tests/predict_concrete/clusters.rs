//! Nodes and pods of managed clusters (R50 to R69).

use serde_json::json;
use vnetlab::arm::{Addresses, Listening, Question, Resource};
use vnetlab::predict::{PredictError, predict};
use vnetlab::verdict::{Outcome, Predicted};

use crate::network::*;

fn network(cluster: Resource, aks: &str) -> Vec<Resource> {
    let aks = format!("aks: 172.16.0.0/20{aks}");
    vec![
        vnet("v", &["172.16.0.0/18"], &[&aks, "aci: 172.16.32.0/20"]),
        cluster,
        aci("web", "v/aci"),
    ]
}

fn outbound() -> Question {
    call(pod("c", "p"), group("web"))
}

#[test]
fn r31_addresses_are_assumed_from_the_fifth_on_nodes_first() {
    let two = network(kubenet("c", "v/aks"), "");
    for (address, expected) in [
        ("172.16.0.3", Outcome::Timeout),
        ("172.16.0.4", Outcome::Refused),
        ("172.16.0.5", Outcome::Refused),
        ("172.16.0.6", Outcome::Timeout),
    ] {
        let question = Question {
            listens: Listening::No,
            ..call_address(group("web"), address)
        };
        let outcome = answer(&two, &question).outcome;
        assert_eq!(outcome, Predicted::Is(expected), "{address}");
    }
}

#[test]
fn r31_a_subnet_without_a_free_address_is_named() {
    let mut network = vec![vnet("v", &["10.1.0.0/16"], &["a: 10.1.0.0/29"])];
    network.extend(["g1", "g2", "g3", "g4"].map(|name| aci(name, "v/a")));
    let question = call(group("g1"), group("g2"));
    let error = predict(&network, &Addresses::default(), &question).unwrap_err();
    assert!(
        matches!(&error, PredictError::SubnetFull { party, .. } if party == "container group `g4`"),
        "{error}"
    );
}

#[test]
fn r51_kubenet_pods_on_two_nodes_keep_their_addresses_and_pass_the_groups_as_such() {
    let mut network = network(kubenet("c", "v/aks"), " nsg=n routes=t");
    network.push(routes("t", &[]));
    let addresses = two_nodes(
        "c",
        [
            ("p", "10.16.0.2", "172.16.0.4"),
            ("q", "10.16.1.2", "172.16.0.5"),
        ],
    );
    let question = call(pod("c", "p"), pod("c", "q"));
    // R17: the pod routes of the subnet's table put the pods into VirtualNetwork.
    network.push(nsg("n", &[]));
    let prediction = predict(&network, &addresses, &question).unwrap();
    assert_eq!(
        line(&prediction),
        "reachable | n/inbound/AllowVnetInBound | 10.16.0.2"
    );
    network.pop();
    network.push(nsg("n", &["pods in 100 deny * 10.16.0.0/24 -> * *"]));
    let prediction = predict(&network, &addresses, &question).unwrap();
    assert_eq!(line(&prediction), "timeout | n/inbound/pods | -");
}

#[test]
fn r52_kubenet_the_far_end_sees_the_node() {
    assert_eq!(
        said(&network(kubenet("c", "v/aks"), ""), &outbound()),
        "reachable | no-nsg-and-system-route | 172.16.0.4"
    );
}

#[test]
fn r52_kubenet_the_rules_of_the_node_subnet_see_the_node_too() {
    let mut network = network(kubenet("c", "v/aks"), " nsg=n");
    let rules = [
        "pods out 100 deny * 10.16.0.0/16 -> * *",
        "nodes out 200 deny * 172.16.0.4 -> * *",
    ];
    network.push(nsg("n", &rules));
    assert_eq!(
        said(&network, &outbound()),
        "timeout | n/outbound/nodes | -"
    );
}

#[test]
fn r52_kubenet_to_the_node_subnet_the_sources_disagree() {
    let network = network(kubenet("c", "v/aks"), "");
    let addresses = two_nodes(
        "c",
        [
            ("p", "10.16.0.2", "172.16.0.4"),
            ("host", "172.16.0.5", "172.16.0.5"),
        ],
    );
    let question = call(pod("c", "p"), host_pod("c", "host"));
    let prediction = predict(&network, &addresses, &question).unwrap();
    assert_eq!(prediction.source, None);
    assert_eq!(
        readings(&prediction),
        [
            "reachable: R52: kubenet translates everything that leaves the pod range, so the node is seen",
            "reachable: R52: kubenet does not translate within the node subnet, so the pod is seen",
        ]
    );
}

#[test]
fn r53_r61_nothing_in_the_virtual_network_can_address_a_kubenet_or_overlay_pod() {
    let inbound = call(group("web"), pod("c", "p"));
    for cluster in [kubenet("c", "v/aks"), overlay("c", "v/aks")] {
        assert_eq!(
            said(&network(cluster, ""), &inbound),
            "timeout | system/None 10.0.0.0/8 | -"
        );
    }
}

#[test]
fn r56_r57_azure_cni_keeps_the_pods_address_within_the_virtual_network_both_ways() {
    let network = network(node_subnet("c", "v/aks"), "");
    assert_eq!(
        said(&network, &outbound()),
        "reachable | no-nsg-and-system-route | 172.16.0.5"
    );
    assert_eq!(
        said(&network, &call(group("web"), pod("c", "p"))),
        "reachable | no-nsg-and-system-route | 172.16.32.4"
    );
}

#[test]
fn r57_azure_cni_outside_the_virtual_network_the_rules_see_the_node() {
    let mut network = network(node_subnet("c", "v/aks"), " nsg=n");
    network.push(nsg("n", &["nodes out 100 deny * 172.16.0.4 -> * *"]));
    assert_eq!(
        said(&network, &call_address(pod("c", "p"), "10.9.0.4")),
        "timeout | n/outbound/nodes | -"
    );
    assert_eq!(
        said(&network, &outbound()),
        "reachable | n/outbound/AllowVnetOutBound | 172.16.0.5"
    );
}

fn pod_subnet(rules: &[&str]) -> Vec<Resource> {
    let mut cluster = node_subnet("c", "v/aks");
    cluster.body["properties"]["agentPoolProfiles"][0]["podSubnetID"] = json!(subnet_id("v/pods"));
    let subnets = [
        "aks: 172.16.0.0/20",
        "pods: 172.16.16.0/20 nsg=n",
        "aci: 172.16.32.0/20",
    ];
    vec![
        vnet("v", &["172.16.0.0/18"], &subnets),
        nsg("n", rules),
        cluster,
        aci("web", "v/aci"),
    ]
}

#[test]
fn r58_a_pod_subnet_keeps_the_pods_address() {
    let prediction = answer(&pod_subnet(&[]), &outbound());
    assert_eq!(prediction.outcome, Predicted::Is(Outcome::Reachable));
    assert_eq!(prediction.source, Some(ip("172.16.16.4")));
}

#[test]
fn r58_whose_rules_apply_to_pods_of_a_pod_subnet_is_undetermined_where_it_matters() {
    let network = pod_subnet(&["no out 100 deny * * -> * *"]);
    assert_eq!(
        readings(&answer(&network, &outbound())),
        [
            "timeout: R58: rules and routes of the pod subnet apply to its pods",
            "reachable: R58: rules and routes of the node subnet apply to pods, as was once reported",
        ]
    );
}

#[test]
fn r60_overlay_the_far_end_sees_the_node() {
    assert_eq!(
        said(&network(overlay("c", "v/aks"), ""), &outbound()),
        "reachable | no-nsg-and-system-route | 172.16.0.4"
    );
}

#[test]
fn r60_overlay_pods_pass_the_groups_with_their_own_addresses() {
    let addresses = two_nodes(
        "c",
        [
            ("p", "10.244.0.2", "172.16.0.4"),
            ("q", "10.244.1.2", "172.16.0.5"),
        ],
    );
    let question = call(pod("c", "p"), pod("c", "q"));
    let mut network = network(overlay("c", "v/aks"), " nsg=n");
    let rules = [
        "nodes out 100 deny * 172.16.0.0/20 -> * *",
        "pods out 200 allow * 10.244.0.0/16 -> * *",
        "pods-in in 200 allow * 10.244.0.0/16 -> * *",
    ];
    network.push(nsg("n", &rules));
    let prediction = predict(&network, &addresses, &question).unwrap();
    assert_eq!(
        line(&prediction),
        "reachable | n/inbound/pods-in | 10.244.0.2"
    );
    network.pop();
    network.push(nsg("n", &[]));
    let prediction = predict(&network, &addresses, &question).unwrap();
    assert_eq!(
        readings(&prediction),
        [
            "reachable: R60: the pod range of an overlay cluster is in VirtualNetwork",
            "timeout: R60: the pod range of an overlay cluster is not in VirtualNetwork",
        ]
    );
}

#[test]
fn r62_a_pod_on_the_host_network_uses_the_nodes_address_in_every_mode() {
    for cluster in [
        kubenet("c", "v/aks"),
        overlay("c", "v/aks"),
        node_subnet("c", "v/aks"),
    ] {
        let question = call(host_pod("c", "p"), group("web"));
        assert_eq!(
            said(&network(cluster, ""), &question),
            "reachable | no-nsg-and-system-route | 172.16.0.4"
        );
    }
}

#[test]
fn r65_a_clusters_outbound_type_decides_its_way_to_the_internet() {
    let out = call_address(pod("c", "p"), "8.8.8.8");
    let with = |kind: &str| {
        let profile = json!({ "networkPlugin": "kubenet", "outboundType": kind });
        network(cluster("c", "v/aks", profile), "")
    };
    assert_eq!(
        said(&with("loadBalancer"), &out),
        "reachable | no-nsg-and-system-route | -"
    );
    assert_eq!(
        said(&with("userDefinedRouting"), &out),
        "timeout | no-egress | -"
    );
    assert_eq!(
        readings(&answer(&with("none"), &out)),
        [
            "reachable: R42: a subnet that does not set defaultOutboundAccess has default outbound access",
            "timeout: R42: a subnet that does not set defaultOutboundAccess is private",
        ]
    );
}

#[test]
fn r68_pods_of_one_node_never_cross_the_groups() {
    let mut network = network(kubenet("c", "v/aks"), " nsg=n");
    let rules = [
        "no in 100 deny * * -> * *",
        "no-out out 100 deny * * -> * *",
    ];
    network.push(nsg("n", &rules));
    assert_eq!(
        said(&network, &call(pod("c", "p"), pod("c", "q"))),
        "reachable | same-node | 10.16.0.2"
    );
}
