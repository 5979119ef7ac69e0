//! Peerings (R40, R41), and what they do to the `VirtualNetwork` tag (R17, R19).

use serde_json::{Value, json};
use vnetlab::arm::{Addresses, Listening, Question, Resource};
use vnetlab::predict::predict;

use crate::network::*;

/// Two virtual networks, a caller in the one and a server in the other, and peerings between them.
fn two(peerings: Vec<Resource>) -> Vec<Resource> {
    let mut network = vec![
        vnet("home", &["10.1.0.0/16"], &["a: 10.1.0.0/24"]),
        vnet("away", &["10.2.0.0/16"], &["b: 10.2.0.0/24"]),
        aci("from", "home/a"),
        aci("to", "away/b"),
    ];
    network.extend(peerings);
    network
}

fn both(home: Value, away: Value) -> Vec<Resource> {
    two(vec![peering("home>away", home), peering("away>home", away)])
}

fn guarded(mut network: Vec<Resource>, home: &[&str], away: &[&str]) -> Vec<Resource> {
    network[0] = vnet("home", &["10.1.0.0/16"], &["a: 10.1.0.0/24 nsg=nh"]);
    network[1] = vnet("away", &["10.2.0.0/16"], &["b: 10.2.0.0/24 nsg=na"]);
    network.extend([nsg("nh", home), nsg("na", away)]);
    network
}

fn between() -> Question {
    call(group("from"), group("to"))
}

const SYSTEM: &str = "reachable | no-nsg-and-system-route | 10.1.0.4";
const NO_ROUTE: &str = "timeout | system/None 10.0.0.0/8 | -";

#[test]
fn r40_a_peering_carries_once_both_sides_have_their_object() {
    assert_eq!(said(&both(json!({}), json!({})), &between()), SYSTEM);
    for one in ["home>away", "away>home"] {
        let network = two(vec![peering(one, json!({}))]);
        assert_eq!(said(&network, &between()), NO_ROUTE, "{one} alone");
    }
    assert_eq!(said(&two(Vec::new()), &between()), NO_ROUTE);
}

#[test]
fn r40_a_state_that_is_not_connected_on_either_side_stops_it() {
    for (home, away, expected) in [
        ("Connected", "connected", SYSTEM),
        ("Initiated", "Connected", NO_ROUTE),
        ("Connected", "Initiated", NO_ROUTE),
        ("Connected", "Disconnected", NO_ROUTE),
    ] {
        let network = both(
            json!({ "peeringState": home }),
            json!({ "peeringState": away }),
        );
        assert_eq!(said(&network, &between()), expected, "{home} and {away}");
    }
}

#[test]
fn r40_peering_is_not_transitive() {
    let network = [
        vnet("a", &["10.1.0.0/16"], &["s: 10.1.0.0/24"]),
        vnet("hub", &["10.0.0.0/16"], &["s: 10.0.0.0/24"]),
        vnet("b", &["10.2.0.0/16"], &["s: 10.2.0.0/24"]),
        peering("a>hub", json!({})),
        peering("hub>a", json!({})),
        peering("b>hub", json!({})),
        peering("hub>b", json!({})),
        aci("from", "a/s"),
        aci("middle", "hub/s"),
        aci("to", "b/s"),
    ];
    assert_eq!(
        said(&network, &call(group("from"), group("middle"))),
        SYSTEM
    );
    assert_eq!(said(&network, &between()), NO_ROUTE);
}

#[test]
fn r40_an_address_in_a_peered_network_leads_to_its_holder_and_else_to_nobody() {
    let network = both(json!({}), json!({}));
    let unknown = |address| Question {
        listens: Listening::Unknown,
        ..call_address(group("from"), address)
    };
    assert_eq!(
        readings(&answer(&network, &unknown("10.2.0.4"))),
        [
            "reachable: something listens at container group `to`",
            "refused: nothing listens at container group `to`",
        ]
    );
    assert_eq!(
        said(&network, &unknown("10.2.0.9")),
        "timeout | no-endpoint-at-address | -"
    );
}

#[test]
fn r37_a_users_route_overrides_the_ranges_of_a_peer() {
    let mut network = both(json!({}), json!({}));
    network[0] = vnet("home", &["10.1.0.0/16"], &["a: 10.1.0.0/24 routes=t"]);
    network.push(routes("t", &["drop 10.2.0.0/16 None"]));
    assert_eq!(
        said(&network, &between()),
        "timeout | t/drop 10.2.0.0/16 | -"
    );
}

#[test]
fn r39_a_route_of_the_peer_that_drops_the_reply_breaks_the_connection() {
    let mut network = both(json!({}), json!({}));
    network[1] = vnet("away", &["10.2.0.0/16"], &["b: 10.2.0.0/24 routes=t"]);
    network.push(routes("t", &["drop 10.1.0.0/24 None"]));
    assert_eq!(
        said(&network, &between()),
        "timeout | t/drop 10.1.0.0/24 back | -"
    );
}

#[test]
fn r17_a_connected_peer_is_in_virtualnetwork_on_both_sides() {
    let network = guarded(both(json!({}), json!({})), &[], &[]);
    let prediction = answer(&network, &between());
    assert_eq!(
        line(&prediction),
        "reachable | na/inbound/AllowVnetInBound | 10.1.0.4"
    );
    assert_eq!(prediction.path[0].rule, "AllowVnetOutBound");
    let alone = guarded(two(Vec::new()), &[], &[]);
    assert_eq!(
        said(&alone, &between()),
        "timeout | nh/outbound/DenyAllOutBound | -"
    );
}

#[test]
fn r19_without_access_the_peer_leaves_virtualnetwork_on_that_side() {
    let off = json!({ "allowVirtualNetworkAccess": false });
    let home_off = guarded(both(off.clone(), json!({})), &[], &[]);
    assert_eq!(
        said(&home_off, &between()),
        "timeout | nh/outbound/DenyAllOutBound | -"
    );
    let away_off = guarded(both(json!({}), off), &[], &[]);
    assert_eq!(
        answer(&away_off, &between()).outcome.word(),
        "timeout",
        "whatever the tag of the other side holds, the inbound rules of `away` deny"
    );
}

#[test]
fn r19_what_an_explicit_rule_allows_still_flows() {
    let off = json!({ "allowVirtualNetworkAccess": false });
    let network = guarded(
        both(off.clone(), off),
        &["out out 100 allow * * -> 10.2.0.0/16 *"],
        &["in in 100 allow * 10.1.0.0/16 -> * *"],
    );
    assert_eq!(
        said(&network, &between()),
        "reachable | na/inbound/in | 10.1.0.4"
    );
}

#[test]
fn r19_the_tag_of_the_side_that_gives_access_is_open_where_the_other_side_alone_is_off() {
    let off = json!({ "allowVirtualNetworkAccess": false });
    let network = guarded(
        both(json!({}), off),
        &[],
        &["in in 100 allow * 10.1.0.0/16 -> * *"],
    );
    assert_eq!(
        readings(&answer(&network, &between())),
        [
            "reachable: R19: VirtualNetwork holds a peer on whose side alone access is off",
            "timeout: R19: VirtualNetwork leaves out a peer on whose side alone access is off",
        ]
    );
}

#[test]
fn r19_without_any_rules_the_flag_is_undetermined() {
    let off = json!({ "allowVirtualNetworkAccess": false });
    for network in [both(off.clone(), json!({})), both(json!({}), off)] {
        assert_eq!(
            readings(&answer(&network, &between())),
            [
                "reachable: R19: allowVirtualNetworkAccess=false only edits VirtualNetwork, and no rules stand there",
                "timeout: R19: allowVirtualNetworkAccess=false stops traffic where no rules stand, as the older text says",
            ]
        );
    }
}

#[test]
fn r40_a_network_outside_the_template_leaves_both_its_side_and_its_rules_open() {
    let remote = json!({ "remoteAddressSpace": { "addressPrefixes": ["10.3.0.0/16"] } });
    let there = call_address(group("from"), "10.3.0.4");
    let network = two(vec![peering("home>elsewhere", remote.clone())]);
    let outcomes = readings(&answer(&network, &there));
    assert_eq!(outcomes.len(), 2, "{outcomes:?}");
    assert!(outcomes[0].starts_with(
        "reachable: R40: `elsewhere`, which the template does not hold, has its side"
    ));
    let mut connected = remote;
    connected["peeringState"] = json!("Connected");
    let network = two(vec![peering("home>elsewhere", connected)]);
    assert_eq!(
        readings(&answer(&network, &there)),
        [
            "reachable: R16: the rules of `elsewhere`, which the template does not hold, let the packet in",
            "timeout: R16: the rules of `elsewhere`, which the template does not hold, keep the packet out",
        ]
    );
}

#[test]
fn r40_a_peered_network_of_unknown_ranges_is_named_where_it_could_matter() {
    let network = two(vec![peering("home>elsewhere", json!({}))]);
    let there = call_address(group("from"), "10.3.0.4");
    let error = predict(&network, &Addresses::default(), &there).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the answer depends on the ranges of `elsewhere`, which virtual network peering `to-elsewhere` of `home` leads to, which the analysis does not model"
    );
    assert_eq!(
        said(&network, &call(group("from"), group("from"))),
        "reachable | same-node | 10.1.0.4"
    );
}
