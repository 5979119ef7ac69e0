//! Next hops of type `VirtualAppliance`: who has the address, and what becomes of the packet (R38, R41).

use serde_json::json;
use vnetlab::arm::{Forwarder, Question, Resource, ResourceKey};
use vnetlab::verdict::Prediction;

use crate::network::*;

/// A hub with a firewall at 10.0.1.4, two spokes whose traffic to each other goes over it.
fn hub_and_spokes(forwarding: bool, forwarded_traffic: bool) -> Vec<Resource> {
    let flag = json!({ "allowForwardedTraffic": forwarded_traffic });
    vec![
        vnet("hub", &["10.0.0.0/16"], &["fw: 10.0.1.0/24 nsg=open"]),
        vnet("a", &["10.1.0.0/16"], &["s: 10.1.0.0/24 routes=to-b"]),
        vnet("b", &["10.2.0.0/16"], &["s: 10.2.0.0/24 routes=to-a"]),
        nsg(
            "open",
            &["in in 100 allow * * -> * *", "out out 100 allow * * -> * *"],
        ),
        routes("to-b", &["east-west 10.2.0.0/16 VirtualAppliance 10.0.1.4"]),
        routes("to-a", &["east-west 10.1.0.0/16 VirtualAppliance 10.0.1.4"]),
        peering("a>hub", flag.clone()),
        peering("hub>a", flag.clone()),
        peering("b>hub", flag.clone()),
        peering("hub>b", flag),
        nic(
            "firewall",
            "hub/fw",
            json!({ "privateIPAddress": "10.0.1.4" }),
            json!({ "enableIPForwarding": forwarding }),
        ),
        aci("from", "a/s"),
        aci("to", "b/s"),
    ]
}

fn between() -> Question {
    call(group("from"), group("to"))
}

fn through(translates: bool) -> Question {
    Question {
        forwarders: vec![Forwarder {
            interface: ResourceKey::new(NIC, "firewall"),
            translates,
        }],
        ..between()
    }
}

fn via(prediction: &Prediction) -> Vec<String> {
    let hops = prediction.via.iter();
    hops.map(|hop| format!("{} at {}", hop.name, hop.address))
        .collect()
}

#[test]
fn r38_an_appliance_that_is_known_to_forward_is_a_hop_with_its_own_rules() {
    let prediction = answer(&hub_and_spokes(true, true), &through(false));
    assert_eq!(
        line(&prediction),
        "reachable | open/outbound/out | 10.1.0.4"
    );
    assert_eq!(
        via(&prediction),
        ["network interface `firewall` at 10.0.1.4"]
    );
    let rules = prediction.path.iter().map(|rule| rule.rule.as_str());
    assert_eq!(rules.collect::<Vec<_>>(), ["in", "out"]);
}

#[test]
fn r38_an_appliance_that_translates_is_seen_in_place_of_the_caller() {
    let prediction = answer(&hub_and_spokes(true, true), &through(true));
    assert_eq!(
        line(&prediction),
        "reachable | open/outbound/out | 10.0.1.4"
    );
}

#[test]
fn r41_what_an_appliance_translates_originates_in_the_hub_but_its_reply_does_not() {
    let with = |side: &str| {
        let mut network = hub_and_spokes(true, true);
        let index = network.iter().position(|one| one.name == side).unwrap();
        network[index].body["properties"]["allowForwardedTraffic"] = json!(false);
        answer(&network, &through(true)).outcome.word()
    };
    assert_eq!(with("b/to-hub"), "reachable");
    assert_eq!(with("a/to-hub"), "undetermined");
}

#[test]
fn r38_without_ip_forwarding_azure_discards_the_packet() {
    assert_eq!(
        said(&hub_and_spokes(false, true), &through(false)),
        "timeout | ip-forwarding-off | -"
    );
}

#[test]
fn r38_what_the_guest_does_is_undetermined_unless_the_question_says_so() {
    let prediction = answer(&hub_and_spokes(true, true), &between());
    assert_eq!(prediction.source, None);
    let firewall = "R38: the guest of network interface `firewall`";
    assert_eq!(
        readings(&prediction),
        [
            format!(
                "reachable: {firewall} forwards the packet; {firewall} keeps the source address"
            ),
            format!(
                "reachable: {firewall} forwards the packet; {firewall} puts its own address in place of the source"
            ),
            format!("timeout: {firewall} does not forward the packet"),
        ]
    );
}

#[test]
fn r13_r14_the_rules_in_front_of_an_appliance_stop_transit_both_ways() {
    for (rules, by) in [
        (
            ["in in 100 deny * * -> * *", "out out 100 allow * * -> * *"],
            "inbound/in",
        ),
        (
            ["in in 100 allow * * -> * *", "out out 100 deny * * -> * *"],
            "outbound/out",
        ),
    ] {
        let mut network = hub_and_spokes(true, true);
        network[3] = nsg("open", &rules);
        assert_eq!(
            said(&network, &through(false)),
            format!("timeout | open/{by} | -")
        );
    }
}

#[test]
fn r17_default_rules_of_the_hub_admit_transit_between_its_peers() {
    let mut network = hub_and_spokes(true, true);
    network[3] = nsg("open", &[]);
    assert_eq!(
        said(&network, &through(false)),
        "reachable | open/outbound/AllowVnetOutBound | 10.1.0.4"
    );
}

#[test]
fn r41_whether_a_peering_without_forwarded_traffic_drops_it_is_undetermined() {
    assert_eq!(
        readings(&answer(&hub_and_spokes(true, false), &through(false))),
        [
            "reachable: R41: a peering without allowForwardedTraffic lets forwarded packets pass, as was observed",
            "timeout: R41: a peering without allowForwardedTraffic drops forwarded packets, as documented",
        ]
    );
}

#[test]
fn r38_an_address_that_nobody_has_forwards_nothing() {
    let mut network = hub_and_spokes(true, true);
    network[4] = routes("to-b", &["east-west 10.2.0.0/16 VirtualAppliance 10.0.1.9"]);
    assert_eq!(
        said(&network, &through(false)),
        "timeout | to-b/east-west 10.2.0.0/16 | -"
    );
}

#[test]
fn r38_an_appliance_of_a_type_that_is_not_modelled_is_undetermined() {
    let mut network = hub_and_spokes(true, true);
    network[4] = routes("to-b", &["east-west 10.2.0.0/16 VirtualAppliance 10.0.1.9"]);
    network.push(resource(
        "Microsoft.Network/azureFirewalls",
        "azfw",
        json!({}),
    ));
    let prediction = answer(&network, &through(false));
    let readings = readings(&prediction);
    assert!(
        readings[0].starts_with("reachable: R38: an appliance at 10.0.1.9 forwards the packet"),
        "{readings:?}"
    );
}

#[test]
fn r38_a_container_group_forwards_nothing() {
    let mut network = hub_and_spokes(true, true);
    network[10] = aci("firewall", "hub/fw");
    assert_eq!(
        said(&network, &between()),
        "timeout | ip-forwarding-off | -"
    );
}

#[test]
fn r39_the_reply_goes_by_the_called_ones_table_too() {
    let mut network = hub_and_spokes(true, true);
    network[5] = routes("to-a", &["lost 10.1.0.0/16 None"]);
    assert_eq!(
        said(&network, &through(false)),
        "timeout | to-a/lost 10.1.0.0/16 back | -"
    );
    // Without any route back the spokes do not know each other.
    network[5] = routes("to-a", &[]);
    assert_eq!(
        said(&network, &through(false)),
        "timeout | system/None 10.0.0.0/8 back | -"
    );
    assert_eq!(
        said(&network, &through(true)),
        "reachable | open/outbound/out | 10.0.1.4",
        "the reply to the appliance needs no route to the caller"
    );
}

#[test]
fn r39_a_reply_over_an_appliance_that_did_not_see_the_request_is_undetermined() {
    let network = [
        vnet(
            "v",
            &["10.1.0.0/16"],
            &[
                "a: 10.1.0.0/24",
                "b: 10.1.1.0/24 routes=t",
                "fw: 10.1.2.0/24",
            ],
        ),
        routes("t", &["back 10.1.0.0/24 VirtualAppliance 10.1.2.4"]),
        nic(
            "firewall",
            "v/fw",
            json!({}),
            json!({ "enableIPForwarding": true }),
        ),
        aci("from", "v/a"),
        aci("to", "v/b"),
    ];
    assert_eq!(
        readings(&answer(&network, &between())),
        [
            "reachable: R39: network interface `firewall` passes a reply on whose request it has not seen",
            "timeout: R39: network interface `firewall` drops a reply whose request it has not seen",
        ]
    );
}

#[test]
fn r37_a_route_that_leads_back_to_its_own_appliance_is_a_loop() {
    let mut network = hub_and_spokes(true, true);
    network[0] = vnet("hub", &["10.0.0.0/16"], &["fw: 10.0.1.0/24 routes=to-b"]);
    assert_eq!(
        said(&network, &through(false)),
        "timeout | routing-loop | -"
    );
}

#[test]
fn r38_the_appliance_itself_can_be_called_over_a_route_that_names_it() {
    let mut network = hub_and_spokes(false, true);
    network[4] = routes("to-b", &["fw 10.0.1.4/32 VirtualAppliance 10.0.1.4"]);
    assert_eq!(
        said(&network, &call(group("from"), interface("firewall"))),
        "reachable | open/inbound/in | 10.1.0.4"
    );
}

/// A machine whose calls to the Internet go over a firewall with a public address.
fn egress_over_firewall(subnet: &str) -> Vec<Resource> {
    vec![
        vnet(
            "v",
            &["10.1.0.0/16"],
            &[
                "a: 10.1.0.0/24 routes=out",
                &format!("fw: 10.1.2.0/24{subnet}"),
            ],
        ),
        routes("out", &["all 0.0.0.0/0 VirtualAppliance 10.1.2.4"]),
        routes("back", &["lost 10.1.0.0/24 None"]),
        nic(
            "firewall",
            "v/fw",
            json!({ "publicIPAddress": id("publicIPAddresses", "p") }),
            json!({ "enableIPForwarding": true }),
        ),
        resource(
            "Microsoft.Network/publicIPAddresses",
            "p",
            json!({ "ipAddress": "20.0.0.9" }),
        ),
        aci("from", "v/a"),
    ]
}

#[test]
fn r38_r43_the_internet_sees_the_appliance_that_translates() {
    let out = |translates| Question {
        forwarders: through(translates).forwarders,
        ..call_address(group("from"), "8.8.8.8")
    };
    let network = egress_over_firewall("");
    assert_eq!(
        said(&network, &out(true)),
        "reachable | out/all 0.0.0.0/0 | 20.0.0.9"
    );
    assert_eq!(answer(&network, &out(false)).source, None);
    assert_eq!(
        said(&egress_over_firewall(" routes=back"), &out(true)),
        "timeout | back/lost 10.1.0.0/24 back | -"
    );
}

#[test]
fn a_forwarder_that_is_not_in_the_template_is_named() {
    let mut network = hub_and_spokes(true, true);
    network.remove(10);
    let error = vnetlab::predict::predict(&network, &Default::default(), &through(true));
    assert_eq!(
        error.unwrap_err().to_string(),
        "network interface `firewall` is not in the template"
    );
}
