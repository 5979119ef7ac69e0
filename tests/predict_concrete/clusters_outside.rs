//! Pods and whatever is not in their cluster's virtual network, and who can call a pod (R51 to R63).

use serde_json::json;
use vnetlab::arm::{Addresses, Question, Resource};
use vnetlab::predict::predict;

use crate::network::*;

fn pod_subnet(name: &str, subnet: &str) -> Resource {
    let mut cluster = node_subnet(name, subnet);
    cluster.body["properties"]["agentPoolProfiles"][0]["podSubnetID"] =
        json!(subnet_id("home/pods"));
    cluster
}

/// A cluster at home, a container group beside it and one in a peered network.
fn network(cluster: Resource) -> Vec<Resource> {
    vec![
        vnet(
            "home",
            &["172.16.0.0/18"],
            &[
                "aks: 172.16.0.0/20",
                "pods: 172.16.16.0/20",
                "aci: 172.16.32.0/20",
            ],
        ),
        vnet("away", &["172.20.0.0/16"], &["aci: 172.20.0.0/24"]),
        peering("home>away", json!({})),
        peering("away>home", json!({})),
        aci("near", "home/aci"),
        aci("far", "away/aci"),
        cluster,
    ]
}

/// The four modes with the addresses that are seen in the virtual network and over a peering.
fn modes() -> [(&'static str, Resource, &'static str, &'static str); 4] {
    [
        (
            "kubenet",
            kubenet("c", "home/aks"),
            "172.16.0.4",
            "172.16.0.4",
        ),
        (
            "overlay",
            overlay("c", "home/aks"),
            "172.16.0.4",
            "172.16.0.4",
        ),
        (
            "node subnet",
            node_subnet("c", "home/aks"),
            "172.16.0.5",
            "172.16.0.4",
        ),
        (
            "pod subnet",
            pod_subnet("c", "home/aks"),
            "172.16.16.4",
            "172.16.16.4",
        ),
    ]
}

#[test]
fn r52_r57_r58_r60_who_is_seen_in_the_network_and_over_a_peering() {
    for (mode, cluster, near, far) in modes() {
        let network = network(cluster);
        for (to, source) in [("near", near), ("far", far)] {
            assert_eq!(
                said(&network, &call(pod("c", "p"), group(to))),
                format!("reachable | no-nsg-and-system-route | {source}"),
                "{mode}, {to}"
            );
        }
    }
}

#[test]
fn r53_r56_r58_r61_who_can_call_a_pod_from_the_network_and_over_a_peering() {
    for (mode, cluster, _, _) in modes() {
        let network = network(cluster);
        let pods_have_vnet_addresses = mode.ends_with("subnet");
        for from in ["near", "far"] {
            let said = said(&network, &call(group(from), pod("c", "p")));
            if pods_have_vnet_addresses {
                assert!(
                    said.starts_with("reachable | no-nsg-and-system-route"),
                    "{mode}: {said}"
                );
            } else {
                assert_eq!(
                    said, "timeout | system/None 10.0.0.0/8 | -",
                    "{mode}, {from}"
                );
            }
        }
    }
}

#[test]
fn r57_the_rules_of_a_peer_see_the_node_and_those_of_the_network_the_pod() {
    let mut network = network(node_subnet("c", "home/aks"));
    network[0] = vnet(
        "home",
        &["172.16.0.0/18"],
        &["aks: 172.16.0.0/20", "aci: 172.16.32.0/20 nsg=n"],
    );
    network[1] = vnet("away", &["172.20.0.0/16"], &["aci: 172.20.0.0/24 nsg=n"]);
    network.push(nsg(
        "n",
        &[
            "node in 100 allow * 172.16.0.4 -> * *",
            "rest in 200 deny * * -> * *",
        ],
    ));
    assert_eq!(
        said(&network, &call(pod("c", "p"), group("far"))),
        "reachable | n/inbound/node | 172.16.0.4"
    );
    assert_eq!(
        said(&network, &call(pod("c", "p"), group("near"))),
        "timeout | n/inbound/rest | -"
    );
}

#[test]
fn r53_whether_a_host_of_the_node_subnet_reaches_a_kubenet_pod_is_undetermined() {
    let mut network = network(kubenet("c", "home/aks"));
    network.push(nic("vm", "home/aks", json!({}), json!({})));
    assert_eq!(
        readings(&answer(&network, &call(interface("vm"), pod("c", "p")))),
        [
            "reachable: R51: the routes of the node subnet lead other callers of the subnet to a kubenet pod too",
            "timeout: R53: only pods and nodes of the cluster can address a kubenet pod",
        ]
    );
}

#[test]
fn r51_r60_pods_of_two_clusters_with_one_range_do_not_reach_each_other() {
    let mut network = network(overlay("c", "home/aks"));
    network.push(overlay("d", "home/aks"));
    let question = call(pod("c", "p"), pod("d", "q"));
    assert_eq!(
        said(&network, &question),
        "timeout | system/None 10.0.0.0/8 | -"
    );
}

#[test]
fn r63_the_address_of_a_service_is_named_inside_the_cluster_and_unknown_outside() {
    let mut cluster = kubenet("c", "home/aks");
    cluster.body["properties"]["networkProfile"]["serviceCidr"] = json!("10.0.0.0/16");
    let network = network(cluster);
    let error = predict(
        &network,
        &Addresses::default(),
        &call_address(pod("c", "p"), "10.0.0.10"),
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "the answer depends on the Kubernetes service at 10.0.0.10, which the analysis does not model"
    );
    let outside: Question = call_address(group("near"), "10.0.0.10");
    assert_eq!(
        said(&network, &outside),
        "timeout | system/None 10.0.0.0/8 | -"
    );
}

#[test]
fn r65_the_internet_sees_what_the_outbound_type_stands_for() {
    for (kind, words) in [
        (
            "loadBalancer",
            Some("the address of the cluster's load balancer"),
        ),
        (
            "managedNATGateway",
            Some("the address of the cluster's NAT gateway"),
        ),
        ("userDefinedRouting", None),
        ("userAssignedNATGateway", None),
        ("block", None),
    ] {
        let profile = json!({ "networkPlugin": "azure", "outboundType": kind });
        let network = network(cluster("c", "home/aks", profile));
        let prediction = answer(&network, &call_address(pod("c", "p"), "8.8.8.8"));
        assert_eq!(prediction.source_unknown.as_deref(), words, "{kind}");
        let expected = if words.is_some() {
            "reachable"
        } else {
            "timeout"
        };
        assert_eq!(prediction.outcome.word(), expected, "{kind}");
    }
}
