//! `vnetlab compile`: what it prints, what it writes, and that it leaves nothing half done.

mod support;

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

fn compile(arguments: &[&str]) -> assert_cmd::assert::Assert {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("vnetlab"));
    command
        .arg("compile")
        .args(arguments)
        .current_dir(support::checkout())
        .assert()
}

fn json(path: &Path) -> Value {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("it is JSON")
}

fn listed(directory: &Path) -> Vec<String> {
    let mut names = fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect::<Vec<_>>();
    names.sort();
    names
}

const SPEC: &str = "specs/rule-names-a-workload.yaml";

#[test]
fn each_deployment_is_a_template_with_its_parameters_and_a_manifest_tells_the_rest() {
    let directory = tempfile::tempdir().expect("a directory");
    let out = directory.path().join("out");
    compile(&[SPEC, "-o", &out.to_string_lossy()]).success();
    assert_eq!(
        listed(&out),
        [
            "main.json",
            "main.parameters.json",
            "manifest.json",
            "steps"
        ]
    );
    let printed = compile(&[SPEC, "--format", "json"]).success();
    let printed = String::from_utf8_lossy(&printed.get_output().stdout).into_owned();
    assert_eq!(
        printed,
        fs::read_to_string(out.join("main.json")).expect("it is there")
    );
    let manifest = json(&out.join("manifest.json"));
    let change = &manifest["deployments"][1];
    assert_eq!(change["step"], "members and the band only");
    assert_eq!(change["parameters"]["band-nodes"]["nodeAddresses"], "band");
    let template = json(&out.join(change["template"].as_str().expect("a path")));
    let values = json(&out.join(change["parametersFile"].as_str().expect("a path")));
    for (name, declaration) in template["parameters"].as_object().expect("parameters") {
        let given = values["parameters"].get(name).is_some();
        assert_eq!(given, declaration.get("defaultValue").is_none(), "{name}");
    }
    // Every place leads to the line of the spec on which the thing stands.
    let spec = fs::read_to_string(support::checkout().join(SPEC)).expect("the spec");
    let rule = change["places"]["Microsoft.Network/networkSecurityGroups/door/securityRules/rest"]
        .as_str();
    let place = rule
        .expect("a place")
        .strip_prefix(SPEC)
        .expect("the spec's path");
    let line = place
        .split(':')
        .nth(1)
        .and_then(|line| line.parse::<usize>().ok())
        .expect("a line");
    assert!(
        spec.lines()
            .nth(line - 1)
            .expect("the line")
            .contains("rest:")
    );
}

#[test]
fn a_step_that_is_no_more_is_removed_and_other_files_stay() {
    let directory = tempfile::tempdir().expect("a directory");
    let out = directory.path().to_string_lossy().into_owned();
    compile(&[SPEC, "-o", &out]).success();
    let mine = directory.path().join("steps/notes.txt");
    fs::write(&mine, "mine").expect("written");
    compile(&["specs/kubenet-outbound.yaml", "-o", &out]).success();
    let steps = listed(&directory.path().join("steps"));
    assert!(steps.contains(&"notes.txt".to_owned()), "{steps:?}");
    assert!(
        !steps.iter().any(|name| name.contains("members")),
        "{steps:?}"
    );
    assert!(
        steps.iter().any(|name| name.starts_with("03-")),
        "{steps:?}"
    );
}

#[test]
fn what_cannot_be_written_leaves_nothing_behind() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("manifest.json")).expect("made");
    let refused = compile(&[SPEC, "-o", &directory.path().to_string_lossy()]).code(2);
    let told = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(told.contains("manifest.json` is a directory"), "{told}");
    assert_eq!(listed(directory.path()), ["manifest.json"]);

    let broken = directory.path().join("broken.yaml");
    fs::write(
        &broken,
        "vnetlab: 1\nname: broken\nvnets: { a: { spac: 10.0.0.0/16 } }\n",
    )
    .expect("written");
    let out = directory.path().join("out");
    compile(&[&broken.to_string_lossy(), "-o", &out.to_string_lossy()]).code(2);
    assert!(!out.exists());
}

#[test]
fn an_override_is_used_and_a_broken_one_is_the_users_mistake() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("network-security-group.json.hbs");
    let embedded = support::checkout().join("templates/network-security-group.json.hbs");
    let embedded = fs::read_to_string(embedded).expect("the file");
    fs::write(&file, embedded.replace("2025-07-01", "2024-05-01")).expect("written");
    let templates = directory.path().to_string_lossy().into_owned();
    let printed = compile(&[SPEC, "--templates", &templates]).success();
    let template: Value = serde_json::from_slice(&printed.get_output().stdout).expect("JSON");
    let group = &template["resources"][0];
    assert_eq!(group["apiVersion"], "2024-05-01");

    fs::write(&file, "{\n  \"name\": {{json nmae}}\n}\n").expect("written");
    let refused = compile(&[SPEC, "--templates", &templates]).code(2);
    let told = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert_eq!(
        told.trim(),
        "error: template `network-security-group.json.hbs`, line 2: there is no variable `nmae`"
    );
}
