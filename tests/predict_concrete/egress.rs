//! The way to the Internet, and whom the far end sees (R36, R42, R43, R65, R73).

use serde_json::{Value, json};
use vnetlab::arm::{Addresses, Listening, Question, Resource};
use vnetlab::net::Protocol;
use vnetlab::predict::predict;
use vnetlab::verdict::Prediction;

use crate::network::*;

const OUT: &str = "8.8.8.8";

/// A container group and a machine in a subnet each; `a` has what `subnet` says, the machine's
/// address what `address` says.
fn network(subnet: &str, address: Value) -> Vec<Resource> {
    let subnet = format!("a: 10.1.0.0/24{subnet}");
    vec![
        vnet("v", &["10.1.0.0/16"], &[&subnet, "b: 10.1.1.0/24"]),
        aci("group", "v/a"),
        nic("machine", "v/a", address, json!({})),
    ]
}

fn gateway(addresses: &[&str]) -> Resource {
    let addresses = addresses.iter().map(|name| id("publicIPAddresses", name));
    let addresses = addresses.collect::<Vec<_>>();
    resource(
        "Microsoft.Network/natGateways",
        "n",
        json!({ "publicIpAddresses": addresses }),
    )
}

fn public_ip(name: &str, address: Option<&str>) -> Resource {
    resource(
        "Microsoft.Network/publicIPAddresses",
        name,
        json!({ "ipAddress": address }),
    )
}

/// `outcome | by | source`, the source in words where only a deployment tells it.
fn seen(prediction: &Prediction) -> String {
    match &prediction.source_unknown {
        Some(words) => line(prediction).replace("| -", &format!("| {words}")),
        None => line(prediction),
    }
}

fn out_of(network: &[Resource]) -> String {
    seen(&answer(network, &call_address(interface("machine"), OUT)))
}

#[test]
fn r73_a_container_group_leaves_only_through_a_nat_gateway() {
    let out = call_address(group("group"), OUT);
    assert_eq!(
        said(&network("", json!({})), &out),
        "timeout | no-nat-gateway | -"
    );
    assert_eq!(
        said(&network(" nat=n", json!({})), &out),
        "reachable | no-nsg-and-system-route | -"
    );
}

#[test]
fn r73_unsupported_ports_of_a_container_group_are_undetermined() {
    for port in [25, 19390] {
        let out = Question {
            port: Some(port),
            ..call_address(group("group"), OUT)
        };
        assert_eq!(
            readings(&answer(&network(" nat=n", json!({})), &out)),
            [
                "reachable: R73: a container group's calls to ports 25 and 19390 pass, though unsupported",
                "timeout: R73: a container group's calls to ports 25 and 19390 do not pass",
            ]
        );
    }
}

#[test]
fn r43_the_far_end_sees_the_address_of_the_nat_gateway_where_the_resources_tell_it() {
    let mut told = network(" nat=n", json!({}));
    told.extend([gateway(&["p"]), public_ip("p", Some("20.0.0.9"))]);
    assert_eq!(
        out_of(&told),
        "reachable | no-nsg-and-system-route | 20.0.0.9"
    );
    let mut untold = network(" nat=n", json!({}));
    untold.extend([gateway(&["p"]), public_ip("p", None)]);
    assert_eq!(
        out_of(&untold),
        "reachable | no-nsg-and-system-route | public address `p`"
    );
    let mut several = network(" nat=n", json!({}));
    several.extend([gateway(&["p", "q"]), public_ip("p", Some("20.0.0.9"))]);
    assert_eq!(
        out_of(&several),
        "reachable | no-nsg-and-system-route | an address of NAT gateway `n`"
    );
}

#[test]
fn r43_a_nat_gateway_carries_tcp_and_udp_only() {
    let with = |protocol: Protocol| Question {
        protocol,
        port: protocol.has_ports().then_some(53),
        ..call_address(interface("machine"), OUT)
    };
    let network = network(" nat=n", json!({}));
    assert!(said(&network, &with(Protocol::Udp)).starts_with("reachable"));
    for protocol in [Protocol::Icmp, Protocol::Esp, Protocol::Ah] {
        assert_eq!(
            said(&network, &with(protocol)),
            "timeout | nat-gateway-protocol | -",
            "{protocol}"
        );
    }
}

#[test]
fn r43_the_nat_gateway_comes_before_the_interfaces_own_address() {
    let own = json!({ "publicIPAddress": id("publicIPAddresses", "own") });
    let mut alone = network("", own.clone());
    alone.push(public_ip("own", Some("20.0.0.7")));
    assert_eq!(
        out_of(&alone),
        "reachable | no-nsg-and-system-route | 20.0.0.7"
    );
    let mut both = network(" nat=n", own);
    both.extend([
        gateway(&["p"]),
        public_ip("own", Some("20.0.0.7")),
        public_ip("p", Some("20.0.0.9")),
    ]);
    assert_eq!(
        out_of(&both),
        "reachable | no-nsg-and-system-route | 20.0.0.9"
    );
}

#[test]
fn r43_whether_a_load_balancer_has_outbound_rules_is_undetermined() {
    let pool = json!({ "loadBalancerBackendAddressPools": [
        { "id": format!("{GROUP}/{NETWORK}/loadBalancers/lb/backendAddressPools/p") },
    ]});
    let mut network = network("", pool);
    network[0].body["properties"]["subnets"][0]["properties"]["defaultOutboundAccess"] =
        json!(false);
    assert_eq!(
        readings(&answer(&network, &call_address(interface("machine"), OUT))),
        [
            "reachable: R43: the load balancer of the interface has an outbound rule",
            "timeout: R43: the load balancer of the interface has no outbound rule",
        ]
    );
}

#[test]
fn r42_default_outbound_access_is_what_the_subnet_says_and_else_undetermined() {
    let mut network = network("", json!({}));
    let mut set = |value: bool| {
        network[0].body["properties"]["subnets"][0]["properties"]["defaultOutboundAccess"] =
            json!(value);
        out_of(&network)
    };
    assert_eq!(set(false), "timeout | no-egress | -");
    assert_eq!(
        set(true),
        "reachable | no-nsg-and-system-route | an address of Azure's default outbound access"
    );
    let unset = vec![
        vnet("v", &["10.1.0.0/16"], &["a: 10.1.0.0/24"]),
        nic("machine", "v/a", json!({}), json!({})),
    ];
    assert_eq!(
        readings(&answer(&unset, &call_address(interface("machine"), OUT))),
        [
            "reachable: R42: a subnet that does not set defaultOutboundAccess has default outbound access",
            "timeout: R42: a subnet that does not set defaultOutboundAccess is private",
        ]
    );
}

#[test]
fn r43_a_users_route_comes_before_every_translation() {
    let mut network = network(" nat=n routes=t", json!({}));
    network.push(routes("t", &["all 0.0.0.0/0 None"]));
    assert_eq!(out_of(&network), "timeout | t/all 0.0.0.0/0 | -");
}

#[test]
fn r36_a_service_endpoint_shows_the_private_address_to_its_service() {
    let mut network = network("", json!({}));
    let subnet = &mut network[0].body["properties"]["subnets"][0]["properties"];
    subnet["defaultOutboundAccess"] = json!(false);
    subnet["serviceEndpoints"] = json!([{ "service": "Microsoft.Storage" }]);
    let prediction = answer(&network, &call_address(interface("machine"), "20.60.0.1"));
    assert_eq!(
        readings(&prediction),
        [
            "reachable: R23: 20.60.0.1 is an address of Microsoft.Storage, to which the subnet has a service endpoint",
            "timeout: R23: 20.60.0.1 is no address of Microsoft.Storage, to which the subnet has a service endpoint",
        ]
    );
}

#[test]
fn r7_r44_what_stands_behind_a_public_address_of_the_template_is_named_as_not_modelled() {
    let mut network = network(" nat=n", json!({}));
    network.push(public_ip("front", Some("20.0.0.5")));
    let question = call_address(group("group"), "20.0.0.5");
    let error = predict(&network, &Addresses::default(), &question).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the answer depends on what stands behind public address `front`, which the analysis does not model"
    );
}

#[test]
fn what_listens_outside_the_template_is_undetermined_unless_the_question_says_so() {
    let network = network(" nat=n", json!({}));
    let with = |listens| {
        let question = Question {
            listens,
            ..call_address(group("group"), OUT)
        };
        let prediction = answer(&network, &question);
        let outcomes = prediction.readings.iter().map(|r| r.outcome.word());
        outcomes.collect::<Vec<_>>()
    };
    assert_eq!(
        with(Listening::Unknown),
        ["reachable", "refused", "timeout"]
    );
    assert_eq!(with(Listening::No), ["refused", "timeout"]);
    assert!(with(Listening::Yes).is_empty());
}
