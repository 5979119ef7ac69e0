//! Network interfaces of virtual machines: their own groups (R13, R14) and ASGs (R24).

use serde_json::{Value, json};
use vnetlab::arm::{Addresses, Question, Resource};
use vnetlab::net::Protocol;
use vnetlab::predict::predict;

use crate::network::*;

fn between() -> Question {
    call(interface("from"), interface("to"))
}

/// Two interfaces in subnets of their own, each with a group on the subnet and one on itself.
fn layered(rules: [&[&str]; 4]) -> Vec<Resource> {
    let own = |name: &str| json!({ "networkSecurityGroup": id("networkSecurityGroups", name) });
    vec![
        vnet(
            "v",
            &["10.1.0.0/16"],
            &["a: 10.1.0.0/24 nsg=sa", "b: 10.1.1.0/24 nsg=sb"],
        ),
        nic("from", "v/a", json!({}), own("ia")),
        nic("to", "v/b", json!({}), own("ib")),
        nsg("ia", rules[0]),
        nsg("sa", rules[1]),
        nsg("sb", rules[2]),
        nsg("ib", rules[3]),
    ]
}

#[test]
fn r13_r14_both_layers_must_allow_in_this_order() {
    let prediction = answer(&layered([&[], &[], &[], &[]]), &between());
    let groups = prediction.path.iter().map(|rule| rule.nsg.as_str());
    assert_eq!(groups.collect::<Vec<_>>(), ["ia", "sa", "sb", "ib"]);
    assert_eq!(
        line(&prediction),
        "reachable | ib/inbound/AllowVnetInBound | 10.1.0.4"
    );
    let out: &[&str] = &["no out 100 deny * * -> * *"];
    let inbound: &[&str] = &["no in 100 deny * * -> * *"];
    for (rules, by) in [
        ([out, out, inbound, inbound], "ia/outbound"),
        ([&[], out, inbound, inbound], "sa/outbound"),
        ([&[], &[], inbound, inbound], "sb/inbound"),
        ([&[], &[], &[], inbound], "ib/inbound"),
    ] {
        assert_eq!(
            said(&layered(rules), &between()),
            format!("timeout | {by}/no | -")
        );
    }
}

#[test]
fn r8_r9_every_protocol_passes_the_same_layers() {
    let network = layered([
        &[],
        &[],
        &[],
        &[
            "esp in 100 deny Esp * -> * *",
            "udp in 110 deny Udp * -> * 53",
        ],
    ]);
    // Whether the default rules of the layers before hold ESP is open, so only the outcome is sure.
    for (protocol, port, expected) in [
        (Protocol::Esp, None, "timeout | - | -"),
        (Protocol::Udp, Some(53), "timeout | ib/inbound/udp | -"),
        (
            Protocol::Udp,
            Some(54),
            "reachable | ib/inbound/AllowVnetInBound | 10.1.0.4",
        ),
        (
            Protocol::Icmp,
            None,
            "reachable | ib/inbound/AllowVnetInBound | 10.1.0.4",
        ),
    ] {
        let question = Question {
            protocol,
            port,
            ..between()
        };
        assert_eq!(said(&network, &question), expected, "{protocol}");
    }
    let ah = Question {
        protocol: Protocol::Ah,
        port: None,
        ..between()
    };
    assert_eq!(
        readings(&answer(&network, &ah)),
        [
            "reachable: R8: protocol * holds ah",
            "timeout: R8: protocol * holds TCP, UDP and ICMP, not ah",
        ]
    );
}

#[test]
fn r22_a_rule_of_the_interface_that_names_the_tag_reaches_platform_traffic_too() {
    let dns = call_address(interface("from"), "168.63.129.16");
    let rules: &[&str] = &["dns out 100 deny * * -> AzurePlatformDNS *"];
    assert_eq!(
        said(&layered([rules, &[], &[], &[]]), &dns),
        "timeout | ia/outbound/dns | -"
    );
}

#[test]
fn r31_addresses_are_fixed_told_or_assumed_in_this_order() {
    let mut network = layered([&[], &[], &[], &[]]);
    let subnet = |name: &str| network.iter().position(|r| r.name == name).unwrap();
    let from = subnet("from");
    network[from] = nic(
        "from",
        "v/a",
        json!({ "privateIPAddress": "10.1.0.77" }),
        json!({}),
    );
    assert_eq!(answer(&network, &between()).source, Some(ip("10.1.0.77")));
    let mut told = Addresses::default();
    for (name, address) in [("from", "10.1.0.78"), ("to", "10.1.1.78")] {
        let key = vnetlab::arm::ResourceKey::new(NIC, name);
        told.network_interfaces.insert(key, ip(address));
    }
    let prediction = predict(&network, &told, &between()).unwrap();
    assert_eq!(prediction.source, Some(ip("10.1.0.78")));
    assert!(!prediction.assumed);
}

#[test]
fn an_interface_that_has_no_place_is_named() {
    let mut network = layered([&[], &[], &[], &[]]);
    network.push(nic("lost", "gone/a", json!({}), json!({})));
    let error = |name: &str| {
        let question = call(interface(name), interface("to"));
        predict(&network, &Addresses::default(), &question)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error("nobody"),
        "network interface `nobody` is not in the template"
    );
    assert!(error("lost").contains("refers to"), "{}", error("lost"));
}

#[test]
fn a_virtual_machine_names_its_interface() {
    let mut network = layered([&[], &[], &[], &[]]);
    let names =
        json!({ "networkProfile": { "networkInterfaces": [id("networkInterfaces", "TO")] } });
    network.push(resource(
        "Microsoft.Compute/virtualMachines",
        "server",
        names,
    ));
    let question = Question {
        listens: vnetlab::arm::Listening::Unknown,
        ..between()
    };
    assert_eq!(
        readings(&answer(&network, &question)),
        [
            "reachable: something listens at network interface `to` of virtual machine `server`",
            "refused: nothing listens at network interface `to` of virtual machine `server`",
        ]
    );
}

/// Three tiers in one subnet, as the documentation of application security groups has them.
fn tiers(rules: Vec<Value>) -> Vec<Resource> {
    let member =
        |asg: &str| json!({ "applicationSecurityGroups": [id("applicationSecurityGroups", asg)] });
    let rules = rules
        .into_iter()
        .enumerate()
        .map(|(index, mut properties)| {
            properties["direction"] = json!("Inbound");
            properties["priority"] = json!(100 + index);
            properties["protocol"] = json!("*");
            properties["sourcePortRange"] = json!("*");
            properties["destinationPortRange"] = json!("*");
            json!({ "name": format!("rule-{index}"), "properties": properties })
        });
    let rules = rules.collect::<Vec<_>>();
    vec![
        vnet("v", &["10.1.0.0/16"], &["all: 10.1.0.0/24 nsg=tiers"]),
        resource(
            "Microsoft.Network/networkSecurityGroups",
            "tiers",
            json!({ "securityRules": rules }),
        ),
        nic("web", "v/all", member("asg-web"), json!({})),
        nic("logic", "v/all", member("asg-logic"), json!({})),
        nic("db", "v/all", member("asg-db"), json!({})),
    ]
}

#[test]
fn r24_a_rule_with_groups_applies_to_their_members_and_to_no_other_interface() {
    let asg = |name: &str| json!([id("applicationSecurityGroups", name)]);
    let allow = json!({
        "access": "Allow", "sourceApplicationSecurityGroups": asg("ASG-LOGIC"),
        "destinationApplicationSecurityGroups": asg("asg-db"),
    });
    let deny = json!({
        "access": "Deny", "sourceAddressPrefix": "*",
        "destinationApplicationSecurityGroups": asg("asg-db"),
    });
    let network = tiers(vec![allow, deny]);
    for (from, to, expected) in [
        ("logic", "db", "reachable | tiers/inbound/rule-0 | 10.1.0.5"),
        ("web", "db", "timeout | tiers/inbound/rule-1 | -"),
        (
            "web",
            "logic",
            "reachable | tiers/inbound/AllowVnetInBound | 10.1.0.6",
        ),
    ] {
        let question = call(interface(from), interface(to));
        assert_eq!(said(&network, &question), expected, "{from} to {to}");
    }
}

#[test]
fn r24_members_in_a_peered_network_are_undetermined() {
    let member = json!({ "applicationSecurityGroups": [id("applicationSecurityGroups", "asg")] });
    let mut group = nsg("n", &[]);
    group.body["properties"]["securityRules"] = json!([{ "name": "asg", "properties": {
        "direction": "Inbound", "priority": 100, "access": "Deny", "protocol": "*",
        "sourceApplicationSecurityGroups": [id("applicationSecurityGroups", "asg")],
        "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*",
    }}]);
    let network = [
        vnet("a", &["10.1.0.0/16"], &["s: 10.1.0.0/24"]),
        vnet("b", &["10.2.0.0/16"], &["s: 10.2.0.0/24 nsg=n"]),
        peering("a>b", json!({})),
        peering("b>a", json!({})),
        nic("from", "a/s", member, json!({})),
        nic("to", "b/s", json!({}), json!({})),
        group,
    ];
    assert_eq!(
        readings(&answer(&network, &between())),
        [
            "timeout: R24: rules of another virtual network see members of `asg`",
            "reachable: R24: rules of another virtual network do not see members of `asg`",
        ]
    );
}
