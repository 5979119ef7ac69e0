//! The founding experiment and its control, run as a user runs them.

#![allow(clippy::print_stdout, reason = "what it prints is its result")]

#[path = "support/namespaces.rs"]
mod namespaces;
mod support;

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const DENY: &str = "disallow-everything-else";

/// The binary under test, with no environment to lean on.
fn vnetlab() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("vnetlab"));
    command.env_clear().current_dir(support::checkout());
    command
}

/// Whether this host carries a lab. Where it must, because the gate found that it does, a missing one fails.
fn lab_runs_here() -> bool {
    let supported = vnetlab()
        .arg("doctor")
        .output()
        .expect("the binary runs")
        .status
        .success();
    assert!(
        supported || std::env::var_os("VNETLAB_REQUIRE_LAB").is_none(),
        "the lab must run here and does not"
    );
    if !supported {
        println!("skipped: this host carries no lab (`vnetlab doctor` says why)");
    }
    supported
}

struct Run {
    output: Output,
    report: Value,
}

impl Run {
    fn of(mut command: Command, arguments: &[&str]) -> Run {
        let directory = TempDir::new().expect("a temporary directory");
        let path = directory.path().join("report.json");
        let output = command
            .arg("run")
            .args(arguments)
            .arg(format!("--report=json={}", path.display()))
            .output()
            .expect("the binary runs");
        let report = fs::read_to_string(&path).map_or(Value::Null, |text| {
            serde_json::from_str(&text).expect("the report is JSON")
        });
        Run { output, report }
    }

    fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    fn text(&self) -> String {
        format!(
            "{}{}",
            String::from_utf8_lossy(&self.output.stdout),
            String::from_utf8_lossy(&self.output.stderr)
        )
    }

    /// A probe of the report, by the places of its step and itself.
    fn probe(&self, step: usize, probe: usize) -> &Value {
        &self.report["steps"][step]["probes"][probe]
    }
}

fn assert_founding_holds(run: &Run) {
    assert_eq!(run.code(), Some(0), "{}", run.text());
    assert_eq!(run.report["verdict"], "pass");
    assert_eq!(run.report["fabric"], "lab");

    let allowed = run.probe(1, 0);
    assert_eq!(allowed["observed"]["status"], 200);
    assert_eq!(allowed["observed"]["body"], "Hello World!");
    assert_eq!(allowed["observed"]["simulated"], false);
    // The address is what the container group's server said it saw, on the same connection.
    let source = allowed["observed"]["source"]
        .as_str()
        .expect("the server saw an address");
    assert_eq!(source, "172.16.0.4", "the first node of 172.16.0.0/20");
    assert_eq!(allowed["predicted"]["source"], source);
    assert_eq!(
        allowed["observed"]["evidence"]["by"]["rule"],
        "allow-http-from-aks"
    );

    let denied = run.probe(3, 0);
    assert_eq!(denied["observed"]["outcome"], "timeout");
    assert_eq!(denied["predicted"]["outcome"], "timeout");
    assert_eq!(denied["observed"]["evidence"]["by"]["rule"], DENY);
    let packets = denied["observed"]["evidence"]["packets"]
        .as_array()
        .expect("the packet log has packets");
    let blocked = packets
        .iter()
        .find(|packet| packet["rule"]["rule"] == DENY)
        .expect("the blocked packet is on record");
    assert_eq!(blocked["flags"], "SYN");
    assert_eq!(
        (&blocked["source"], &blocked["destination_port"]),
        (&Value::from("172.16.0.4"), &Value::from(80))
    );
    let sent = run.report["steps"][2]["deployment"]["resources"]
        .as_array()
        .expect("the change was deployed");
    assert_eq!(
        sent.len(),
        1,
        "the change sends the network security group alone: {sent:?}"
    );

    assert_eq!(
        run.probe(5, 0)["observed"]["status"],
        200,
        "the undo opens the path again"
    );
}

#[test]
fn the_founding_experiment_holds_with_real_packets() {
    if lab_runs_here() {
        assert_founding_holds(&Run::of(vnetlab(), &["specs/kubenet-outbound.yaml"]));
    }
}

#[test]
fn it_holds_with_loopback_alone() {
    if lab_runs_here() {
        let mut command = vnetlab();
        namespaces::with_loopback_alone(&mut command);
        assert_founding_holds(&Run::of(command, &["specs/kubenet-outbound.yaml"]));
    }
}

#[test]
fn without_user_namespaces_the_lab_runs_in_its_root_mode() {
    if lab_runs_here() {
        let mut command = vnetlab();
        namespaces::without_user_namespaces(&mut command);
        assert_founding_holds(&Run::of(
            command,
            &["specs/kubenet-outbound.yaml", "--fabric", "lab"],
        ));
    }
}

#[test]
fn the_control_shows_that_the_source_decides() {
    if !lab_runs_here() {
        return;
    }
    let run = Run::of(vnetlab(), &["specs/kubenet-outbound-control.yaml"]);
    assert_eq!(run.code(), Some(0), "{}", run.text());
    let (kubenet, cni) = (run.probe(1, 0), run.probe(1, 1));
    assert_eq!(kubenet["observed"]["source"], "172.16.0.4");
    assert_eq!(
        kubenet["observed"]["evidence"]["by"]["rule"],
        "allow-clients"
    );
    assert_eq!(cni["observed"]["outcome"], "timeout");
    assert_eq!(cni["observed"]["evidence"]["by"]["rule"], "deny-rest");
    let blocked = &cni["observed"]["evidence"]["packets"][0];
    let pod = run.probe(3, 1)["observed"]["source"]
        .as_str()
        .expect("the server saw the pod")
        .to_owned();
    assert_ne!(pod, "172.16.0.4", "Azure CNI shows the pod's own address");
    assert_eq!(
        blocked["source"],
        pod.as_str(),
        "the blocked packet came from the pod's own address"
    );
}

#[test]
fn an_expectation_that_does_not_hold_gives_1_and_names_the_fact() {
    if !lab_runs_here() {
        return;
    }
    let directory = TempDir::new().expect("a temporary directory");
    let text = fs::read_to_string(support::checkout().join("specs/kubenet-outbound.yaml"))
        .expect("the spec can be read");
    let copy = directory.path().join("copy.yaml");
    fs::write(&copy, text.replace("source: node,", "source: pod,"))
        .expect("the copy can be written");
    let run = Run::of(vnetlab(), &[copy.to_str().expect("a path in UTF-8")]);
    assert_eq!(run.code(), Some(1), "{}", run.text());
    let differs = run.probe(1, 0)["differs"]
        .as_array()
        .expect("facts are listed");
    assert_eq!(differs.len(), 1, "{differs:?}");
    let fact = differs[0].as_str().expect("a fact is text");
    assert!(
        fact.contains("source") && fact.contains("pod") && fact.contains("172.16.0.4"),
        "{fact}"
    );
    assert!(
        String::from_utf8_lossy(&run.output.stdout).contains(fact),
        "the human report says so too"
    );
}

#[test]
fn without_namespaces_and_capabilities_the_network_is_a_labelled_model() {
    if !lab_runs_here() {
        return;
    }
    let mut command = vnetlab();
    namespaces::without_privileges(&mut command);
    let run = Run::of(command, &["specs/kubenet-outbound.yaml"]);
    assert_eq!(run.code(), Some(0), "{}", run.text());
    assert_eq!(run.report["fabric"], "model");
    let probe = run.probe(1, 0);
    assert_eq!(probe["observed"]["simulated"], true);
    assert_eq!(probe["observed"]["evidence"], Value::Null);
    let stderr = String::from_utf8_lossy(&run.output.stderr);
    assert!(
        stderr.contains("max_user_namespaces"),
        "the remedy is named: {stderr}"
    );
    assert!(
        String::from_utf8_lossy(&run.output.stdout).contains("simulated, no packets"),
        "{}",
        run.text()
    );

    let mut command = vnetlab();
    namespaces::without_privileges(&mut command);
    let run = Run::of(command, &["specs/kubenet-outbound.yaml", "--fabric", "lab"]);
    assert_eq!(run.code(), Some(3), "{}", run.text());
}

#[test]
fn the_model_fabric_is_labelled_wherever_it_is_asked_for() {
    let run = Run::of(
        vnetlab(),
        &["specs/kubenet-outbound-control.yaml", "--fabric", "model"],
    );
    assert_eq!(run.code(), Some(0), "{}", run.text());
    assert_eq!(run.report["fabric"], "model");
    assert!(String::from_utf8_lossy(&run.output.stdout).contains("simulated, no packets"));
}

#[test]
fn a_cluster_goes_with_its_pod_and_comes_back() {
    let spec = "tests/specs/cluster-comes-and-goes.yaml";
    let run = Run::of(vnetlab(), &[spec, "--fabric", "model"]);
    assert_eq!(run.code(), Some(0), "{}", run.text());
    let deleted = run.report["steps"][2]["deployment"]["deleted"].as_array();
    let deleted = deleted.expect("the change deletes").iter();
    assert!(
        deleted
            .filter_map(Value::as_str)
            .any(|id| id.ends_with("/managedClusters/second"))
    );
}

#[test]
fn every_combination_of_a_matrix_runs_and_the_report_has_them_side_by_side() {
    let spec = "tests/specs/matrix.yaml";
    let schema = fs::read_to_string(support::checkout().join("docs/report.schema.json"));
    let schema = serde_json::from_str(&schema.expect("the schema is kept")).expect("it is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is sound");
    let mut fabrics = vec!["model"];
    if lab_runs_here() {
        fabrics.push("lab");
    }
    for fabric in fabrics {
        let run = Run::of(vnetlab(), &[spec, "--fabric", fabric]);
        assert_eq!(run.code(), Some(0), "{}", run.text());
        assert!(validator.is_valid(&run.report), "{}", run.report);
        let combinations = run.report["combinations"].as_array();
        let combinations = combinations.expect("there are combinations");
        let of = |index: usize, pointer: &str| combinations[index].pointer(pointer).cloned();
        assert_eq!(of(0, "/rows/cni"), Some("kubenet".into()));
        assert_eq!(of(1, "/rows/cni"), Some("node-subnet".into()));
        let source = "/steps/1/probes/0/observed/source";
        assert_ne!(of(0, source), of(1, source), "a node here, a pod there");
        let steps: Vec<_> = combinations.iter().map(|c| c["steps"].as_array()).collect();
        let steps: Vec<_> = steps.into_iter().flatten().map(Vec::len).collect();
        assert_eq!(steps, [3, 2], "a step is run where its `when` says");
        let table = run.text();
        let row = table
            .lines()
            .find(|line| line.starts_with("cni=node-subnet  "));
        assert!(
            row.is_some_and(|row| row.contains("200 from 10.10.0.")),
            "{table}"
        );
    }
    let picked = [
        spec,
        "--fabric",
        "model",
        "--matrix",
        "cni=kubenet",
        "-p",
        "port=8080",
    ];
    let run = Run::of(vnetlab(), &picked);
    assert_eq!(run.code(), Some(0), "{}", run.text());
    assert_eq!(run.report["combinations"].as_array().map(Vec::len), Some(1));
    assert!(run.text().contains(":8080/clientip"), "{}", run.text());
}

#[test]
fn a_budget_is_that_of_all_combinations_together() {
    let directory = TempDir::new().expect("a temporary directory");
    let spec = support::checkout().join("tests/specs/matrix.yaml");
    let text = fs::read_to_string(spec).expect("the spec can be read");
    let copy = directory.path().join("copy.yaml");
    let changed = text.replace("budget: { clusters: 2 }", "budget: { clusters: 1 }");
    assert_ne!(changed, text);
    fs::write(&copy, changed).expect("the copy can be written");
    let path = copy.to_str().expect("a path in UTF-8");
    let run = Run::of(vnetlab(), &[path, "--fabric", "model"]);
    assert_eq!(run.code(), Some(7), "{}", run.text());
    assert!(run.text().contains("needs 2 clusters"), "{}", run.text());
}

#[test]
fn a_call_to_the_internet_is_refused_locally_with_7() {
    let directory = TempDir::new().expect("a temporary directory");
    let spec = support::checkout().join("specs/kubenet-outbound.yaml");
    let text = fs::read_to_string(spec).expect("the spec can be read");
    let copy = directory.path().join("copy.yaml");
    let call = "call-aci: observer -> http://web/";
    let both = format!("{call}\n  outside: observer -> http://203.0.113.7/");
    fs::write(&copy, text.replace(call, &both)).expect("the copy can be written");
    let path = copy.to_str().expect("a path in UTF-8");
    let run = Run::of(vnetlab(), &[path, "--fabric", "model"]);
    assert_eq!(run.code(), Some(7), "{}", run.text());
    assert!(run.text().contains("203.0.113.7"), "{}", run.text());
}

#[test]
fn every_mistake_of_a_file_is_reported_at_once_with_2() {
    let mistakes = support::checkout().join("tests/bad");
    let output = vnetlab()
        .current_dir(&mistakes)
        .args(["run", "several-mistakes.yaml"])
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let expected = fs::read_to_string(mistakes.join("several-mistakes.stderr"));
    let expected = expected.expect("the message is kept");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr).trim(),
        expected.trim()
    );
}

#[test]
fn the_report_is_what_its_schema_says() {
    let schema = fs::read_to_string(support::checkout().join("docs/report.schema.json"))
        .expect("the schema is kept");
    let validator =
        jsonschema::validator_for(&serde_json::from_str(&schema).expect("the schema is JSON"))
            .expect("the schema is sound");
    let mut fabrics = vec!["model"];
    if lab_runs_here() {
        fabrics.push("lab");
    }
    for fabric in fabrics {
        let run = Run::of(
            vnetlab(),
            &["specs/kubenet-outbound.yaml", "--fabric", fabric],
        );
        let errors = validator
            .iter_errors(&run.report)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect::<Vec<_>>();
        assert!(errors.is_empty(), "{fabric}: {}", errors.join("\n"));
    }
}
