use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::{env, fs};

use super::*;
use crate::spec::{self, Source, codes};
use crate::verdict::{Answer, Outcome};

/// The founding spec, from the checkout, which is found when the test runs.
static FOUNDING: LazyLock<String> = LazyLock::new(|| {
    let checkout = env::var_os("CARGO_MANIFEST_DIR").map_or_else(
        || env::current_dir().expect("a working directory"),
        PathBuf::from,
    );
    fs::read_to_string(checkout.join("specs/kubenet-outbound.yaml")).expect("the founding spec")
});

/// The resolution, or the rendered findings.
fn resolved(text: &str) -> Result<Resolution, String> {
    let source = Source::new("spec.yaml", text);
    spec::parse(&source)
        .and_then(|spec| resolve(&spec))
        .map_err(|found| spec::render(&found, &source, false))
}

fn founding() -> Experiment {
    let resolution = resolved(&FOUNDING).expect("a sound spec");
    assert_eq!(
        resolution.warnings,
        [],
        "the founding spec gives no warning"
    );
    resolution.experiment
}

/// The founding spec with one text in place of another.
fn founding_with(old: &str, new: &str) -> Result<Experiment, String> {
    assert!(FOUNDING.contains(old), "{old}");
    resolved(&FOUNDING.replace(old, new)).map(|resolution| resolution.experiment)
}

/// `priority name` of the inbound rules, in Azure's order.
fn inbound(topology: &Topology) -> String {
    let rules: Vec<String> = topology.network_security_groups["aci-nsg"]
        .rules
        .iter()
        .filter(|rule| rule.direction == crate::verdict::Direction::Inbound)
        .map(|rule| format!("{} {}", rule.priority, rule.name))
        .collect();
    rules.join(", ")
}

#[test]
fn the_founding_spec_resolves_to_its_network() {
    let experiment = founding();
    assert_eq!(experiment.name.as_str(), "kubenet-outbound");
    assert_eq!(experiment.location.as_deref(), Some("eastus"));
    assert_eq!(experiment.lifecycle.ttl.as_secs(), 7200);
    assert_eq!(
        experiment.budget.time.map(|time| time.as_secs()),
        Some(2700)
    );

    let topology = &experiment.steps[0].topology;
    let subnets = &topology.virtual_networks["cluster-vnet"].subnets;
    assert_eq!(subnets["aci"].delegation, Some(Delegation::ContainerGroups));
    assert_eq!(subnets["aks"].delegation, None);
    assert_eq!(
        subnets["aci"].nsg.as_ref().map(AsRef::as_ref),
        Some("aci-nsg")
    );
    assert!(!subnets["aci"].default_outbound);

    let cluster = &topology.clusters["cluster"];
    assert_eq!(cluster.dns_ip, Ipv4Addr::new(10, 0, 0, 10));
    assert_eq!(
        cluster.pods.map(|pods| pods.to_string()).as_deref(),
        Some("10.16.0.0/16")
    );
    assert_eq!((cluster.nodes, cluster.size.as_str()), (1, "Standard_B2ms"));

    let web = &topology.workloads["web"];
    assert_eq!(
        web.serve,
        [Listen {
            scheme: ListenScheme::Http,
            port: 80
        }]
    );
    assert_eq!((web.cpu_millis, web.memory_mb), (1000, 1024));

    let probe = &topology.probes["call-aci"];
    assert_eq!(
        (probe.port, probe.path.as_str(), probe.timeout.as_secs()),
        (80, "/", 1)
    );
}

#[test]
fn a_rule_names_the_range_of_its_subnet() {
    let experiment = founding();
    let rules = &experiment.steps[0].topology.network_security_groups["aci-nsg"].rules;
    let aks = "172.16.0.0/20".parse().expect("a prefix");
    assert_eq!(
        rules[0].source.addresses,
        RuleAddresses::Prefixes(vec![aks])
    );
    assert_eq!(
        rules[1].source.addresses,
        RuleAddresses::Tag("AzureLoadBalancer".to_owned())
    );
    assert_eq!(rules[2].source.addresses, RuleAddresses::Any);
    let span = rules[0].span;
    assert_eq!(
        &FOUNDING[span.start..span.end],
        "allow-http-from-aks:      100 allow tcp aks -> any:80"
    );
}

#[test]
fn each_step_has_the_network_after_its_action() {
    let experiment = founding();
    let actions: Vec<(&str, String)> = experiment
        .steps
        .iter()
        .map(|step| (step.name.as_str(), inbound(&step.topology)))
        .collect();
    let before =
        "100 allow-http-from-aks, 200 allow-health-monitoring, 300 disallow-everything-else";
    let after =
        "200 allow-health-monitoring, 300 disallow-everything-else, 400 allow-http-from-aks";
    let expected = [
        ("deploy", before),
        ("the cluster can talk to ACI, and ACI sees a node", before),
        ("push the allow rule below the deny rule", after),
        ("now it times out", after),
        ("undo", before),
        ("probe call-aci", before),
    ];
    assert_eq!(
        actions,
        expected.map(|(name, rules)| (name, rules.to_owned()))
    );
    assert_eq!(experiment.steps[0].topology, experiment.steps[4].topology);
}

#[test]
fn an_expectation_is_bound_and_completed() {
    let experiment = founding();
    let expectation = &experiment.steps[1].probes[0].expectation;
    assert_eq!(expectation.one_of, [Answer::Status(200)]);
    assert_eq!(expectation.source, Some(SourceWord::Node));
    let set = expectation.source_in.as_ref().expect("a set");
    assert_eq!(set.words, "aks");
    assert_eq!(set.prefixes[0].to_string(), "172.16.0.0/20");
    let timeout = &experiment.steps[3].probes[0].expectation;
    assert_eq!(timeout.one_of, [Answer::Outcome(Outcome::Timeout)]);
    assert_eq!(
        timeout.by.as_ref().map(ToString::to_string).as_deref(),
        Some("disallow-everything-else")
    );
}

#[test]
fn a_source_alone_implies_that_the_target_was_reached() {
    let experiment = founding_with("call-aci: 200", "call-aci: { source: node }");
    let experiment = experiment.expect("a sound spec");
    let last = &experiment.steps[5].probes[0].expectation;
    assert_eq!(last.one_of, [Answer::Outcome(Outcome::Reachable)]);
}

#[test]
fn both_forms_of_a_rule_and_a_probe_mean_the_same() {
    let long = "allow-http-from-aks: { priority: 100, access: allow, protocol: tcp, from: cluster-vnet/aks, from-ports: any, to: any, to-ports: 80 }";
    let half = "allow-http-from-aks: { rule: 100 allow tcp subnet/aks -> any:80, about: the one that moves }";
    let probe =
        "call-aci: { from: observer, to: web, scheme: http, port: 80, path: /, timeout: 1s }";
    for (old, new) in [
        (
            "allow-http-from-aks:      100 allow tcp aks -> any:80",
            long,
        ),
        (
            "allow-http-from-aks:      100 allow tcp aks -> any:80",
            half,
        ),
        ("call-aci: observer -> http://web/", probe),
        (
            "call-aci: observer -> http://web/",
            "call-aci: { call: observer -> http://web/ }",
        ),
    ] {
        let experiment = founding_with(old, new).unwrap_or_else(|found| panic!("{found}"));
        for (a, b) in experiment.steps.iter().zip(&founding().steps) {
            assert_eq!(inbound(&a.topology), inbound(&b.topology), "{new}");
            let (a, b) = (
                &a.topology.probes["call-aci"],
                &b.topology.probes["call-aci"],
            );
            assert_eq!(
                (&a.from, &a.to, a.port, &a.path, a.timeout),
                (&b.from, &b.to, b.port, &b.path, b.timeout)
            );
        }
    }
}

#[test]
fn a_change_adds_removes_and_replaces() {
    let change = "{ nsgs.aci-nsg.inbound.allow-http-from-aks.priority: 400 }";
    for (new, expected) in [
        (
            "{ nsgs.aci-nsg.inbound.allow-health-monitoring: null }",
            "100 allow-http-from-aks, 300 disallow-everything-else",
        ),
        (
            "{ nsgs/aci-nsg/inbound/allow-ssh: 150 allow tcp aks -> any:22 }",
            "100 allow-http-from-aks, 150 allow-ssh, 200 allow-health-monitoring, 300 disallow-everything-else",
        ),
        (
            "{ nsgs.aci-nsg.inbound.disallow-everything-else: { priority: 250, access: deny } }",
            "100 allow-http-from-aks, 200 allow-health-monitoring, 250 disallow-everything-else",
        ),
        (
            "{ nsgs.aci-nsg.inbound.allow-http-from-aks.priority: 300, nsgs.aci-nsg.inbound.disallow-everything-else.priority: 100 }",
            "100 disallow-everything-else, 200 allow-health-monitoring, 300 allow-http-from-aks",
        ),
        (
            "{ nsgs.spare: { inbound: { nothing: 100 deny any any -> any } }, workloads.web.body: Bye, vnets.cluster-vnet.subnets.spare: 172.16.48.0/24 }",
            "100 allow-http-from-aks, 200 allow-health-monitoring, 300 disallow-everything-else",
        ),
    ] {
        let experiment = founding_with(change, new).unwrap_or_else(|found| panic!("{found}"));
        assert_eq!(inbound(&experiment.steps[2].topology), expected, "{new}");
    }
}

#[test]
fn undo_takes_back_the_newest_change_and_undo_all_every_one() {
    let steps = "steps:
  - probe: { call-aci: 200 }
  - change: { nsgs.aci-nsg.inbound.allow-http-from-aks.priority: 150 }
  - change: { nsgs.aci-nsg.inbound.allow-http-from-aks.priority: 160 }
  - undo
  - change: { nsgs.aci-nsg.inbound.allow-http-from-aks.priority: 170 }
  - undo: all
";
    let start = FOUNDING.find("steps:").expect("steps");
    let end = FOUNDING.find("lifecycle:").expect("lifecycle");
    let experiment = resolved(&format!(
        "{}{steps}{}",
        &FOUNDING[..start],
        &FOUNDING[end..]
    ))
    .unwrap_or_else(|found| panic!("{found}"))
    .experiment;
    let priorities: Vec<u16> = experiment
        .steps
        .iter()
        .map(|step| step.topology.network_security_groups["aci-nsg"].rules[0].priority)
        .collect();
    assert_eq!(
        experiment.steps[0].action,
        Action::Deploy,
        "added where it is left out"
    );
    assert_eq!(priorities, [100, 100, 150, 160, 150, 170, 100]);
}

#[test]
fn overlapping_ranges_of_a_side_are_merged() {
    let old = "100 allow tcp aks -> any:80";
    let new = "100 allow tcp services + 172.16.1.0/24 + aks + 10.0.0.4 -> any:80 + 443 + 81";
    let experiment = founding_with(old, new).unwrap_or_else(|found| panic!("{found}"));
    let rule = &experiment.steps[0].topology.network_security_groups["aci-nsg"].rules[0];
    let RuleAddresses::Prefixes(prefixes) = &rule.source.addresses else {
        panic!("prefixes, not {:?}", rule.source.addresses);
    };
    let prefixes: Vec<String> = prefixes.iter().map(ToString::to_string).collect();
    assert_eq!(prefixes, ["10.0.0.4/32", "172.16.0.0/19"]);
    let ports: Vec<String> = rule
        .destination
        .ports
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(ports, ["80-81", "443"]);
}

#[test]
fn by_speaks_of_the_group_by_its_name_in_azure() {
    let experiment = resolved(
        &FOUNDING
            .replace("  aci-nsg:\n", "  aci-nsg:\n    azure-name: nsg-aci\n")
            .replace(
                "by: disallow-everything-else",
                "by: aci-nsg/inbound/disallow-everything-else",
            ),
    )
    .unwrap_or_else(|found| panic!("{found}"))
    .experiment;
    let by = experiment.steps[3].probes[0]
        .expectation
        .by
        .as_ref()
        .expect("a rule");
    assert_eq!(by.to_string(), "nsg-aci/inbound/disallow-everything-else");
}

#[test]
fn no_damage_to_a_spec_makes_the_reader_panic() {
    let mut findings = 0;
    for at in 0..FOUNDING.len() {
        let damaged = [
            FOUNDING[..at].to_owned(),
            format!("{}{}", &FOUNDING[..at], &FOUNDING[at + 1..]),
            format!("{}\u{e9}{}", &FOUNDING[..at], &FOUNDING[at + 1..]),
        ];
        for text in damaged {
            findings += usize::from(resolved(&text).is_err());
        }
    }
    assert!(findings > FOUNDING.len(), "{findings}");
}

#[test]
fn every_finding_has_a_listed_code() {
    let damaged = FOUNDING.replace("aks ", "askk ");
    let source = Source::new("spec.yaml", damaged);
    let found = spec::parse(&source).and_then(|spec| resolve(&spec).map(|_| ()));
    for finding in found.expect_err("a spec with unknown names") {
        assert!(codes::ALL.iter().any(|(code, _)| *code == finding.code));
    }
}
