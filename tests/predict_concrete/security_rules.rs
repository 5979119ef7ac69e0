//! Network security groups and what their rules match (R1 to R24).

use serde_json::json;
use vnetlab::arm::{Question, Resource};
use vnetlab::net::Protocol;
use vnetlab::verdict::{Outcome, Predicted};

use crate::network::*;

fn two_groups(a: &[&str], b: &[&str]) -> Vec<Resource> {
    vec![
        vnet(
            "v",
            &["10.1.0.0/16"],
            &["a: 10.1.0.0/24 nsg=na", "b: 10.1.1.0/24 nsg=nb"],
        ),
        nsg("na", a),
        nsg("nb", b),
        aci("from", "v/a"),
        aci("to", "v/b"),
    ]
}

fn between() -> Question {
    call(group("from"), group("to"))
}

const DEFAULT: &str = "reachable | nb/inbound/AllowVnetInBound | 10.1.0.4";

#[test]
fn r2_the_lowest_priority_decides_whatever_the_order_of_the_list() {
    let rules = [
        "z in 300 deny * * -> * *",
        "y in 200 allow * * -> * *",
        "x in 250 deny * * -> * *",
    ];
    assert_eq!(
        said(&two_groups(&[], &rules), &between()),
        "reachable | nb/inbound/y | 10.1.0.4"
    );
}

#[test]
fn r4_default_rules_admit_the_virtual_network_both_ways() {
    let prediction = answer(&two_groups(&[], &[]), &between());
    assert_eq!(line(&prediction), DEFAULT);
    let path = prediction.path.iter().map(|rule| rule.rule.as_str());
    assert_eq!(
        path.collect::<Vec<_>>(),
        ["AllowVnetOutBound", "AllowVnetInBound"]
    );
}

#[test]
fn r4_r21_private_space_beyond_the_virtual_network_falls_to_the_last_default_rule() {
    assert_eq!(
        said(
            &two_groups(&[], &[]),
            &call_address(group("from"), "10.9.0.4")
        ),
        "timeout | na/outbound/DenyAllOutBound | -"
    );
}

#[test]
fn r6_port_ranges_are_inclusive() {
    for (ports, outcome) in [
        ("80", "reachable"),
        ("79-80", "reachable"),
        ("80-90", "reachable"),
        ("81-90", "timeout"),
        ("1-79", "timeout"),
    ] {
        let some = format!("some in 100 allow Tcp * -> * {ports}");
        let rules = [some.as_str(), "rest in 200 deny * * -> * *"];
        let said = said(&two_groups(&[], &rules), &between());
        assert!(said.starts_with(outcome), "{ports}: {said}");
    }
}

#[test]
fn r6_a_rule_for_some_random_source_ports_leaves_the_answer_open() {
    let mut network = two_groups(&[], &[]);
    network[2].body["properties"]["securityRules"] = json!([{ "name": "high", "properties": {
        "direction": "Inbound", "priority": 100, "access": "Deny", "protocol": "Tcp",
        "sourceAddressPrefix": "*", "sourcePortRange": "50000-60000",
        "destinationAddressPrefix": "*", "destinationPortRange": "*",
    }}]);
    assert_eq!(
        readings(&answer(&network, &between())),
        [
            "timeout: R6: the caller's random port lies in the source ports of `high`",
            "reachable: R6: the caller's random port lies outside the source ports of `high`",
        ]
    );
}

#[test]
fn r8_the_protocol_is_compared_without_case() {
    let network = two_groups(&["out out 100 allow TCP * -> * 80"], &[]);
    let path = answer(&network, &between()).path;
    assert_eq!(path[0].rule, "out");
}

#[test]
fn r8_any_holds_icmp_and_leaves_esp_open() {
    let ping = ping(group("from"), group("to"));
    let esp = Question {
        protocol: Protocol::Esp,
        ..ping.clone()
    };
    let none = two_groups(&[], &["none in 100 deny * * -> * *"]);
    assert_eq!(said(&none, &ping), "timeout | nb/inbound/none | -");
    assert_eq!(
        answer(&none, &esp).outcome,
        Predicted::Is(Outcome::Timeout),
        "no reading lets it pass"
    );
    let some = two_groups(&[], &["some in 100 allow * * -> * *"]);
    assert_eq!(
        readings(&answer(&some, &esp)),
        [
            "reachable: R8: protocol * holds esp",
            "timeout: R8: protocol * holds TCP, UDP and ICMP, not esp",
        ]
    );
}

#[test]
fn r9_icmp_against_a_rule_with_a_port_is_undetermined_and_against_star_is_not() {
    let ping = ping(group("from"), group("to"));
    let network = two_groups(&[], &["p in 100 deny * * -> * 80"]);
    assert_eq!(
        readings(&answer(&network, &ping)),
        [
            "timeout: R9: a rule with a port matches icmp",
            "reachable: R9: a rule with a port does not match icmp",
        ]
    );
    let network = two_groups(&[], &["p in 100 deny Icmp * -> * *"]);
    assert_eq!(said(&network, &ping), "timeout | nb/inbound/p | -");
    assert_eq!(said(&network, &between()), DEFAULT, "tcp is not icmp");
}

#[test]
fn r9_an_open_question_that_changes_no_outcome_leaves_only_the_rule_open() {
    let network = two_groups(&[], &["p in 100 allow * * -> * 80"]);
    let prediction = answer(&network, &ping(group("from"), group("to")));
    assert_eq!(line(&prediction), "reachable | - | 10.1.0.4");
    assert_eq!(prediction.path.len(), 1, "the part that all readings share");
}

#[test]
fn r11_the_reply_needs_no_rule() {
    let no_in = ["none in 100 deny * * -> * *"];
    let no_out = ["none out 100 deny * * -> * *"];
    assert_eq!(said(&two_groups(&no_in, &no_out), &between()), DEFAULT);
}

#[test]
fn r14_r16_the_outbound_rules_of_the_caller_come_first() {
    let out = ["no-out out 100 deny * * -> * *"];
    let inbound = ["no-in in 100 deny * * -> * *"];
    assert_eq!(
        said(&two_groups(&out, &inbound), &between()),
        "timeout | na/outbound/no-out | -"
    );
}

#[test]
fn r15_rules_of_a_subnet_stop_traffic_within_it() {
    let network = [
        vnet("v", &["10.1.0.0/16"], &["a: 10.1.0.0/24 nsg=na"]),
        nsg(
            "na",
            &["no-intra in 100 deny * 10.1.0.0/24 -> 10.1.0.0/24 *"],
        ),
        aci("from", "v/a"),
        aci("to", "v/a"),
    ];
    assert_eq!(
        said(&network, &between()),
        "timeout | na/inbound/no-intra | -"
    );
}

#[test]
fn r13_without_groups_the_system_route_alone_lets_it_pass() {
    let network = [
        vnet("v", &["10.1.0.0/16"], &["a: 10.1.0.0/24"]),
        aci("from", "v/a"),
        aci("to", "v/a"),
    ];
    assert_eq!(
        said(&network, &between()),
        "reachable | no-nsg-and-system-route | 10.1.0.4"
    );
}

#[test]
fn r17_r18_own_routes_are_in_virtualnetwork_and_other_or_default_routes_leave_it_open() {
    let with = |route: &str, a: &str, b: &str| {
        let mut network = two_groups(&["vnet out 100 deny * * -> VirtualNetwork *"], &[]);
        let a = format!("a: 10.1.0.0/24 nsg=na nat=n{a}");
        let b = format!("b: 10.1.1.0/24 nsg=nb{b}");
        network[0] = vnet("v", &["10.1.0.0/16"], &[&a, &b]);
        network.push(routes("t", &[route]));
        network
    };
    let there = call_address(group("from"), "203.0.113.9");
    let own = with("r 203.0.113.0/24 Internet", " routes=t", "");
    assert_eq!(said(&own, &there), "timeout | na/outbound/vnet | -");
    let other = with("r 203.0.113.0/24 Internet", "", " routes=t");
    assert_eq!(
        readings(&answer(&other, &there)),
        [
            "timeout: R18: routes of other subnets count in VirtualNetwork",
            "reachable: R18: only the subnet's own routes count in VirtualNetwork",
        ]
    );
    let default = with("r 0.0.0.0/0 Internet", " routes=t", "");
    assert_eq!(
        readings(&answer(&default, &there)),
        [
            "timeout: R18: a user-defined route 0.0.0.0/0 makes VirtualNetwork hold every address",
            "reachable: R17: a user-defined route 0.0.0.0/0 leaves VirtualNetwork as it is",
        ]
    );
}

#[test]
fn r20_the_load_balancer_tag_admits_no_client() {
    let rules = [
        "lb in 100 allow * azureloadbalancer -> * *",
        "rest in 200 deny * * -> * *",
    ];
    assert_eq!(
        said(&two_groups(&[], &rules), &between()),
        "timeout | nb/inbound/rest | -"
    );
}

#[test]
fn r21_internet_is_public_space_outside_the_virtual_network() {
    let mut network = two_groups(&["no out 100 deny * * -> Internet *"], &[]);
    network[0] = vnet(
        "v",
        &["10.1.0.0/16", "20.0.0.0/16"],
        &["a: 10.1.0.0/24 nsg=na nat=n", "b: 20.0.1.0/24 nsg=nb"],
    );
    let outside = call_address(group("from"), "20.1.0.9");
    assert_eq!(said(&network, &outside), "timeout | na/outbound/no | -");
    assert_eq!(
        said(&network, &between()),
        DEFAULT,
        "public space of the virtual network is not Internet"
    );
}

#[test]
fn r22_dns_of_the_platform_is_exempt_unless_a_rule_names_it() {
    let dns = call_address(group("from"), "168.63.129.16");
    let network = two_groups(&["all out 100 deny * * -> * *"], &[]);
    assert_eq!(
        said(&network, &dns),
        "reachable | platform-exempt | 10.1.0.4"
    );
    let network = two_groups(&["dns out 100 deny * * -> AzurePlatformDNS *"], &[]);
    assert_eq!(said(&network, &dns), "timeout | na/outbound/dns | -");
    let metadata = call_address(group("from"), "169.254.169.254");
    assert_eq!(
        said(&network, &metadata),
        "reachable | platform-exempt | 10.1.0.4"
    );
}

#[test]
fn r23_a_tag_without_pinned_contents_is_undetermined() {
    let network = two_groups(&["s out 100 deny * * -> Storage.EastUS *"], &[]);
    assert_eq!(
        readings(&answer(&network, &between())),
        [
            "timeout: R23: the current contents of tag Storage.EastUS hold 10.1.1.4",
            "reachable: R23: the current contents of tag Storage.EastUS do not hold 10.1.1.4",
        ]
    );
}

#[test]
fn r23_more_open_questions_than_can_be_tried_are_undetermined_too() {
    let rules = (0..100)
        .map(|i| format!("r{i} in {} allow * Tag{i} -> * *", 100 + i))
        .collect::<Vec<_>>();
    let rules = rules.iter().map(String::as_str).collect::<Vec<_>>();
    let prediction = answer(&two_groups(&[], &rules), &between());
    assert_eq!(prediction.outcome, Predicted::Undetermined);
}

#[test]
fn r24_application_security_groups_match_no_container_group() {
    let mut network = two_groups(&[], &[]);
    network[2].body["properties"]["securityRules"] = json!([{ "name": "asg", "properties": {
        "direction": "Inbound", "priority": 100, "access": "Deny", "protocol": "*",
        "sourceApplicationSecurityGroups": [id("applicationSecurityGroups", "web")],
        "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*",
    }}]);
    assert_eq!(said(&network, &between()), DEFAULT);
}

#[test]
fn r28_names_and_ids_compare_without_case() {
    let mut network = two_groups(&[], &["no in 100 deny * * -> * *"]);
    let subnets = ["A: 10.1.0.0/24 nsg=NA", "B: 10.1.1.0/24 nsg=NB"];
    network[0] = vnet("V", &["10.1.0.0/16"], &subnets);
    assert_eq!(said(&network, &between()), "timeout | nb/inbound/no | -");
}
