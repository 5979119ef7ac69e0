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

fn addresses(prefixes: Vec<crate::net::Prefix>) -> RuleAddresses {
    RuleAddresses::Addresses(AddressSet {
        prefixes,
        ..AddressSet::default()
    })
}

/// The resolution, or the rendered findings.
fn resolved(text: &str) -> Result<Resolution, String> {
    let source = Source::new("spec.yaml", text);
    spec::parse(&source)
        .and_then(|spec| resolve(&spec))
        .map_err(|found| spec::render(&found, &source, false))
}

fn founding() -> Experiment {
    let mut resolution = resolved(&FOUNDING).expect("a sound spec");
    assert_eq!(
        resolution.warnings,
        [],
        "the founding spec gives no warning"
    );
    resolution.experiments.remove(0)
}

/// The founding spec with one text in place of another.
fn founding_with(old: &str, new: &str) -> Result<Experiment, String> {
    assert!(FOUNDING.contains(old), "{old}");
    resolved(&FOUNDING.replace(old, new)).map(|mut resolution| resolution.experiments.remove(0))
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
        (Some(80), "/", 1)
    );
}

#[test]
fn a_rule_names_the_range_of_its_subnet() {
    let experiment = founding();
    let rules = &experiment.steps[0].topology.network_security_groups["aci-nsg"].rules;
    let aks = "172.16.0.0/20".parse().expect("a prefix");
    assert_eq!(rules[0].source.addresses, addresses(vec![aks]));
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
    .experiments
    .remove(0);
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
    let RuleAddresses::Addresses(AddressSet { prefixes, .. }) = &rule.source.addresses else {
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
    .experiments
    .remove(0);
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

/// The scalars of block and flow maps: `key: value` up to the end of the line or of the entry.
fn values(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut values = Vec::new();
    for (colon, _) in text.match_indices(": ") {
        let start = colon + text[colon..].find(|c| c != ':' && c != ' ').unwrap_or(0);
        let flow = text[..colon].rfind('{') > text[..colon].rfind(['}', '\n']);
        let ends: &[char] = if flow {
            &[',', '}', '\n']
        } else {
            &['\n', '#']
        };
        let end = start + text[start..].find(ends).unwrap_or(0);
        let comment = text[..colon].rfind('#') > text[..colon].rfind('\n');
        if !comment && !text[start..end].trim().is_empty() {
            values.push(start..start + text[start..end].trim_end().len());
        }
    }
    values
}

#[test]
fn a_value_that_cannot_be_read_gives_findings_at_its_own_place_only() {
    let mut damaged_values = 0;
    for value in values(&FOUNDING) {
        for damage in ["[[x]]", "[]", "'? ?'", "[", ""] {
            let text = format!(
                "{}{damage}{}",
                &FOUNDING[..value.start],
                &FOUNDING[value.end..]
            );
            let source = Source::new("spec.yaml", text);
            let Err(found) = load(&source) else { continue };
            if found.iter().any(|finding| finding.code == codes::SYNTAX) {
                continue;
            }
            damaged_values += 1;
            // The finding may stand at the key instead.
            let line = FOUNDING[..value.start].rfind('\n').map_or(0, |at| at + 1);
            for finding in &found {
                let span = finding.primary.span;
                assert!(
                    line <= span.start && span.end <= value.start + damage.len(),
                    "`{damage}` for `{}`\n{}",
                    &FOUNDING[value],
                    spec::render(&found, &source, false)
                );
            }
        }
    }
    assert!(damaged_values > 100, "{damaged_values}");
}

/// The founding spec with one text in place of another, and the codes of all findings on it.
fn codes_with(old: &str, new: &str) -> Vec<&'static str> {
    assert!(FOUNDING.contains(old), "{old}");
    let source = Source::new("spec.yaml", FOUNDING.replacen(old, new, 1));
    let found = load(&source).expect_err("a spec with a mistake");
    found.iter().map(|finding| finding.code).collect()
}

#[test]
fn a_misspelt_key_is_one_finding_and_read_as_the_key_that_was_meant() {
    for key in [
        "vnets",
        "nsgs",
        "clusters",
        "workloads",
        "probes",
        "steps",
        "space",
        "subnets",
        "prefix",
        "nsg",
        "inbound",
        "outbound",
        "network",
        "subnet",
        "pods",
        "pod",
        "serve",
        "body",
        "probe",
        "status",
        "source",
        "source-in",
        "by",
        "outcome",
        "lifecycle",
        "budget",
    ] {
        let slip = format!("{}x{}", &key[..2], &key[2..]);
        for before in ["\n", " "] {
            let (old, new) = (format!("{before}{key}:"), format!("{before}{slip}:"));
            if FOUNDING.contains(&old) {
                let found = codes_with(&old, &new);
                let one = [[codes::UNKNOWN_KEY], [codes::UNKNOWN_STEP]];
                assert!(one.iter().any(|one| found == one), "{slip}: {found:?}");
            }
        }
    }
    for (old, new, code) in [
        ("{ aci:", "{ acii:", codes::UNKNOWN_KEY),
        (", services:", ", servces:", codes::UNKNOWN_KEY),
        ("change:", "chagne:", codes::UNKNOWN_STEP),
        ("- undo", "- udno", codes::UNKNOWN_STEP),
    ] {
        assert_eq!(codes_with(old, new), [code], "{new}");
    }
}

#[test]
fn a_section_that_cannot_be_read_hides_all_of_its_names() {
    for section in ["vnets", "nsgs", "clusters", "workloads", "probes", "steps"] {
        let start = FOUNDING.find(&format!("\n{section}:")).expect("a section") + 1;
        let end = start + FOUNDING[start..].find("\n\n").expect("its end");
        for (value, code) in [
            ("text", codes::SHAPE),
            ("", codes::NO_VALUE),
            ("*alias", codes::YAML_FEATURE),
        ] {
            let found = codes_with(&FOUNDING[start..end], &format!("{section}: {value}"));
            assert_eq!(found, [code], "{section}: {value}");
        }
    }
}

#[test]
fn a_section_in_two_parts_keeps_the_names_of_both() {
    let found = codes_with("  web: {", "workloads:\n  web: {");
    assert_eq!(found, [codes::DUPLICATE_KEY]);
}

#[test]
fn a_change_that_leads_nowhere_hides_what_it_would_have_made() {
    let change = "{ nsgs.aci-nsg.inbound.allow-http-from-aks.priority: 400 }";
    let wrong = "{ nsgs.aci-nsg.inbond.late: 150 deny any any -> any }";
    let text = FOUNDING
        .replace(change, wrong)
        .replace("by: disallow-everything-else", "by: late");
    let found = load(&Source::new("spec.yaml", text)).expect_err("a path to nowhere");
    let found: Vec<_> = found.iter().map(|finding| finding.code).collect();
    assert_eq!(found, [codes::UNKNOWN_PATH]);
}

#[test]
fn a_later_state_is_checked_although_the_first_one_has_a_fault() {
    let text = FOUNDING.replace("aks -> any:80", "askk -> any:80").replace(
        "nsgs.aci-nsg.inbound.allow-http-from-aks.priority: 400",
        "vnets.cluster-vnet.space: 172.16.0.0/17",
    );
    let found = load(&Source::new("spec.yaml", text)).expect_err("two mistakes");
    let found: Vec<_> = found.iter().map(|finding| finding.code).collect();
    assert_eq!(found, [codes::UNKNOWN_NAME, codes::IMMUTABLE]);
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
