//! What answers at the far end, and what has no answer.

use serde_json::json;
use vnetlab::arm::{Addresses, Destination, Listening, Question, Resource};
use vnetlab::net::Protocol;
use vnetlab::predict::{PredictError, predict};
use vnetlab::verdict::Outcome;

use crate::network::*;

#[test]
fn r82_a_silent_datagram_port_and_a_refusing_one_are_not_told_apart() {
    let network = [
        vnet("v", &["10.1.0.0/16"], &["a: 10.1.0.0/24"]),
        aci("from", "v/a"),
        aci("to", "v/a"),
    ];
    let to = Destination::Party(group("to"));
    let question = ask(group("from"), to, Protocol::Udp, 53, Listening::No);
    let prediction = answer(&network, &question);
    let outcomes = prediction.readings.iter().map(|reading| reading.outcome);
    assert_eq!(
        outcomes.collect::<Vec<_>>(),
        [Outcome::Refused, Outcome::Timeout]
    );
}

#[test]
fn what_is_not_in_the_template_is_named() {
    let network = [
        vnet("v", &["10.1.0.0/16"], &["a: 10.1.0.0/24 nsg=elsewhere"]),
        aci("from", "v/a"),
        aci("stray", "gone/a"),
        resource(ACI, "public", json!({})),
    ];
    let error = |question: &Question| {
        let error = predict(&network, &Addresses::default(), question);
        error.unwrap_err().to_string()
    };
    assert_eq!(
        error(&call(group("from"), group("nobody"))),
        "container group `nobody` is not in the template"
    );
    assert_eq!(
        error(&call(pod("none", "p"), group("from"))),
        "cluster `none` is not in the template"
    );
    assert_eq!(
        error(&call(group("stray"), group("from"))),
        format!(
            "`{GROUP}/{ACI}/stray` refers to `{}`, which is not in the template",
            subnet_id("gone/a")
        )
    );
    assert_eq!(
        error(&call(group("public"), group("from"))),
        "the answer depends on container group `public`, which is in no subnet, which the analysis does not model"
    );
    let missing_nsg = error(&call_address(group("from"), "10.1.0.9"));
    assert!(
        missing_nsg.contains("networkSecurityGroups/elsewhere"),
        "{missing_nsg}"
    );
}

#[test]
fn a_resource_that_cannot_be_read_is_an_error() {
    let network = [vnet("v", &["10.1.0.0/99"], &[]), aci("from", "v/a")];
    let question = call(group("from"), group("from"));
    let error = predict(&network, &Addresses::default(), &question);
    assert!(matches!(error, Err(PredictError::View(_))), "{error:?}");
}

fn pair() -> [Resource; 3] {
    [
        vnet("v", &["10.1.0.0/16"], &["a: 10.1.0.0/24"]),
        aci("from", "v/a"),
        aci("to", "v/a"),
    ]
}

#[test]
fn r81_where_nobody_has_told_whether_something_listens_reachable_and_refused_are_open() {
    for question in [
        call(group("from"), group("to")),
        call_address(group("from"), "10.1.0.5"),
    ] {
        let with = |listens| {
            said(
                &pair(),
                &Question {
                    listens,
                    ..question.clone()
                },
            )
        };
        assert_eq!(
            with(Listening::Yes),
            "reachable | no-nsg-and-system-route | 10.1.0.4"
        );
        assert_eq!(
            with(Listening::No),
            "refused | no-nsg-and-system-route | 10.1.0.4"
        );
        assert_eq!(
            with(Listening::Unknown),
            "undetermined | no-nsg-and-system-route | 10.1.0.4",
            "what let it pass and who is seen is sure all the same"
        );
    }
}

#[test]
fn r80_a_denied_flow_is_a_timeout_whatever_listens() {
    let mut network = pair().to_vec();
    network[0] = vnet("v", &["10.1.0.0/16"], &["a: 10.1.0.0/24 nsg=n"]);
    network.push(nsg("n", &["no in 100 deny * * -> * *"]));
    for listens in [Listening::Yes, Listening::No, Listening::Unknown] {
        let question = Question {
            listens,
            ..call(group("from"), group("to"))
        };
        assert_eq!(said(&network, &question), "timeout | n/inbound/no | -");
    }
}

#[test]
fn r80_an_address_that_nobody_has_is_never_surely_reachable() {
    let with = |listens| {
        let question = Question {
            listens,
            ..call_address(group("from"), "10.1.0.99")
        };
        answer(&pair(), &question)
    };
    for listens in [Listening::No, Listening::Unknown] {
        assert_eq!(line(&with(listens)), "timeout | no-endpoint-at-address | -");
    }
    assert_eq!(
        readings(&with(Listening::Yes)),
        [
            "reachable: something that the template does not describe has 10.1.0.99",
            "timeout: nothing has 10.1.0.99, since the template describes nothing there",
        ]
    );
}
