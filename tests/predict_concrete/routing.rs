//! Routes and what they lead to (R35 to R39).

use vnetlab::arm::{Addresses, Question, Resource};
use vnetlab::predict::predict;

use crate::network::*;

fn network(a: &str, b: &str, table: &[&str]) -> Vec<Resource> {
    let a = format!("a: 10.1.0.0/24{a}");
    let b = format!("b: 10.1.1.0/24{b}");
    vec![
        vnet("v", &["10.1.0.0/16"], &[&a, &b]),
        routes("t", table),
        aci("from", "v/a"),
        aci("to", "v/b"),
    ]
}

fn between() -> Question {
    call(group("from"), group("to"))
}

#[test]
fn r35_private_space_outside_the_virtual_network_is_dropped() {
    let network = network("", "", &[]);
    for (address, prefix) in [
        ("10.9.0.4", "10.0.0.0/8"),
        ("172.20.0.1", "172.16.0.0/12"),
        ("192.168.0.1", "192.168.0.0/16"),
        ("100.64.0.1", "100.64.0.0/10"),
    ] {
        assert_eq!(
            said(&network, &call_address(group("from"), address)),
            format!("timeout | system/None {prefix} | -")
        );
    }
}

#[test]
fn r35_a_virtual_network_that_covers_a_reserved_range_lifts_it() {
    let network = [
        vnet("v", &["10.0.0.0/7"], &["a: 10.1.0.0/24", "b: 11.0.0.0/24"]),
        aci("from", "v/a"),
    ];
    assert_eq!(
        said(&network, &call_address(group("from"), "10.9.0.4")),
        "timeout | no-endpoint-at-address | -"
    );
}

#[test]
fn r36_r37_a_route_to_none_drops_within_the_virtual_network() {
    let network = network(" routes=t", "", &["drop 10.1.1.0/24 None"]);
    assert_eq!(
        said(&network, &between()),
        "timeout | t/drop 10.1.1.0/24 | -"
    );
}

#[test]
fn r36_the_longest_prefix_wins_and_at_the_same_length_the_users() {
    let with = |table: &[&str]| network(" routes=t", "", table);
    let longer = with(&["drop 10.1.1.0/24 None", "keep 10.1.1.0/25 VnetLocal"]);
    assert_eq!(
        said(&longer, &between()),
        "reachable | t/keep 10.1.1.0/25 | 10.1.0.4"
    );
    let shorter = with(&["drop 10.0.0.0/8 None"]);
    assert_eq!(
        said(&shorter, &between()),
        "reachable | no-nsg-and-system-route | 10.1.0.4"
    );
    let same = with(&["drop 10.1.0.0/16 None"]);
    assert_eq!(said(&same, &between()), "timeout | t/drop 10.1.0.0/16 | -");
}

#[test]
fn r37_whether_a_gateway_carries_is_undetermined() {
    let table = ["vpn 10.1.1.0/24 VirtualNetworkGateway"];
    assert_eq!(
        readings(&answer(&network(" routes=t", "", &table), &between())),
        [
            "reachable: R37: a virtual network gateway carries the packet on to 10.1.1.4",
            "timeout: R37: no virtual network gateway carries the packet on to 10.1.1.4",
        ]
    );
    let back = network("", " routes=t", &["vpn 10.1.0.0/24 VirtualNetworkGateway"]);
    assert_eq!(
        readings(&answer(&back, &between()))[1],
        "timeout: R37: no virtual network gateway carries the reply on to 10.1.0.4"
    );
}

#[test]
fn r37_the_users_route_to_the_internet_takes_private_addresses_to_nobody() {
    let network = network(" routes=t", "", &["out 10.1.1.0/24 Internet"]);
    assert_eq!(
        said(&network, &between()),
        "timeout | t/out 10.1.1.0/24 | -"
    );
}

#[test]
fn r37_vnetlocal_leads_into_the_own_network_only() {
    let network = network(" routes=t", "", &["stay 10.9.0.0/16 VnetLocal"]);
    assert_eq!(
        said(&network, &call_address(group("from"), "10.9.0.4")),
        "timeout | t/stay 10.9.0.0/16 | -"
    );
}

#[test]
fn r37_an_unknown_next_hop_type_is_named() {
    let network = network(" routes=t", "", &["odd 10.1.1.0/24 Teleport"]);
    let error = predict(&network, &Addresses::default(), &between()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the answer depends on route `odd` with next hop type `Teleport`, which the analysis does not model"
    );
}

#[test]
fn r39_a_route_that_drops_the_reply_breaks_the_connection() {
    let network = network("", " routes=t", &["drop 10.1.0.0/24 None"]);
    assert_eq!(
        said(&network, &between()),
        "timeout | t/drop 10.1.0.0/24 back | -"
    );
}

#[test]
fn two_virtual_networks_with_the_same_ranges_do_not_mix() {
    let subnets = ["a: 10.1.0.0/24", "b: 10.1.1.0/24"];
    let closed = ["a: 10.1.0.0/24", "b: 10.1.1.0/24 nsg=closed"];
    let network = [
        vnet("one", &["10.1.0.0/16"], &closed),
        vnet("two", &["10.1.0.0/16"], &subnets),
        nsg("closed", &["no in 100 deny * * -> * *"]),
        aci("one-from", "one/a"),
        aci("one-to", "one/b"),
        aci("two-from", "two/a"),
        aci("two-more", "two/b"),
        aci("two-to", "two/b"),
    ];
    let said = |from: &str, to: &str| said(&network, &call(group(from), group(to)));
    assert_eq!(
        said("two-from", "two-more"),
        "reachable | no-nsg-and-system-route | 10.1.0.4"
    );
    assert_eq!(
        said("one-from", "one-to"),
        "timeout | closed/inbound/no | -"
    );
    // two-to is 10.1.1.5, which nobody is in `one`.
    assert_eq!(
        said("one-from", "two-to"),
        "timeout | no-endpoint-at-address | -"
    );
    // two-more is 10.1.1.4, which in `one` is one-to: the rules in front of that decide.
    assert_eq!(
        said("one-from", "two-more"),
        "timeout | closed/inbound/no | -"
    );
    // The other way round the caller reaches whoever has the address in its own network.
    let prediction = answer(&network, &call(group("two-from"), group("one-to")));
    assert_eq!(
        readings(&prediction)[0],
        "reachable: container group `two-more` has the called address in the network that the packet reaches, and answers"
    );
}

#[test]
fn r17_ranges_behind_a_gateway_are_undetermined() {
    let network = [
        vnet("v", &["10.1.0.0/16"], &["a: 10.1.0.0/24 nsg=n routes=t"]),
        nsg("n", &[]),
        routes("t", &["on-premises 192.168.0.0/17 None"]),
        aci("from", "v/a"),
        resource(
            "Microsoft.Network/virtualNetworkGateways",
            "vpn",
            serde_json::json!({}),
        ),
    ];
    let prediction = answer(&network, &call_address(group("from"), "192.168.200.1"));
    assert_eq!(
        line(&prediction),
        "timeout | - | -",
        "a rule or the system route drops it, whichever reading holds"
    );
}
