//! The experiment that everything began with (E1 to E5).

use vnetlab::arm::{Listening, Question, Resource, ResourceKey};
use vnetlab::predict::predict;

use crate::network::*;

fn network(allow_priority: u32, cluster: Resource, allowed: &str) -> Vec<Resource> {
    vec![
        vnet(
            "v",
            &["172.16.0.0/18"],
            &[
                "aks: 172.16.0.0/20",
                "services: 172.16.16.0/20",
                "aci: 172.16.32.0/20 nsg=aci-nsg",
            ],
        ),
        nsg(
            "aci-nsg",
            &[
                &format!("allow-http in {allow_priority} allow Tcp {allowed} -> * 80"),
                "allow-health in 200 allow * AzureLoadBalancer -> * *",
                "deny-all in 300 deny * * -> * *",
                "allow-to-vnet out 100 allow * * -> VirtualNetwork *",
                "deny-out out 200 deny * * -> * *",
            ],
        ),
        cluster,
        aci("web", "v/aci"),
    ]
}

fn question() -> Question {
    call(pod("c", "observer"), group("web"))
}

#[test]
fn e2_e3_phase_1_the_group_sees_the_node_and_rule_100_lets_it_in() {
    let network = network(100, kubenet("c", "v/aks"), "172.16.0.0/20");
    let prediction = answer(&network, &question());
    assert_eq!(
        line(&prediction),
        "reachable | aci-nsg/inbound/allow-http | 172.16.0.4"
    );
    assert!(prediction.assumed, "no deployment has told an address");
    assert_eq!(
        prediction.path.len(),
        1,
        "the node subnet has no group: {prediction:?}"
    );
}

#[test]
fn e2_phase_2_below_the_deny_rule_the_allow_rule_is_never_read() {
    let network = network(400, kubenet("c", "v/aks"), "172.16.0.0/20");
    assert_eq!(
        said(&network, &question()),
        "timeout | aci-nsg/inbound/deny-all | -"
    );
}

#[test]
fn e4_control_a_rule_for_the_node_alone_tells_kubenet_from_azure_cni() {
    let node_only = network(100, kubenet("c", "v/aks"), "172.16.0.4/32");
    assert_eq!(
        said(&node_only, &question()),
        "reachable | aci-nsg/inbound/allow-http | 172.16.0.4"
    );
    let node_only = network(100, node_subnet("c", "v/aks"), "172.16.0.4/32");
    assert_eq!(
        said(&node_only, &question()),
        "timeout | aci-nsg/inbound/deny-all | -"
    );
    let range = network(100, node_subnet("c", "v/aks"), "172.16.0.0/20");
    assert_eq!(
        said(&range, &question()),
        "reachable | aci-nsg/inbound/allow-http | 172.16.0.5"
    );
}

#[test]
fn told_addresses_are_used_and_nothing_is_assumed() {
    let network = network(100, kubenet("c", "v/aks"), "172.16.0.0/20");
    let mut told = two_nodes(
        "c",
        [
            ("observer", "10.16.1.2", "172.16.0.5"),
            ("other", "10.16.0.2", "172.16.0.4"),
        ],
    );
    let web = ResourceKey::new(ACI, "web");
    told.container_groups.insert(web, ip("172.16.32.9"));
    let prediction = predict(&network, &told, &question()).unwrap();
    assert_eq!(
        line(&prediction),
        "reachable | aci-nsg/inbound/allow-http | 172.16.0.5"
    );
    assert!(!prediction.assumed);
}

#[test]
fn r81_an_allowed_flow_to_a_port_without_a_listener_is_refused() {
    let network = network(100, kubenet("c", "v/aks"), "172.16.0.0/20");
    let question = Question {
        listens: Listening::No,
        ..question()
    };
    assert_eq!(
        said(&network, &question),
        "refused | aci-nsg/inbound/allow-http | 172.16.0.4"
    );
}
