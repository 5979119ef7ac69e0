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

/// A container group that moves is deleted and made again, a rule that names it follows its address, a pod is made
/// again when its node goes, and a workload that nobody asks any more may go.
#[test]
fn what_cannot_be_changed_in_place_is_made_again() {
    let spec = "tests/specs/replaced.yaml";
    let mut fabrics = vec!["model"];
    if lab_runs_here() {
        fabrics.push("lab");
    }
    for fabric in fabrics {
        let run = Run::of(vnetlab(), &[spec, "--fabric", fabric]);
        assert_eq!(run.code(), Some(0), "{fabric}: {}", run.text());
        let report = &run.report;
        let deployment = |step: usize| &report["steps"][step]["deployment"];
        let names = |step: usize, list: &str| {
            let ids = deployment(step)[list].as_array().expect("a list").iter();
            let names = ids.filter_map(|id| id.as_str()?.rsplit('/').next());
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        // Delegations follow the container groups, so the network is written too.
        assert_eq!(names(3, "deleted"), ["tool"]);
        assert_eq!(
            names(3, "resources").last().map(String::as_str),
            Some("lock")
        );
        assert_eq!(names(4, "resources"), ["crew", "lock"]);
        assert_eq!(names(5, "deleted"), ["idle"]);
    }
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

#[test]
fn the_probes_of_a_step_wait_at_once_and_are_reported_in_order() {
    if !lab_runs_here() {
        return;
    }
    let run = Run::of(vnetlab(), &["tests/specs/silences-at-once.yaml"]);
    assert_eq!(run.code(), Some(0), "{}", run.text());
    let probes = run.report["steps"][1]["probes"].as_array();
    let probes = probes.expect("the step has probes").iter();
    let names = probes
        .map(|probe| probe["name"].as_str().expect("a probe has a name"))
        .collect::<Vec<_>>();
    assert_eq!(names, ["z-silent", "b-silent", "m-silent", "a-open"]);
    // Each waits its own second out; together they take one, not three.
    for place in 0..3 {
        let took = run.probe(1, place)["observed"]["duration_ms"].as_u64();
        assert!(took >= Some(1000), "{took:?}");
    }
    let waited = run.report["probes_waited_ms"].as_u64().expect("a number");
    assert!((1000..2000).contains(&waited), "{waited}");
}

#[test]
fn a_container_group_calls_another_across_subnets_and_within_one() {
    if !lab_runs_here() {
        return;
    }
    let run = Run::of(
        vnetlab(),
        &["tests/specs/aci-calls-aci.yaml", "--fabric", "lab"],
    );
    assert_eq!(run.code(), Some(0), "{}", run.text());
    assert_eq!(run.report["fabric"], "lab");
    let allowed = run.probe(1, 0);
    assert_eq!(allowed["observed"]["body"], "It's \"up\"!");
    assert_eq!(allowed["observed"]["source"], "10.40.1.4");
    assert_eq!(
        allowed["observed"]["evidence"]["by"]["rule"],
        "allow-clients"
    );
    // R74: the rules hold between groups of one subnet.
    let neighbour = run.probe(1, 2);
    assert_eq!(neighbour["observed"]["outcome"], "timeout");
    assert_eq!(neighbour["observed"]["simulated"], false);
    // The outbound rules of the same group let it leave first.
    let packets = neighbour["observed"]["evidence"]["packets"].as_array();
    let blocked = packets
        .and_then(|packets| packets.iter().find(|it| it["rule"]["rule"] == "deny-rest"))
        .expect("the blocked packet is on record");
    let source = blocked["source"].as_str().expect("a packet has a source");
    assert!(source.starts_with("10.40.2."), "{source}");
    assert_eq!(run.probe(3, 1)["observed"]["source"], source);
}

#[test]
fn a_container_group_calls_in_the_model_too() {
    let spec = "tests/specs/aci-calls-aci.yaml";
    let run = Run::of(vnetlab(), &[spec, "--fabric", "model"]);
    assert_eq!(run.code(), Some(0), "{}", run.text());
    assert_eq!(run.probe(1, 0)["observed"]["source"], "10.40.1.4");
    assert_eq!(run.probe(1, 0)["observed"]["simulated"], true);
}

#[test]
fn what_container_groups_show_of_rules_and_routes_holds_with_real_packets() {
    if !lab_runs_here() {
        return;
    }
    for spec in [
        "intra-subnet-deny",
        "outbound-lockdown",
        "udp-and-icmp",
        "established-flow",
        "udr-black-hole",
        "peering-not-transitive",
    ] {
        let spec = format!("specs/{spec}.yaml");
        let run = Run::of(vnetlab(), &[&spec, "--fabric", "lab"]);
        assert_eq!(run.code(), Some(0), "{spec}: {}", run.text());
    }
}

#[test]
fn a_connection_that_is_kept_is_predicted_as_one() {
    if !lab_runs_here() {
        return;
    }
    let run = Run::of(vnetlab(), &["specs/established-flow.yaml"]);
    for (step, outcome, by) in [
        (1, "reachable", serde_json::json!("boarding")),
        (2, "reachable", serde_json::Value::Null),
        (3, "timeout", serde_json::json!("boarding")),
    ] {
        let probe = run.probe(step, 0);
        assert_eq!(probe["name"], "on-board");
        assert_eq!(probe["predicted"]["outcome"], outcome, "{probe}");
        assert_eq!(probe["predicted"]["by"]["rule"], by, "{probe}");
    }
    let kept = &run.probe(2, 0)["predicted"]["by"];
    assert_eq!(kept["cause"], "existing-flow-record");
}
