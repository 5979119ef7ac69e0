//! Sample reports of every kind: the founding experiment as it passes, fails, is undecided ...

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use vnetlab::verdict::event::{
    CombinationRecord, DeploymentRecord, ExpectedRecord, FabricName, ObservedRecord, ProbeRecord,
    Report, SpecRecord, StepKind, StepRecord, TargetName,
};
use vnetlab::verdict::{
    Action, Decider, Direction, Evidence, Leg, Outcome, Packet, Predicted, Prediction, Reading,
    RouteRef, RuleRef, Verdict,
};

const NODE: Ipv4Addr = Ipv4Addr::new(172, 16, 0, 4);
const WEB: Ipv4Addr = Ipv4Addr::new(172, 16, 32, 4);

fn rule(name: &str) -> RuleRef {
    RuleRef {
        nsg: "aci-nsg".to_owned(),
        rule: name.to_owned(),
        direction: Direction::Inbound,
    }
}

fn packet(action: Action, name: &str) -> Packet {
    Packet {
        at: "towards container group `web`".to_owned(),
        time_us: 12,
        protocol: "tcp".to_owned(),
        source: NODE,
        source_port: 40112,
        destination: WEB,
        destination_port: 80,
        flags: Some("SYN".to_owned()),
        rule: Some(rule(name)),
        action,
    }
}

fn prediction(outcome: Outcome, name: &str, source: Option<Ipv4Addr>) -> Prediction {
    Prediction {
        outcome: Predicted::Is(outcome),
        readings: Vec::new(),
        assumed: false,
        by: Some(Decider::Rule(rule(name))),
        path: vec![rule(name)],
        source,
    }
}

fn answered() -> ProbeRecord {
    ProbeRecord {
        name: "call-aci".to_owned(),
        from: "observer".to_owned(),
        to: "web".to_owned(),
        expected: ExpectedRecord {
            status: Some(200),
            body: Some("Hello World!".to_owned()),
            source: Some("node (172.16.0.4)".to_owned()),
            source_in: Some("aks (172.16.0.0/20)".to_owned()),
            by: Some("allow-http-from-aks".to_owned()),
            ..ExpectedRecord::default()
        },
        predicted: Some(prediction(
            Outcome::Reachable,
            "allow-http-from-aks",
            Some(NODE),
        )),
        observed: ObservedRecord {
            outcome: "reachable".to_owned(),
            reason: None,
            status: Some(200),
            body: Some("Hello World!".to_owned()),
            source: Some(NODE),
            urls: vec![
                "http://172.16.32.4/echo?msg=Hello%20World!&code=200".to_owned(),
                "http://172.16.32.4/clientip".to_owned(),
            ],
            simulated: false,
            duration_ms: 4,
            evidence: Some(Evidence {
                by: Some(Decider::Rule(rule("allow-http-from-aks"))),
                packets: vec![packet(Action::Allow, "allow-http-from-aks")],
            }),
        },
        differs: Vec::new(),
        verdict: Verdict::Pass,
    }
}

fn silent() -> ProbeRecord {
    let answered = answered();
    ProbeRecord {
        expected: ExpectedRecord {
            outcome: Some("timeout".to_owned()),
            by: Some("disallow-everything-else".to_owned()),
            ..ExpectedRecord::default()
        },
        predicted: Some(prediction(
            Outcome::Timeout,
            "disallow-everything-else",
            None,
        )),
        observed: ObservedRecord {
            outcome: "timeout".to_owned(),
            status: None,
            body: None,
            source: None,
            urls: vec!["http://172.16.32.4/".to_owned()],
            duration_ms: 1001,
            evidence: Some(Evidence {
                by: Some(Decider::Rule(rule("disallow-everything-else"))),
                packets: vec![
                    packet(Action::Deny, "disallow-everything-else"),
                    packet(Action::Deny, "disallow-everything-else"),
                ],
            }),
            ..answered.observed
        },
        ..answered
    }
}

fn step(name: &str, kind: StepKind, verdict: Verdict, probes: Vec<ProbeRecord>) -> StepRecord {
    let deployed = kind != StepKind::Probe;
    StepRecord {
        name: name.to_owned(),
        kind,
        verdict,
        duration_ms: 1240,
        deployment: deployed.then(|| DeploymentRecord {
            name: "vnetlab-1".to_owned(),
            resources: vec![
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/aci-nsg".to_owned(),
            ],
            deleted: Vec::new(),
        }),
        probes,
        error: None,
    }
}

fn report(verdict: Verdict, exit_code: i32, steps: Vec<StepRecord>) -> Report {
    Report {
        vnetlab: 1,
        spec: SpecRecord {
            name: "kubenet-outbound".to_owned(),
            file: PathBuf::from("specs/kubenet-outbound.yaml"),
        },
        target: TargetName::Local,
        fabric: FabricName::Lab,
        notes: vec![
            "kubenet is unsupported from 2028-03-31 on; Azure CNI overlay takes its place"
                .to_owned(),
        ],
        verdict,
        exit_code,
        duration_ms: 3720,
        probes_waited_ms: 1005,
        steps,
        combinations: Vec::new(),
    }
}

/// Both phases of the founding experiment, as they should be.
pub(crate) fn pass() -> Report {
    report(
        Verdict::Pass,
        0,
        vec![
            step("deploy", StepKind::Deploy, Verdict::Pass, Vec::new()),
            step(
                "the cluster can talk to ACI, and ACI sees a node",
                StepKind::Probe,
                Verdict::Pass,
                vec![answered()],
            ),
            step(
                "push the allow rule below the deny rule",
                StepKind::Change,
                Verdict::Pass,
                vec![silent()],
            ),
        ],
    )
}

/// The author expected the pod's own address.
pub(crate) fn fail() -> Report {
    let mut probe = answered();
    probe.expected.source = Some("pod (10.16.0.2)".to_owned());
    probe.expected.source_in = None;
    probe.differs =
        vec!["source: expected `pod` (10.16.0.2), the server saw 172.16.0.4".to_owned()];
    probe.verdict = Verdict::Fail;
    let name = "the group sees the pod";
    let steps = vec![step(name, StepKind::Probe, Verdict::Fail, vec![probe])];
    report(Verdict::Fail, 1, steps)
}

/// A silence without a positive control, a probe that did not run, and a failed deployment.
pub(crate) fn inconclusive() -> Report {
    let mut uncontrolled = silent();
    uncontrolled.differs = vec!["a timeout counts only beside a positive control, and nothing was reached in this step or an earlier one: add a probe that reaches something, such as the same call before the rule that blocks it".to_owned()];
    uncontrolled.verdict = Verdict::Inconclusive;
    let mut lost = silent();
    lost.name = "call-again".to_owned();
    lost.predicted = None;
    lost.observed.outcome = "inconclusive".to_owned();
    lost.observed.reason = Some("its verdict line was lost".to_owned());
    lost.observed.evidence = None;
    lost.differs = vec!["the probe could not be judged: its verdict line was lost".to_owned()];
    lost.verdict = Verdict::Inconclusive;
    let mut failed = step(
        "change",
        StepKind::Change,
        Verdict::Inconclusive,
        Vec::new(),
    );
    failed.error = Some(
        "deployment `vnetlab-2` failed: SecurityRuleConflict: Rules cannot have the same Priority and Direction".to_owned(),
    );
    let probes = vec![uncontrolled, lost];
    let steps = vec![
        step("silence", StepKind::Probe, Verdict::Inconclusive, probes),
        failed,
    ];
    report(Verdict::Inconclusive, 3, steps)
}

/// No packets: the model answered.
pub(crate) fn simulated() -> Report {
    let mut probe = answered();
    probe.observed.simulated = true;
    probe.observed.evidence = None;
    let name = "the cluster can talk to ACI";
    let steps = vec![step(name, StepKind::Probe, Verdict::Pass, vec![probe])];
    Report {
        fabric: FabricName::Model,
        notes: vec!["user namespaces are disabled here (user.max_user_namespaces is 0)".to_owned()],
        ..report(Verdict::Pass, 0, steps)
    }
}

/// A route against a rule, an undetermined prediction, a cause, and an undo.
pub(crate) fn diverged() -> Report {
    let mut by_route = silent();
    if let Some(prediction) = &mut by_route.predicted {
        prediction.assumed = true;
        prediction.by = Some(Decider::Route {
            route: RouteRef {
                table: "rt-aks".to_owned(),
                name: "to-firewall".to_owned(),
                prefix: "172.16.32.0/20".parse().expect("a prefix"),
                next_hop_type: "VirtualAppliance".to_owned(),
                next_hop_address: Some(NODE),
                leg: Leg::Forward,
            },
        });
    }
    by_route.differs = vec!["by: predicted route `to-firewall` of rt-aks (172.16.32.0/20 -> VirtualAppliance), recorded `disallow-everything-else` (inbound of aci-nsg)".to_owned()];
    by_route.verdict = Verdict::Diverged;
    let mut open = answered();
    open.name = "open".to_owned();
    if let Some(prediction) = &mut open.predicted {
        prediction.outcome = Predicted::Undetermined;
        prediction.by = None;
        prediction.readings = vec![
            Reading {
                outcome: Outcome::Reachable,
                source: "R60: the pod range of an overlay cluster is in VirtualNetwork".to_owned(),
            },
            Reading {
                outcome: Outcome::Timeout,
                source: "R60: the pod range of an overlay cluster is not in VirtualNetwork"
                    .to_owned(),
            },
        ];
    }
    open.expected.by = None;
    if let Some(evidence) = &mut open.observed.evidence {
        evidence.by = Some(Decider::Cause {
            cause: "existing-flow-record".to_owned(),
        });
        evidence.packets.clear();
    }
    let probes = vec![by_route, open];
    let mut undo = step("undo", StepKind::Undo, Verdict::Diverged, probes);
    undo.duration_ms = 125_000;
    report(Verdict::Diverged, 6, vec![undo])
}

/// Four combinations of a matrix: one as expected, one not, one with a step less, one that was not deployed.
pub(crate) fn combinations() -> Report {
    let named = |name: &str, probe: ProbeRecord| ProbeRecord {
        name: name.to_owned(),
        ..probe
    };
    let skipped = ProbeRecord {
        observed: ObservedRecord {
            outcome: "skipped".to_owned(),
            reason: Some("it is judged on `azure` alone, and this is `local`".to_owned()),
            urls: Vec::new(),
            duration_ms: 0,
            evidence: None,
            ..silent().observed
        },
        predicted: None,
        differs: vec!["it is judged on `azure` alone, and this is `local`".to_owned()],
        verdict: Verdict::Skipped,
        ..silent()
    };
    let failed = fail().steps.remove(0).probes.remove(0);
    let combination = |cni: &str, verdict, exit_code, probes: Vec<ProbeRecord>| CombinationRecord {
        rows: BTreeMap::from([
            ("cni".to_owned(), cni.to_owned()),
            ("size".to_owned(), "small".to_owned()),
        ]),
        verdict,
        exit_code,
        duration_ms: 1810,
        probes_waited_ms: 0,
        steps: vec![
            step("deploy", StepKind::Deploy, Verdict::Pass, Vec::new()),
            step("who is seen", StepKind::Probe, verdict, probes),
        ],
        error: None,
    };
    let names = ["same-vnet", "peered", "back"];
    let combinations = vec![
        combination(
            "kubenet",
            Verdict::Pass,
            0,
            vec![
                named(names[0], answered()),
                named(names[1], answered()),
                named(names[2], silent()),
            ],
        ),
        combination(
            "overlay",
            Verdict::Fail,
            1,
            vec![
                named(names[0], failed),
                named(names[1], answered()),
                named(names[2], skipped),
            ],
        ),
        combination(
            "node-subnet",
            Verdict::Pass,
            0,
            vec![named(names[0], answered())],
        ),
        CombinationRecord {
            steps: Vec::new(),
            error: Some(
                "cannot create resource group `vnetlab-x-1`: the quota is used up".to_owned(),
            ),
            ..combination("pod-subnet", Verdict::Inconclusive, 3, Vec::new())
        },
    ];
    Report {
        combinations,
        ..report(Verdict::Inconclusive, 3, Vec::new())
    }
}

/// Every sample with its name.
pub(crate) fn all() -> [(&'static str, Report); 6] {
    [
        ("pass", pass()),
        ("fail", fail()),
        ("inconclusive", inconclusive()),
        ("simulated", simulated()),
        ("diverged", diverged()),
        ("combinations", combinations()),
    ]
}
