use super::super::{
    Action, Direction, ExpectedSource, ExpectedSourceSet, Observed, Packet, Reading, RulePattern,
};
use super::*;

const NODE: Ipv4Addr = Ipv4Addr::new(172, 16, 0, 4);
const POD: Ipv4Addr = Ipv4Addr::new(10, 16, 0, 2);
const LAB: Standing = Standing {
    positive_control: true,
    decider_observable: true,
};
const AZURE: Standing = Standing {
    positive_control: true,
    decider_observable: false,
};
const NO_CONTROL: Standing = Standing {
    positive_control: false,
    decider_observable: true,
};

fn rule(name: &str) -> RuleRef {
    RuleRef {
        nsg: "aci-nsg".to_owned(),
        rule: name.to_owned(),
        direction: Direction::Inbound,
    }
}

fn expect(answers: &[Answer]) -> Expectation {
    Expectation {
        one_of: answers.to_vec(),
        ..Expectation::default()
    }
}

fn timeout() -> Expectation {
    expect(&[Answer::Outcome(Outcome::Timeout)])
}

fn status(code: u16) -> Expectation {
    expect(&[Answer::Status(code)])
}

fn from(word: &str, address: Option<Ipv4Addr>) -> Expectation {
    Expectation {
        source: Some(ExpectedSource {
            word: word.to_owned(),
            address,
        }),
        ..status(200)
    }
}

fn by(pattern: &str, expected: Expectation) -> Expectation {
    Expectation {
        by: Some(ByPattern::Rule(RulePattern {
            nsg: None,
            direction: None,
            rule: pattern.to_owned(),
        })),
        ..expected
    }
}

fn body(body: BodyMatch) -> Expectation {
    Expectation {
        body: Some(body),
        ..status(200)
    }
}

fn within(prefix: &str) -> Expectation {
    Expectation {
        source_in: Some(ExpectedSourceSet {
            words: "aks".to_owned(),
            prefixes: vec![prefix.parse().expect("a prefix")],
        }),
        ..status(200)
    }
}

fn predicted(outcome: Outcome, rules: &[&str], source: Option<Ipv4Addr>) -> Prediction {
    let path = rules.iter().map(|name| rule(name)).collect::<Vec<_>>();
    Prediction {
        outcome: Predicted::Is(outcome),
        readings: Vec::new(),
        assumed: false,
        by: path.last().cloned().map(Decider::Rule),
        path,
        source,
        via: Vec::new(),
        source_unknown: None,
        not_considered: Vec::new(),
    }
}

fn let_in() -> Prediction {
    predicted(Outcome::Reachable, &["out", "allow-http"], Some(NODE))
}

fn stopped() -> Prediction {
    predicted(Outcome::Timeout, &["out", "deny-all"], None)
}

fn undetermined() -> Prediction {
    Prediction {
        outcome: Predicted::Undetermined,
        readings: vec![Reading {
            outcome: Outcome::Timeout,
            source: "R52".to_owned(),
        }],
        ..stopped()
    }
}

fn evidence(rules: &[&str]) -> Option<Evidence> {
    let packet = |name: &&str| Packet {
        at: "to container group web".to_owned(),
        time_us: 12,
        protocol: "tcp".to_owned(),
        source: NODE,
        source_port: 40000,
        destination: Ipv4Addr::new(172, 16, 32, 4),
        destination_port: 80,
        flags: Some("SYN".to_owned()),
        rule: Some(rule(name)),
        action: Action::Allow,
    };
    Some(Evidence {
        by: rules.last().map(|name| Decider::Rule(rule(name))),
        packets: rules.iter().map(packet).collect(),
    })
}

fn answered() -> Observation {
    Observation {
        outcome: Observed::Is(Outcome::Reachable),
        status: Some(200),
        body: Some("Hello World!".to_owned()),
        source: Some(NODE),
        caller: None,
        urls: Vec::new(),
        simulated: false,
        evidence: evidence(&["out", "allow-http"]),
    }
}

/// The same, and the last rule dropped the packet.
fn dropped(rules: &[&str]) -> Option<Evidence> {
    let mut evidence = evidence(rules)?;
    evidence.packets.last_mut()?.action = Action::Deny;
    Some(evidence)
}

fn silent() -> Observation {
    Observation {
        outcome: Observed::Is(Outcome::Timeout),
        status: None,
        body: None,
        source: None,
        evidence: dropped(&["out", "deny-all"]),
        ..answered()
    }
}

fn on_azure(observation: Observation) -> Observation {
    Observation {
        evidence: None,
        ..observation
    }
}

/// The verdict, and the first difference.
fn verdict(
    expected: &Expectation,
    predicted: Option<Prediction>,
    observed: &Observation,
    standing: Standing,
) -> String {
    let judged = judge(expected, predicted.as_ref(), observed, standing);
    let mut words = vec![judged.verdict.word().to_owned()];
    words.extend(judged.differs);
    if !judged.not_observed.is_empty() {
        words.push(format!(
            "[not observed: {}]",
            judged.not_observed.join(", ")
        ));
    }
    words.join(" | ")
}

#[test]
fn what_was_expected_is_compared_with_what_was_observed_fact_by_fact() {
    let cases = [
        (status(200), "pass"),
        (
            expect(&[Answer::Outcome(Outcome::Refused), Answer::Status(200)]),
            "pass",
        ),
        (expect(&[Answer::Outcome(Outcome::Reachable)]), "pass"),
        (
            status(503),
            "fail | status: expected 503, the server answered 200",
        ),
        (
            timeout(),
            "fail | outcome: expected timeout, observed reachable (200)",
        ),
        (from("node", Some(NODE)), "pass"),
        (
            from("pod", Some(POD)),
            "fail | source: expected `pod` (10.16.0.2), the server saw 172.16.0.4",
        ),
        (
            from("10.16.0.2", Some(POD)),
            "fail | source: expected `10.16.0.2`, the server saw 172.16.0.4",
        ),
        (
            from("node", None),
            "inconclusive | source: which address `node` stands for is not known",
        ),
        (within("172.16.0.0/20"), "pass"),
        (
            within("10.0.0.0/8"),
            "fail | source: expected in `aks` (10.0.0.0/8), the server saw 172.16.0.4",
        ),
        (body(BodyMatch::Contains("World".to_owned())), "pass"),
        (body(BodyMatch::Matches("^Hello .+!$".to_owned())), "pass"),
        (
            body(BodyMatch::Contains("Bye".to_owned())),
            "fail | body: expected \"Bye\", the server answered \"Hello World!\"",
        ),
        (
            body(BodyMatch::Matches("^World".to_owned())),
            "fail | body: expected /^World/, the server answered \"Hello World!\"",
        ),
        (by("allow-http", status(200)), "pass"),
        (by("OUT", status(200)), "pass"),
        (
            by("deny-all", status(200)),
            "fail | by: expected `deny-all`, let through by `out` (inbound of aci-nsg), `allow-http` (inbound of aci-nsg)",
        ),
    ];
    for (expected, words) in cases {
        assert_eq!(verdict(&expected, Some(let_in()), &answered(), LAB), words);
    }
}

#[test]
fn a_fact_about_an_answer_expects_an_answer() {
    let expected = Expectation {
        one_of: Vec::new(),
        ..from("node", Some(NODE))
    };
    assert_eq!(
        verdict(&expected, Some(stopped()), &silent(), LAB),
        "fail | outcome: expected reachable, observed timeout"
    );
}

#[test]
fn a_probe_that_did_not_run_is_inconclusive_whatever_was_expected() {
    let lost = Observation {
        outcome: Observed::Inconclusive {
            reason: "its verdict line was lost".to_owned(),
        },
        ..silent()
    };
    for expected in [timeout(), status(200), Expectation::default()] {
        assert_eq!(
            verdict(&expected, Some(stopped()), &lost, LAB),
            "inconclusive | the probe could not be judged: its verdict line was lost"
        );
    }
}

#[test]
fn an_expected_silence_counts_only_with_a_positive_control() {
    assert_eq!(verdict(&timeout(), Some(stopped()), &silent(), LAB), "pass");
    let words = verdict(&timeout(), Some(stopped()), &silent(), NO_CONTROL);
    assert!(
        words.starts_with("inconclusive | a timeout counts only beside a positive control"),
        "{words}"
    );
    let either = expect(&[
        Answer::Outcome(Outcome::Timeout),
        Answer::Outcome(Outcome::Refused),
    ]);
    assert_eq!(
        verdict(&either, Some(stopped()), &silent(), NO_CONTROL),
        "pass",
        "not only a silence would do"
    );
}

#[test]
fn for_a_stopped_flow_only_what_stopped_it_satisfies_by() {
    let judged = |rule: &str| verdict(&by(rule, timeout()), Some(stopped()), &silent(), LAB);
    assert_eq!(judged("deny-all"), "pass");
    assert_eq!(
        judged("out"),
        "fail | by: expected `out`, decided by `deny-all` (inbound of aci-nsg)"
    );
}

#[test]
fn a_rule_that_let_a_flow_pass_did_not_stop_it() {
    let lost = Observation {
        evidence: evidence(&["out"]),
        ..silent()
    };
    assert_eq!(
        verdict(&by("out", timeout()), None, &lost, LAB),
        "fail | by: expected `out`, nothing on record stopped it"
    );
}

#[test]
fn what_the_target_cannot_observe_is_judged_by_the_prediction_and_passes_nothing_alone() {
    let on_azure = on_azure(silent());
    let judged =
        |expected: &Expectation, prediction| verdict(expected, prediction, &on_azure, AZURE);
    let both = by("deny-all", timeout());
    assert_eq!(judged(&both, Some(stopped())), "pass | [not observed: by]");
    assert_eq!(
        judged(&by("other", timeout()), Some(stopped())),
        "fail | by: expected `other`, decided by `deny-all` (inbound of aci-nsg) in the prediction (not observed) | [not observed: by]"
    );
    let alone = judged(&by("deny-all", Expectation::default()), Some(stopped()));
    assert!(
        alone.starts_with("inconclusive | nothing that was expected could be observed"),
        "{alone}"
    );
    for prediction in [None, Some(undetermined())] {
        assert_eq!(
            judged(&both, prediction),
            "inconclusive | by: expected `deny-all`, but what decided was neither observed nor predicted"
        );
    }
}

#[test]
fn a_source_that_the_server_did_not_say_is_judged_by_the_prediction() {
    let mute = Observation {
        source: None,
        ..answered()
    };
    let judged = |address| verdict(&from("who", Some(address)), Some(let_in()), &mute, LAB);
    assert_eq!(judged(NODE), "pass | [not observed: source]");
    assert_eq!(
        judged(POD),
        "fail | source: expected `who` (10.16.0.2), the prediction is 172.16.0.4 (not observed) | [not observed: source]"
    );
    assert_eq!(
        verdict(&from("who", Some(NODE)), None, &mute, LAB),
        "inconclusive | source: expected `who` (172.16.0.4), but it was neither observed nor predicted"
    );
}

#[test]
fn a_held_expectation_diverges_where_prediction_and_packets_differ() {
    let free = Expectation::default();
    let cases = [
        (let_in(), "pass"),
        (
            predicted(Outcome::Reachable, &["allow-http"], Some(POD)),
            "diverged | source: predicted 10.16.0.2, the server saw 172.16.0.4",
        ),
        (
            predicted(Outcome::Refused, &["allow-http"], Some(NODE)),
            "diverged | outcome: predicted refused, observed reachable",
        ),
        (
            predicted(Outcome::Reachable, &["other"], Some(NODE)),
            "diverged | by: predicted `other` (inbound of aci-nsg), recorded `allow-http` (inbound of aci-nsg)",
        ),
        (undetermined(), "pass"),
        (
            Prediction {
                assumed: true,
                ..stopped()
            },
            "pass",
        ),
    ];
    for (prediction, words) in cases {
        assert_eq!(verdict(&free, Some(prediction), &answered(), LAB), words);
    }
    assert_eq!(verdict(&free, None, &answered(), LAB), "pass");
}

#[test]
fn a_simulated_observation_never_diverges() {
    let simulated = Observation {
        simulated: true,
        ..on_azure(answered())
    };
    assert_eq!(
        verdict(&status(200), Some(stopped()), &simulated, AZURE),
        "pass"
    );
    assert_eq!(
        verdict(&timeout(), Some(stopped()), &simulated, AZURE),
        "fail | outcome: expected timeout, observed reachable (200)"
    );
}

#[test]
fn a_difference_from_the_expectation_weighs_more_than_one_from_the_prediction() {
    let words = verdict(&timeout(), Some(stopped()), &answered(), LAB);
    assert_eq!(
        words,
        "fail | outcome: expected timeout, observed reachable (200)"
    );
}

#[test]
fn the_worst_verdict_of_a_run_gives_its_exit_code() {
    use Verdict::{Diverged, Fail, Flaky, Inconclusive, Pass, Skipped};
    let cases: &[(&[Verdict], Verdict, i32, i32)] = &[
        (&[], Pass, 0, 8),
        (&[Pass, Skipped], Pass, 0, 8),
        (&[Skipped], Skipped, 5, 8),
        (&[Pass, Flaky], Flaky, 0, 8),
        (&[Flaky, Diverged], Diverged, 6, 6),
        (&[Diverged, Fail], Fail, 1, 1),
        (&[Fail, Inconclusive, Pass], Inconclusive, 3, 3),
    ];
    for (verdicts, worst, clean, residue) in cases {
        let combined = combine(verdicts.iter().copied());
        assert_eq!(combined, *worst, "{verdicts:?}");
        assert_eq!(exit_code(combined, false), *clean, "{verdicts:?}");
        assert_eq!(exit_code(combined, true), *residue, "{verdicts:?}");
    }
}

#[test]
fn two_witnesses_may_say_the_same_in_two_ways() {
    let cause = |words: &str| Decider::Cause {
        cause: words.to_owned(),
    };
    let by = |name: &str| Decider::Rule(rule(name));
    let route = |table: &str, next_hop_type: &str, leg| Decider::Route {
        route: RouteRef {
            table: table.to_owned(),
            name: next_hop_type.to_owned(),
            prefix: "10.0.0.0/8".parse().expect("a prefix"),
            next_hop_type: next_hop_type.to_owned(),
            next_hop_address: None,
            leg,
        },
    };
    let system = |next_hop_type| route("system", next_hop_type, Leg::Forward);
    let user = |next_hop_type| route("t", next_hop_type, Leg::Forward);
    let way_back = |next_hop_type| route("t", next_hop_type, Leg::Return);
    let passed = "no-nsg-and-system-route";
    for (predicted, recorded, same) in [
        (by("a"), by("A"), true),
        (by("a"), by("b"), false),
        (by("a"), cause(passed), false),
        (cause("same-node"), by("a"), false),
        (user("None"), user("none"), true),
        (user("None"), way_back("None"), false),
        (user("None"), user("VirtualAppliance"), false),
        (cause("ip-forwarding-off"), user("VirtualAppliance"), true),
        (cause("ip-forwarding-off"), user("None"), false),
        (cause("routing-loop"), user("VirtualAppliance"), true),
        (
            cause("asymmetric-reply"),
            way_back("VirtualAppliance"),
            true,
        ),
        (cause("asymmetric-reply"), user("VirtualAppliance"), false),
        (cause("pod-not-addressable"), system("None"), true),
        (cause("pod-not-addressable"), user("None"), false),
        (cause("pod-not-addressable"), system("Internet"), false),
        (
            cause("no-endpoint-at-address"),
            system("VnetPeering"),
            false,
        ),
        (cause("no-endpoint-at-address"), system("None"), false),
        (cause(passed), system("None"), false),
        (user("VnetLocal"), cause(passed), true),
        (user("VnetLocal"), cause("existing-flow-record"), true),
        (user("None"), cause(passed), false),
        (user("VnetLocal"), cause("no-endpoint-at-address"), false),
        (cause("same-node"), cause(passed), true),
        (cause(passed), cause("same-node"), false),
        (cause(passed), cause("existing-flow-record"), true),
        (cause("existing-flow-record"), cause(passed), false),
        (cause("no-nat-gateway"), cause("no-explicit-outbound"), true),
        (
            cause("nat-gateway-protocol"),
            cause("nat-gateway-carries-only-tcp-and-udp"),
            true,
        ),
        (cause("no-egress"), cause("no-endpoint-at-address"), false),
    ] {
        let found = is_same_decider(&predicted, &recorded);
        assert_eq!(found, same, "{predicted} and {recorded}");
    }
}

#[test]
fn only_a_listener_refuses_or_answers() {
    let expected = |outcome| Expectation {
        by: Some(ByPattern::Listener),
        ..expect(&[Answer::Outcome(outcome)])
    };
    for (outcome, held) in [
        (Outcome::Reachable, true),
        (Outcome::Refused, true),
        (Outcome::TlsError, true),
        (Outcome::Timeout, false),
        (Outcome::Unreachable, false),
    ] {
        let seen = Observation {
            outcome: Observed::Is(outcome),
            evidence: None,
            ..answered()
        };
        for standing in [LAB, AZURE] {
            let judged = judge(&expected(outcome), None, &seen, standing);
            let verdict = if held { Verdict::Pass } else { Verdict::Fail };
            assert_eq!(judged.verdict, verdict, "{outcome}: {judged:?}");
            assert!(judged.not_observed.is_empty());
        }
    }
}
