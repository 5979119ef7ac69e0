//! The two gates of a port, what is exempt from them, and what tags stand for.

use serde_json::{Value, json};
use vnetlab::emulator::fabric::{EndpointId, Fabric};

use crate::scene::{ALLOWED, DENIED, NSG, answers, ip, lab, seen_from, serve, story};
use crate::world::*;

type Rules<'a> = [PortRule<'a>];

const SHUT_IN: PortRule<'_> = ("shut", 100, "Inbound", "Deny", "*", "*", "*", "*");
const SHUT_OUT: PortRule<'_> = ("shut", 100, "Outbound", "Deny", "*", "*", "*", "*");

/// Two interfaces of one subnet: the group `subnet` guards both, `caller-nic` and `target-nic` one each.
fn gated(subnet: &Rules<'_>, caller: &Rules<'_>, target: &Rules<'_>) -> World {
    let mut world = World::default();
    world.nsg("subnet", subnet);
    world.nsg("caller-nic", caller);
    world.nsg("target-nic", target);
    let guard = |name: &str| json!({ "networkSecurityGroup": reference(NSG, name) });
    world.vnet(
        "vnet",
        "10.1.0.0/16",
        &[("net", "10.1.0.0/24", guard("subnet"))],
    );
    world.interface("caller", "vnet/net", "10.1.0.4", guard("caller-nic"));
    world.interface("target", "vnet/net", "10.1.0.5", guard("target-nic"));
    world
}

#[tokio::test]
async fn a_packet_meets_four_gates_in_azures_order() {
    let Some(lab) = lab() else { return };
    gated(&[], &[], &[]).apply(&lab).await;
    serve(&lab, &named("target")).await;
    let to = "10.1.0.5:80".parse().unwrap();
    let dial = lab.dial(&named("caller"), to, ALLOWED, Some("n")).await;
    assert_eq!(seen_from(&mut dial.unwrap()).await, ip("10.1.0.4"));
    let evidence = lab.evidence("n").await.unwrap();
    let gates = evidence
        .rules()
        .map(|rule| format!("{}/{}", rule.nsg, rule.rule));
    // R14 on the way out, R13 on the way in.
    assert_eq!(
        gates.collect::<Vec<_>>(),
        [
            "caller-nic/AllowVnetOutBound",
            "subnet/AllowVnetOutBound",
            "subnet/AllowVnetInBound",
            "target-nic/AllowVnetInBound",
        ]
    );
    assert_eq!(
        story(&evidence)[0],
        "SYN 10.1.0.4 -> 10.1.0.5 leaving network interface caller: allow AllowVnetOutBound"
    );
}

#[tokio::test]
async fn each_gate_can_deny_and_the_first_that_does_is_named() {
    let Some(lab) = lab() else { return };
    let (open, shut_in, shut_out) = (&[][..], &[SHUT_IN][..], &[SHUT_OUT][..]);
    let both = &[SHUT_IN, SHUT_OUT][..];
    for (subnet, caller, target, expected) in [
        (open, shut_out, open, "timeout | caller-nic/shut outbound"),
        (shut_out, open, open, "timeout | subnet/shut outbound"),
        (shut_in, open, open, "timeout | subnet/shut inbound"),
        (open, open, shut_in, "timeout | target-nic/shut inbound"),
        (both, both, both, "timeout | caller-nic/shut outbound"),
        (shut_in, open, shut_in, "timeout | subnet/shut inbound"),
        // An inbound rule does not judge what leaves, nor an outbound one what enters.
        (
            open,
            shut_in,
            shut_out,
            "refused | target-nic/AllowVnetInBound inbound",
        ),
    ] {
        gated(subnet, caller, target).apply(&lab).await;
        expect(&lab, &[("caller", "10.1.0.5", expected)]).await;
    }
}

#[tokio::test]
async fn a_rule_for_a_port_judges_that_port_alone() {
    let Some(lab) = lab() else { return };
    let web = (
        "web", 100, "Inbound", "Allow", "Tcp", "10.1.0.4", "10.1.0.5", "80-81",
    );
    let rest = ("rest", 200, "Inbound", "Deny", "*", "*", "*", "*");
    let world = gated(&[], &[], &[web, rest]);
    world.apply(&lab).await;
    expect(
        &lab,
        &[("caller", "10.1.0.5", "refused | target-nic/web inbound")],
    )
    .await;
    let other = "10.1.0.5:82".parse().unwrap();
    let dial = lab.dial(&named("caller"), other, DENIED, Some("n")).await;
    assert!(dial.is_err());
    let evidence = lab.evidence("n").await.unwrap();
    assert_eq!(evidence.by.unwrap().rule().unwrap().rule, "rest");
    // R8: a rule for another protocol does not judge TCP.
    let udp = (
        "web", 100, "Inbound", "Allow", "Udp", "10.1.0.4", "10.1.0.5", "80-81",
    );
    gated(&[], &[], &[udp, rest]).apply(&lab).await;
    expect(
        &lab,
        &[("caller", "10.1.0.5", "timeout | target-nic/rest inbound")],
    )
    .await;
}

#[tokio::test]
async fn the_platform_is_reached_whatever_the_groups_say() {
    let Some(lab) = lab() else { return };
    gated(&[SHUT_OUT], &[SHUT_OUT], &[]).apply(&lab).await;
    expect(
        &lab,
        &[
            // R22.
            ("caller", "168.63.129.16", "refused | platform-exempt"),
            ("caller", "169.254.169.254", "refused | platform-exempt"),
            (
                "caller",
                "168.63.129.17",
                "timeout | caller-nic/shut outbound",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_leaves_for_the_internet_meets_the_tag_before_its_way_out() {
    let Some(lab) = lab() else { return };
    let shut = (
        "no-internet",
        100,
        "Outbound",
        "Deny",
        "*",
        "*",
        "Internet",
        "*",
    );
    let world = gated(&[], &[shut], &[]);
    world.apply(&lab).await;
    serve(&lab, &EndpointId::internet()).await;
    serve(&lab, &named("target")).await;
    expect(
        &lab,
        &[
            (
                "caller",
                "203.0.113.9",
                "timeout | caller-nic/no-internet outbound",
            ),
            (
                "target",
                "203.0.113.9",
                "192.0.2.1 | subnet/AllowInternetOutBound outbound",
            ),
            // R21: private space outside of the network is no tag's.
            (
                "target",
                "10.9.0.4",
                "timeout | target-nic/DenyAllOutBound outbound",
            ),
            (
                "caller",
                "10.1.0.5",
                "10.1.0.4 | target-nic/AllowVnetInBound inbound",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn only_azures_load_balancer_is_azure_load_balancer() {
    let Some(lab) = lab() else { return };
    // R25: a rule for the tag admits no client.
    let probes = (
        "probes",
        100,
        "Inbound",
        "Allow",
        "*",
        "AzureLoadBalancer",
        "*",
        "*",
    );
    let rest = ("rest", 200, "Inbound", "Deny", "*", "*", "*", "*");
    gated(&[probes, rest], &[], &[]).apply(&lab).await;
    expect(
        &lab,
        &[("caller", "10.1.0.5", "timeout | subnet/rest inbound")],
    )
    .await;
}

#[tokio::test]
async fn a_rule_for_an_application_security_group_judges_its_members() {
    let Some(lab) = lab() else { return };
    let mut world = gated(&[], &[], &[]);
    let asg = reference("Microsoft.Network/applicationSecurityGroups", "web");
    let by_asg = json!({ "name": "only-web", "properties": {
        "priority": 100, "direction": "Inbound", "access": "Deny", "protocol": "*",
        "sourceApplicationSecurityGroups": [asg], "sourcePortRange": "*",
        "destinationAddressPrefix": "*", "destinationPortRange": "*",
    }});
    let place = world
        .0
        .resources
        .iter_mut()
        .find(|one| one.id == at(NSG, "target-nic"));
    place.unwrap().body["properties"]["securityRules"] = json!([by_asg]);
    world.interface("other", "vnet/net", "10.1.0.6", json!({}));
    world.apply(&lab).await;
    // R24: a group without members judges nobody.
    let open = "refused | target-nic/AllowVnetInBound inbound";
    expect(&lab, &[("caller", "10.1.0.5", open)]).await;
    let configuration = |asg: &Value| json!([{ "name": "ip", "properties": { "applicationSecurityGroups": [asg] } }]);
    let member = json!({ "ipConfigurations": configuration(&asg) });
    world.interface("caller", "vnet/net", "10.1.0.4", member);
    world.apply(&lab).await;
    expect(
        &lab,
        &[
            (
                "caller",
                "10.1.0.5",
                "timeout | target-nic/only-web inbound",
            ),
            ("other", "10.1.0.5", open),
        ],
    )
    .await;
}

#[tokio::test]
async fn flushing_judges_open_flows_again_at_either_gate() {
    let Some(lab) = lab() else { return };
    let mut world = gated(&[], &[], &[]);
    world.apply(&lab).await;
    serve(&lab, &named("target")).await;
    let to = "10.1.0.5:80".parse().unwrap();
    let mut open = lab.dial(&named("caller"), to, ALLOWED, None).await.unwrap();
    seen_from(&mut open).await;
    // R12: at the gate of an interface, too, the flow lives on until the group flushes.
    world.nsg("target-nic", &[SHUT_IN]);
    world.apply(&lab).await;
    assert!(answers(&mut open, ALLOWED).await);
    let group = world
        .0
        .resources
        .iter_mut()
        .find(|one| one.id == at(NSG, "target-nic"));
    group.unwrap().body["properties"]["flushConnection"] = json!(true);
    world.apply(&lab).await;
    assert!(!answers(&mut open, DENIED).await);
}

#[tokio::test]
async fn what_swallows_a_packet_off_the_record_is_not_pinned_on_the_last_rule() {
    let Some(lab) = lab() else { return };
    let mut world = gated(&[], &[], &[]);
    // Every rule lets the packet pass; then its node finds no such pod.
    world.cluster(
        "aks",
        json!({ "networkPlugin": "kubenet" }),
        &[("vnet/net", "")],
    );
    world.node("node", "aks", "vnet/net", ("10.1.0.9", "10.244.0.0/24"));
    world.table(
        "pods",
        &[("pods", "10.244.0.0/24", "VirtualAppliance", "10.1.0.9")],
    );
    let vnet = world
        .0
        .resources
        .iter_mut()
        .find(|one| one.id == at(crate::scene::VNET, "vnet"));
    let subnets = &mut vnet.unwrap().body["properties"]["subnets"];
    subnets[0]["properties"]["routeTable"] = reference(crate::scene::TABLE, "pods");
    world.apply(&lab).await;
    expect(
        &lab,
        &[("caller", "10.244.0.77", "unreachable | nothing on record")],
    )
    .await;
}
