//! The four ways in which pods get their addresses: who is seen where, and who reaches them.

use serde_json::{Value, json};
use vnetlab::emulator::fabric::EndpointId;

use crate::scene::{NSG, TABLE, lab, serve};
use crate::world::*;

const OPEN: &str = "no-nsg-and-system-route";
const PUBLIC: &str = "203.0.113.9";

/// A network with a cluster `aks` in `nodes`, a peered one, and interfaces to call: `vm` in a subnet
/// of its own, `mate` in the node subnet, `peer` in the peered network.
fn around(profile: Value, pools: &[(&str, &str)], table: &[(&str, &str, &str, &str)]) -> World {
    let mut world = World::default();
    world.table("table", table);
    world.nsg("pods-guard", &[]);
    let with_table = json!({ "routeTable": reference(TABLE, "table") });
    let guarded = json!({ "networkSecurityGroup": reference(NSG, "pods-guard") });
    world.vnet(
        "vnet",
        "10.1.0.0/16",
        &[
            ("nodes", "10.1.0.0/24", with_table),
            ("vms", "10.1.1.0/24", json!({})),
            ("more-nodes", "10.1.2.0/24", json!({})),
            ("pods", "10.1.8.0/21", guarded),
        ],
    );
    world.vnet("far", "10.2.0.0/16", &[("vms", "10.2.0.0/24", json!({}))]);
    world.peer("vnet", "far");
    world.interface("vm", "vnet/vms", "10.1.1.4", json!({}));
    world.interface("mate", "vnet/nodes", "10.1.0.100", json!({}));
    world.interface("peer", "far/vms", "10.2.0.4", json!({}));
    world.cluster("aks", profile, pools);
    world
}

async fn serve_all(lab: &vnetlab::lab::Lab, names: &[&str]) {
    for name in names {
        serve(lab, &named(name)).await;
    }
    serve(lab, &EndpointId::internet()).await;
}

#[tokio::test]
async fn kubenet_hides_its_pods_from_everything_but_pods() {
    let Some(lab) = lab() else { return };
    let profile = json!({ "networkPlugin": "kubenet", "podCidr": "10.244.0.0/16" });
    let mut world = around(
        profile,
        &[("vnet/nodes", "")],
        &[
            ("node0", "10.244.0.0/24", "VirtualAppliance", "10.1.0.4"),
            ("node1", "10.244.1.0/24", "VirtualAppliance", "10.1.0.5"),
        ],
    );
    world.node("node0", "aks", "vnet/nodes", ("10.1.0.4", "10.244.0.0/24"));
    world.node("node1", "aks", "vnet/nodes", ("10.1.0.5", "10.244.1.0/24"));
    world.pod("pod", "aks", "node0", "10.244.0.2");
    world.pod("mate-pod", "aks", "node0", "10.244.0.3");
    world.pod("far-pod", "aks", "node1", "10.244.1.2");
    world.apply(&lab).await;
    serve_all(&lab, &["vm", "mate", "peer", "mate-pod", "far-pod"]).await;
    expect(
        &lab,
        &[
            // R51, R68: among pods the pod is seen.
            ("pod", "10.244.0.3", &format!("10.244.0.2 | {OPEN}")),
            ("pod", "10.244.1.2", &format!("10.244.0.2 | {OPEN}")),
            // R52: exactly the pod range is spared, so in the node subnet too the node is seen.
            ("pod", "10.1.1.4", &format!("10.1.0.4 | {OPEN}")),
            ("pod", "10.1.0.100", &format!("10.1.0.4 | {OPEN}")),
            ("pod", "10.2.0.4", &format!("10.1.0.4 | {OPEN}")),
            ("pod", PUBLIC, &format!("192.0.2.1 | {OPEN}")),
            // A pod that is not there: its node says so, and nothing loops.
            ("pod", "10.244.1.99", "unreachable | nothing on record"),
            ("pod", "10.244.0.99", &format!("unreachable | {OPEN}")),
            ("pod", "10.244.9.9", "timeout | system/None 10.0.0.0/8"),
            // R53: the pods' range is nothing to the virtual network.
            ("vm", "10.244.1.2", "timeout | system/None 10.0.0.0/8"),
            ("peer", "10.244.1.2", "timeout | system/None 10.0.0.0/8"),
        ],
    )
    .await;
}

#[tokio::test]
async fn overlay_pods_cross_nodes_and_subnets_and_are_hidden_elsewhere() {
    let Some(lab) = lab() else { return };
    let profile = json!({ "networkPlugin": "azure", "networkPluginMode": "overlay", "podCidr": "10.244.0.0/16" });
    let pools = [("vnet/nodes", ""), ("vnet/more-nodes", "")];
    let mut world = around(profile.clone(), &pools, &[]);
    world.node("node0", "aks", "vnet/nodes", ("10.1.0.4", "10.244.0.0/24"));
    let more = ("10.1.2.4", "10.244.1.0/24");
    world.node("node1", "aks", "vnet/more-nodes", more);
    world.pod("pod", "aks", "node0", "10.244.0.2");
    world.pod("far-pod", "aks", "node1", "10.244.1.2");
    // R59: another cluster in the same subnet may use the same range.
    world.cluster("other", profile, &[("vnet/nodes", "")]);
    world.node(
        "other0",
        "other",
        "vnet/nodes",
        ("10.1.0.5", "10.244.0.0/24"),
    );
    world.node(
        "other1",
        "other",
        "vnet/nodes",
        ("10.1.0.6", "10.244.1.0/24"),
    );
    world.pod("other-pod", "other", "other0", "10.244.0.2");
    world.apply(&lab).await;
    serve_all(&lab, &["vm", "mate", "peer", "far-pod"]).await;
    expect(
        &lab,
        &[
            ("pod", "10.244.1.2", &format!("10.244.0.2 | {OPEN}")),
            // R60.
            ("pod", "10.1.1.4", &format!("10.1.0.4 | {OPEN}")),
            ("pod", "10.1.0.100", &format!("10.1.0.4 | {OPEN}")),
            ("pod", "10.2.0.4", &format!("10.1.0.4 | {OPEN}")),
            ("pod", PUBLIC, &format!("192.0.2.1 | {OPEN}")),
            ("other-pod", PUBLIC, &format!("192.0.2.2 | {OPEN}")),
            // The other cluster's range leads to its own nodes, where no such pod is.
            ("other-pod", "10.244.1.2", "unreachable | nothing on record"),
            // R61: not from the virtual network, not even from the node subnet.
            ("vm", "10.244.1.2", "timeout | system/None 10.0.0.0/8"),
            ("mate", "10.244.1.2", "timeout | system/None 10.0.0.0/8"),
        ],
    )
    .await;
}

#[tokio::test]
async fn pods_of_the_node_subnet_are_seen_in_the_network_and_hidden_beyond() {
    let Some(lab) = lab() else { return };
    let profile = json!({ "networkPlugin": "azure" });
    let mut world = around(profile, &[("vnet/nodes", "")], &[]);
    world.node("node0", "aks", "vnet/nodes", ("10.1.0.4", ""));
    world.node("node1", "aks", "vnet/nodes", ("10.1.0.5", ""));
    world.pod("pod", "aks", "node0", "10.1.0.20");
    world.pod("far-pod", "aks", "node1", "10.1.0.30");
    world.apply(&lab).await;
    serve_all(&lab, &["vm", "mate", "peer", "pod", "far-pod"]).await;
    expect(
        &lab,
        &[
            // R57.
            ("pod", "10.1.0.30", &format!("10.1.0.20 | {OPEN}")),
            ("pod", "10.1.1.4", &format!("10.1.0.20 | {OPEN}")),
            ("pod", "10.2.0.4", &format!("10.1.0.4 | {OPEN}")),
            ("pod", PUBLIC, &format!("192.0.2.1 | {OPEN}")),
            // R56: and they can be called, from a peered network too.
            ("vm", "10.1.0.20", &format!("10.1.1.4 | {OPEN}")),
            ("peer", "10.1.0.20", &format!("10.2.0.4 | {OPEN}")),
            ("vm", "10.1.0.21", "timeout | no-endpoint-at-address"),
        ],
    )
    .await;
}

/// As above, with the pods in a subnet of their own.
fn pod_subnet() -> World {
    let profile = json!({ "networkPlugin": "azure" });
    let mut world = around(profile, &[("vnet/nodes", "vnet/pods")], &[]);
    world.node("node0", "aks", "vnet/nodes", ("10.1.0.4", ""));
    world.node("node1", "aks", "vnet/nodes", ("10.1.0.5", ""));
    world.pod("pod", "aks", "node0", "10.1.8.4");
    world.pod("mate-pod", "aks", "node0", "10.1.8.5");
    world.pod("far-pod", "aks", "node1", "10.1.8.6");
    world
}

#[tokio::test]
async fn pods_of_a_pod_subnet_are_seen_everywhere_and_meet_its_group() {
    let Some(lab) = lab() else { return };
    let world = pod_subnet();
    world.apply(&lab).await;
    let all = ["vm", "mate", "peer", "pod", "mate-pod", "far-pod", "node0"];
    serve_all(&lab, &all).await;
    let (out, inside) = (
        "pods-guard/AllowVnetOutBound outbound",
        "pods-guard/AllowVnetInBound inbound",
    );
    expect(
        &lab,
        &[
            // R58.
            ("pod", "10.1.1.4", &format!("10.1.8.4 | {out}")),
            ("pod", "10.2.0.4", &format!("10.1.8.4 | {out}")),
            ("pod", "10.1.0.100", &format!("10.1.8.4 | {out}")),
            ("pod", "10.1.8.6", &format!("10.1.8.4 | {inside}")),
            ("vm", "10.1.8.4", &format!("10.1.1.4 | {inside}")),
            ("peer", "10.1.8.4", &format!("10.2.0.4 | {inside}")),
            (
                "pod",
                PUBLIC,
                "192.0.2.1 | pods-guard/AllowInternetOutBound outbound",
            ),
            // R68: on one node no group is met.
            ("pod", "10.1.8.5", &format!("10.1.8.4 | {OPEN}")),
            // The node itself is in the node subnet, which has no group.
            ("vm", "10.1.0.4", &format!("10.1.1.4 | {OPEN}")),
            ("node0", "10.1.1.4", &format!("10.1.0.4 | {OPEN}")),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_routes_and_the_group_of_the_pod_subnet_apply_to_pods_and_not_to_nodes() {
    let Some(lab) = lab() else { return };
    let mut world = pod_subnet();
    world.table("pod-table", &[("drop-vms", "10.1.1.0/24", "None", "")]);
    world.nsg(
        "pods-guard",
        &[("shut", 100, "Inbound", "Deny", "*", "10.2.0.0/16", "*", "*")],
    );
    let vnet = world
        .0
        .resources
        .iter_mut()
        .find(|one| one.id == at(crate::scene::VNET, "vnet"));
    let subnets = vnet.unwrap().body["properties"]["subnets"]
        .as_array_mut()
        .unwrap();
    subnets[3]["properties"]["routeTable"] = reference(TABLE, "pod-table");
    world.apply(&lab).await;
    serve_all(&lab, &["vm", "pod", "node0"]).await;
    expect(
        &lab,
        &[
            (
                "pod",
                "10.1.1.4",
                "timeout | pod-table/drop-vms 10.1.1.0/24",
            ),
            (
                "vm",
                "10.1.8.4",
                "timeout | pod-table/drop-vms 10.1.1.0/24 return",
            ),
            ("node0", "10.1.1.4", &format!("10.1.0.4 | {OPEN}")),
            ("peer", "10.1.8.4", "timeout | pods-guard/shut inbound"),
            ("peer", "10.1.0.4", &format!("10.2.0.4 | {OPEN}")),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_outbound_type_says_whether_a_cluster_gets_out() {
    let Some(lab) = lab() else { return };
    for (kind, expected) in [
        ("loadBalancer", "192.0.2.1 | no-nsg-and-system-route"),
        ("managedNATGateway", "192.0.2.1 | no-nsg-and-system-route"),
        ("block", "timeout | no-explicit-outbound"),
        // What is left to the subnet: this one has default outbound access (R42).
        ("none", "192.0.2.1 | no-nsg-and-system-route"),
    ] {
        let profile = json!({ "networkPlugin": "kubenet", "outboundType": kind });
        let mut world = around(profile, &[("vnet/nodes", "")], &[]);
        world.0.endpoints.clear();
        world.node("node0", "aks", "vnet/nodes", ("10.1.0.4", "10.244.0.0/24"));
        world.pod("pod", "aks", "node0", "10.244.0.2");
        world.apply(&lab).await;
        if kind == "loadBalancer" {
            serve(&lab, &EndpointId::internet()).await;
        }
        expect(&lab, &[("pod", PUBLIC, expected)]).await;
    }
    use vnetlab::emulator::fabric::Fabric;
    let profile = json!({ "networkPlugin": "kubenet", "outboundType": "pigeon" });
    let mut world = around(profile, &[("vnet/nodes", "")], &[]);
    world.node("node0", "aks", "vnet/nodes", ("10.1.0.4", ""));
    let error = lab.apply(&world.0).await.unwrap_err().to_string();
    assert!(error.contains("`pigeon`"), "{error}");
}
