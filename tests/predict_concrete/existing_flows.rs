//! Flows that were let pass before (R11, R12).

use serde_json::json;
use vnetlab::arm::{FlowState, Question, Resource};

use crate::network::*;

fn network(flush: bool) -> Vec<Resource> {
    let mut group = nsg("n", &["no in 100 deny * * -> * *"]);
    group.body["properties"]["flushConnection"] = json!(flush);
    vec![
        vnet(
            "v",
            &["10.1.0.0/16"],
            &["a: 10.1.0.0/24", "b: 10.1.1.0/24 nsg=n routes=t"],
        ),
        group,
        routes("t", &[]),
        aci("from", "v/a"),
        aci("to", "v/b"),
    ]
}

fn established() -> Question {
    Question {
        flow: FlowState::Established,
        ..call(group("from"), group("to"))
    }
}

#[test]
fn r12_a_flow_that_exists_survives_a_rule_that_denies_new_ones() {
    let new = call(group("from"), group("to"));
    assert_eq!(said(&network(false), &new), "timeout | n/inbound/no | -");
    assert_eq!(
        said(&network(false), &established()),
        "reachable | existing-flow-record | 10.1.0.4"
    );
}

#[test]
fn r12_a_group_that_flushes_connections_judges_it_again() {
    assert_eq!(
        said(&network(true), &established()),
        "timeout | n/inbound/no | -"
    );
}

#[test]
fn r12_routes_hold_for_flows_that_exist_too() {
    let mut network = network(false);
    network[2] = routes("t", &["drop 10.1.0.0/24 None"]);
    assert_eq!(
        said(&network, &established()),
        "timeout | t/drop 10.1.0.0/24 back | -"
    );
}
