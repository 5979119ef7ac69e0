//! Between a spec's text and its types: several files, parameters, the matrix, substitution.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use proptest::prelude::*;
use vnetlab::spec::{self, Document, Settings, Source, codes};
use vnetlab::topology::{self, Experiment, Resolution};

/// A small network with one probe, and `$` where a test needs it.
const REST: &str = "
vnets:
  hub:
    space: 10.10.0.0/16
    subnets: { nodes: 10.10.0.0/24, aci: { prefix: 10.10.1.0/24, nsg: guard } }
nsgs:
  guard:
    inbound:
      web-in: 100 allow tcp nodes -> any:80
      rest: 200 deny any any -> any
clusters:
  c: { network: kubenet, subnet: nodes }
workloads:
  caller: { pod: c }
  web: { aci: aci, serve: http:80 }
probes:
  call: caller -> http://web/
steps:
  - deploy
  - probe: { call: 200 }
";

fn with_rest(head: &str) -> String {
    format!("vnetlab: 1\nname: spec\n{head}{REST}")
}

/// A spec with its files, read with some settings; findings as they are shown.
fn read(
    spec: &str,
    files: &[(&str, &str)],
    settings: &Settings,
) -> Result<Resolution, (Vec<&'static str>, String)> {
    let files: BTreeMap<&Path, &str> = files.iter().map(|(p, t)| (Path::new(*p), *t)).collect();
    let mut load = |path: &Path| match files.get(path) {
        Some(text) => Ok((*text).to_owned()),
        None => Err(io::Error::new(io::ErrorKind::NotFound, "no such file")),
    };
    let document = Document::open(Source::new("dir/spec.yaml", spec), settings, &mut load);
    topology::load_document(&document).map_err(|found| {
        let codes = found.iter().map(|finding| finding.code).collect();
        (codes, spec::render(&found, document.sources(), false))
    })
}

fn sound(spec: &str, files: &[(&str, &str)], settings: &Settings) -> Vec<Experiment> {
    let read = read(spec, files, settings);
    read.unwrap_or_else(|(_, text)| panic!("{text}"))
        .experiments
}

fn labels(experiments: &[Experiment]) -> Vec<String> {
    experiments
        .iter()
        .map(Experiment::combination_label)
        .collect()
}

#[test]
fn files_are_merged_by_name_and_the_nearer_one_overrides() {
    let spec = "vnetlab: 1\nname: spec\ninclude: [net/hub.yaml, rules.yaml]
nsgs:
  guard: { override: true, inbound: { all: 100 allow any any -> any } }
steps:
  - deploy
  - probe: { call: 200 }
";
    let hub = "vnetlab: 1\nabout: shared\ninclude: [../params.yaml]
vnets:
  hub: { space: 10.10.0.0/16, subnets: { nodes: 10.10.0.0/24, aci: { prefix: 10.10.1.0/24, nsg: guard } } }
clusters: { c: { network: kubenet, subnet: nodes } }
workloads: { caller: { pod: c }, web: { aci: aci, serve: http:$port } }
probes: { call: 'caller -> http://web:$port/' }
";
    let rules = "include: [params.yaml]
nsgs: { guard: { inbound: { none: 100 deny any any -> any } } }
";
    let params = "params: { port: { type: port, default: 8080 } }\n";
    let experiments = sound(
        spec,
        &[
            ("dir/net/hub.yaml", hub),
            ("dir/rules.yaml", rules),
            ("dir/params.yaml", params),
        ],
        &Settings::default(),
    );
    let topology = &experiments[0].steps[1].topology;
    let rules = &topology.network_security_groups.values().next().unwrap();
    let names: Vec<&str> = rules.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["all"]);
    assert_eq!(topology.workloads["web"].serve[0].port, 8080);
}

#[test]
fn what_is_wrong_with_files_is_said_where_they_are_included() {
    let spec = with_rest(
        "include: [gone.yaml, loop.yaml, steps.yaml, twice.yaml, list.yaml, $a.yaml, empty.yaml, bad.yaml]\n",
    );
    let Err((_, text)) = read(
        &spec,
        &[
            ("dir/loop.yaml", "include: [../dir/./more.yaml]\n"),
            ("dir/more.yaml", "include: [loop.yaml, spec.yaml]\n"),
            (
                "dir/steps.yaml",
                "vnetlab: 2\nname: other\nsteps: [deploy]\nvnts: {}\n",
            ),
            (
                "dir/twice.yaml",
                "clusters:\n  c: { network: kubenet, subnet: nodes }\n",
            ),
            ("dir/list.yaml", "- deploy\n"),
            ("dir/empty.yaml", ""),
            (
                "dir/bad.yaml",
                "workloads:\n  odd: { pod: c, serv: http:80, override: true }\nprobes: [\n",
            ),
        ],
        &Settings::default(),
    ) else {
        panic!("mistakes are errors")
    };
    insta::assert_snapshot!(text);
}

#[test]
fn an_override_replaces_what_an_earlier_file_gives_and_is_told_where_it_replaces_nothing() {
    let spec = with_rest("include: [a.yaml, b.yaml]\n").replace("  c: { network", "  e: { network");
    let spec = spec.replace("pod: c }", "pod: c, override: true }");
    let files = [
        (
            "dir/a.yaml",
            "clusters: { c: { network: kubenet, subnet: aci } }\n",
        ),
        (
            "dir/b.yaml",
            "clusters: { c: { override: true, network: node-subnet, subnet: nodes } }\n",
        ),
    ];
    let resolution = read(
        &spec.replace(
            "  e: { network: kubenet, subnet: nodes }\n",
            "  e: { network: node-subnet, subnet: nodes }\n",
        ),
        &files,
        &Settings::default(),
    )
    .unwrap_or_else(|(_, text)| panic!("{text}"));
    let clusters = &resolution.experiments[0].steps[0].topology.clusters;
    assert_eq!(clusters["c"].network, spec::ClusterNetwork::NodeSubnet);
    let codes: Vec<&str> = resolution.warnings.iter().map(|w| w.code).collect();
    assert_eq!(codes, [codes::NO_EFFECT]);
}

#[test]
fn a_spec_without_its_files_says_so() {
    let source = Source::new("spec.yaml", with_rest("include: [common.yaml]\n"));
    let found = topology::load(&source).unwrap_err();
    assert_eq!(found.len(), 1, "{}", spec::render(&found, &source, false));
    assert_eq!(found[0].code, codes::INCLUDE);
}

#[test]
fn a_spec_has_a_bounded_number_of_files() {
    let names: Vec<String> = (0..100).map(|n| format!("{n}.yaml")).collect();
    let spec = with_rest(&format!("include: [{}]\n", names.join(", ")));
    let paths: Vec<String> = names.iter().map(|name| format!("dir/{name}")).collect();
    let files: Vec<(&str, &str)> = paths.iter().map(|p| (p.as_str(), "vnetlab: 1\n")).collect();
    let Err((found, text)) = read(&spec, &files, &Settings::default()) else {
        panic!("too many files")
    };
    assert!(found.iter().all(|code| *code == codes::INCLUDE), "{text}");
    assert!(text.contains("at most 64 files"), "{text}");
}

#[test]
fn a_value_from_the_command_line_goes_before_a_file_and_that_before_a_default() {
    let spec = with_rest("params: { a: { type: string, default: x }, b: { type: string, default: x }, c: { type: string, default: x } }\n")
        .replace("serve: http:80 }", "serve: http:80, body: $a $b $c }");
    let settings = Settings::default()
        .parameter_file(Source::new("values.yaml", "a: file\nb: file\n"))
        .parameter("a=flag=1");
    let experiments = sound(&spec, &[], &settings);
    let body = &experiments[0].steps[0].topology.workloads["web"].body;
    assert_eq!(body.as_deref(), Some("flag=1 file x"));
}

#[test]
fn what_is_wrong_with_values_and_picks_points_at_the_command_line_and_the_file() {
    let spec = with_rest(
        "params: { port: { type: port, default: 80 }, size: { type: string, one-of: [small, large] } }\nmatrix: { cni: [kubenet, node-subnet] }\n",
    );
    let settings = Settings::default()
        .parameter("port=http")
        .parameter("prot=80")
        .parameter("nothing")
        .parameter("port=81")
        .parameter_file(Source::new(
            "values.yaml",
            "size: smal\ncolour: red\nport: {}\n",
        ))
        .pick("cni=kubnet")
        .pick("cnj=kubenet");
    let Err((_, text)) = read(&spec, &[], &settings) else {
        panic!("mistakes are errors")
    };
    insta::assert_snapshot!(text);
}

const MATRIX: &str = "matrix:
  cni:
    kubenet: { near: node, nets: { network: kubenet, nodes: 2 } }
    node-subnet: { near: pod, nets: { network: node-subnet } }
  port: [80, 81]
  exclude: [{ cni: node-subnet, port: 81 }]
  include: [{ cni: kubenet, port: 443 }]
";

fn matrix() -> String {
    with_rest(MATRIX)
        .replace("network: kubenet, subnet", "with: $cni.nets, subnet")
        .replace("serve: http:80", "serve: http:$port")
        .replace("http://web/", "http://web:$port/")
        .replace("nodes -> any:80", "nodes -> any:$port")
        .replace(
            "probe: { call: 200 }",
            "probe: { call: { status: 200, source: $cni.near } }\n    when: { port: [80, 443] }",
        )
}

#[test]
fn every_combination_is_an_experiment_in_a_stable_order() {
    let experiments = sound(&matrix(), &[], &Settings::default());
    assert_eq!(
        labels(&experiments),
        [
            "cni=kubenet, port=80",
            "cni=kubenet, port=81",
            "cni=node-subnet, port=80",
            "cni=kubenet, port=443",
        ]
    );
    let ports: Vec<u16> = experiments
        .iter()
        .map(|experiment| experiment.steps[0].topology.workloads["web"].serve[0].port)
        .collect();
    assert_eq!(ports, [80, 81, 80, 443]);
    let steps: Vec<usize> = experiments.iter().map(|e| e.steps.len()).collect();
    assert_eq!(steps, [2, 1, 2, 2], "a step is run where its `when` says");
    let nodes: Vec<u32> = experiments
        .iter()
        .map(|experiment| experiment.steps[0].topology.clusters["c"].nodes)
        .collect();
    assert_eq!(nodes, [2, 2, 1, 2], "what `with` adds comes from the row");
}

#[test]
fn picks_leave_what_they_name() {
    for (picks, left) in [
        (&["cni=kubenet"][..], 3),
        (&["cni=kubenet", "port=80"], 1),
        (&["port=80", "port=443"], 3),
    ] {
        let settings = picks
            .iter()
            .fold(Settings::default(), |s, pick| s.pick(*pick));
        assert_eq!(sound(&matrix(), &[], &settings).len(), left, "{picks:?}");
    }
    let nothing = Settings::default().pick("cni=node-subnet").pick("port=81");
    let Err((found, _)) = read(&matrix(), &[], &nothing) else {
        panic!("nothing is left to run")
    };
    assert_eq!(found, [codes::COMBINATIONS]);
}

#[test]
fn a_parameter_may_stand_in_a_row_and_a_dollar_is_a_dollar() {
    let spec = with_rest(
        "params: { size: { type: int, default: 3 } }\nmatrix:\n  a: { one: { nodes: $size, says: cost $$5 } }\n",
    )
    .replace("subnet: nodes }", "subnet: nodes, nodes: $a.nodes }")
    .replace("serve: http:80 }", "serve: http:80, body: $a.says or $HOME or $$size }");
    let topology = &sound(&spec, &[], &Settings::default())[0].steps[0].topology;
    assert_eq!(topology.clusters["c"].nodes, 3);
    let body = topology.workloads["web"].body.as_deref();
    assert_eq!(body, Some("cost $5 or $HOME or $size"));
}

/// The words of a text and what joins them: what a sentence is split by.
fn structure(text: &str) -> (usize, usize, [usize; 3]) {
    let joins = ['+', ',', ':'].map(|c| text.matches(c).count());
    let arrows = text.split_whitespace().filter(|word| word.contains("->"));
    (text.split_whitespace().count(), arrows.count(), joins)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// A value either keeps the structure of the sentence, or is refused where it is used.
    #[test]
    fn a_value_never_changes_how_a_sentence_is_split(value in "[a-z0-9 +:,>./-]{0,12}") {
        let rule = "100 allow tcp $x -> any:80";
        let spec = with_rest("params: { x: { type: string } }\n")
            .replace("100 allow tcp nodes -> any:80", rule);
        let settings = Settings::default().parameter(format!("x={value}"));
        let filled = rule.replace("$x", &value);
        match read(&spec, &[], &settings) {
            Ok(_) => prop_assert_eq!(structure(&filled), structure(rule)),
            Err((found, text)) => {
                let refused = found.contains(&codes::SUBSTITUTED_VALUE);
                // Other findings are on the value as a term: it was one word, and a wrong one.
                prop_assert!(refused || structure(&filled) == structure(rule), "{}", text);
                prop_assert!(
                    !text.contains("second `->`") && !text.contains("expected `+`"),
                    "{}",
                    text
                );
            }
        }
    }
}
