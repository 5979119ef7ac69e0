//! What holds for any network: the order of resources and the case of names decide nothing, and what
//! cannot be read is an error, never a panic.

use proptest::prelude::*;
use serde_json::{Value, json};
use vnetlab::arm::{Addresses, FlowState, Listening, Party, Question, Resource};
use vnetlab::net::Protocol;
use vnetlab::predict::predict;

use crate::network::*;

/// A network with something of everything.
fn everything() -> Vec<Resource> {
    let member = json!({ "applicationSecurityGroups": [id("applicationSecurityGroups", "asg")] });
    vec![
        vnet(
            "hub",
            &["10.0.0.0/16"],
            &[
                "fw: 10.0.1.0/24 nsg=n",
                "aks: 10.0.2.0/24 routes=pods nat=g",
            ],
        ),
        vnet(
            "spoke",
            &["10.1.0.0/16"],
            &["a: 10.1.0.0/24 nsg=n routes=t"],
        ),
        peering("hub>spoke", json!({ "allowForwardedTraffic": true })),
        peering("spoke>hub", json!({ "allowVirtualNetworkAccess": false })),
        nsg(
            "n",
            &[
                "in in 100 allow Tcp VirtualNetwork -> * 80",
                "rest in 200 deny * * -> 10.0.1.0/24 *",
                "out out 100 deny * * -> Storage 443",
            ],
        ),
        routes(
            "t",
            &[
                "all 0.0.0.0/0 VirtualAppliance 10.0.1.4",
                "drop 10.0.9.0/24 None",
            ],
        ),
        routes("pods", &[]),
        resource(
            "Microsoft.Network/natGateways",
            "g",
            json!({ "publicIpAddresses": [id("publicIPAddresses", "p")] }),
        ),
        resource(
            "Microsoft.Network/publicIPAddresses",
            "p",
            json!({ "ipAddress": "20.0.0.9" }),
        ),
        nic(
            "firewall",
            "hub/fw",
            json!({ "privateIPAddress": "10.0.1.4" }),
            json!({ "enableIPForwarding": true }),
        ),
        nic("machine", "spoke/a", member, json!({})),
        kubenet("c", "hub/aks"),
    ]
}

fn parties() -> [Party; 4] {
    [
        interface("firewall"),
        interface("machine"),
        pod("c", "p"),
        host_pod("c", "h"),
    ]
}

fn question() -> impl Strategy<Value = Question> {
    let protocol = prop_oneof![
        Just(Protocol::Tcp),
        Just(Protocol::Udp),
        Just(Protocol::Icmp),
        Just(Protocol::Esp)
    ];
    let listens = prop_oneof![
        Just(Listening::Yes),
        Just(Listening::No),
        Just(Listening::Unknown)
    ];
    let flow = prop_oneof![Just(FlowState::New), Just(FlowState::Established)];
    let address = prop_oneof![
        Just("10.0.1.4"),
        Just("10.1.0.4"),
        Just("10.0.9.9"),
        Just("10.16.0.2"),
        Just("8.8.8.8"),
        Just("20.0.0.9"),
        Just("168.63.129.16"),
        Just("10.0.2.4"),
    ];
    (0..4usize, 0..8usize, address, protocol, listens, flow).prop_map(
        |(from, to, address, protocol, listens, flow)| {
            let parties = parties();
            let mut question = match parties.get(to) {
                Some(to) => call(parties[from].clone(), to.clone()),
                None => call_address(parties[from].clone(), address),
            };
            question.protocol = protocol;
            question.port = protocol.has_ports().then_some(80);
            question.listens = listens;
            question.flow = flow;
            question
        },
    )
}

/// The paths of every value in a document.
fn paths(value: &Value, here: &str, found: &mut Vec<String>) {
    found.push(here.to_owned());
    match value {
        Value::Object(members) => members
            .iter()
            .for_each(|(name, value)| paths(value, &format!("{here}/{name}"), found)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, value)| paths(value, &format!("{here}/{index}"), found)),
        _ => {}
    }
}

/// The network with the value at a chosen place replaced.
fn damaged(resource: prop::sample::Index, place: prop::sample::Index, by: Value) -> Vec<Resource> {
    let mut network = everything();
    let resource = resource.get_mut(&mut network);
    let mut body = Value::Object(resource.body.clone());
    let mut all = Vec::new();
    paths(&body["properties"], "/properties", &mut all);
    *body.pointer_mut(&all[place.index(all.len())]).unwrap() = by;
    resource.body = body.as_object().unwrap().clone();
    network
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_resources_decides_nothing(
        question in question(),
        shuffled in Just(everything()).prop_shuffle(),
    ) {
        let none = Addresses::default();
        prop_assert_eq!(predict(&everything(), &none, &question), predict(&shuffled, &none, &question));
    }

    #[test]
    fn no_damage_to_a_template_makes_the_analysis_panic(
        question in question(),
        resource in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        by in prop_oneof![
            Just(Value::Null), Just(json!("")), Just(json!("x")), Just(json!(7)), Just(json!([])),
            Just(json!({})), Just(json!("0.0.0.0/0")), Just(json!("255.255.255.255/32")),
            Just(json!("10.0.1.4")), Just(json!("fd00::/8")), Just(json!("[reference('x')]")),
        ],
    ) {
        let network = damaged(resource, place, by);
        if let Err(error) = predict(&network, &Addresses::default(), &question) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn r28_the_case_of_names_types_and_values_decides_nothing() {
    let upper = |resource: &Resource| {
        let text = serde_json::to_string(&resource.body).unwrap();
        // Everything but what Azure itself compares as given: true, false and null stay.
        let text = text
            .to_uppercase()
            .replace("TRUE", "true")
            .replace("FALSE", "false")
            .replace("NULL", "null");
        Resource {
            resource_type: resource.resource_type.to_uppercase(),
            body: serde_json::from_str(&text).unwrap(),
            ..resource.clone()
        }
    };
    let network = everything();
    let shouted = network.iter().map(upper).collect::<Vec<_>>();
    for from in parties() {
        for to in parties() {
            let question = call(from.clone(), to);
            let quiet = answer(&network, &question);
            let loud = answer(&shouted, &question);
            assert_eq!(quiet.outcome, loud.outcome, "{question:?}");
            assert_eq!(quiet.source, loud.source, "{question:?}");
            assert_eq!(quiet.path, loud.path, "{question:?}");
            assert_eq!(loud.not_considered, Vec::<String>::new());
        }
    }
}
