//! The JSON report against its schema.
#![allow(clippy::unwrap_used)]

mod report_samples;

use serde_json::{Value, json};
use vnetlab::report::json::render;
use vnetlab::verdict::event::Report;

fn schema() -> jsonschema::Validator {
    let schema = serde_json::from_str::<Value>(include_str!("../docs/report.schema.json")).unwrap();
    jsonschema::meta::validate(&schema).expect("the schema is a schema");
    jsonschema::draft202012::new(&schema).unwrap()
}

fn sample(report: &Report) -> Value {
    serde_json::from_str(&render(report)).unwrap()
}

#[test]
fn reports_of_every_kind_are_valid_and_read_back_as_they_were() {
    let schema = schema();
    for (name, report) in report_samples::all() {
        let value = sample(&report);
        let errors = schema
            .iter_errors(&value)
            .map(|e| format!("{}: {e}", e.instance_path()));
        assert_eq!(errors.collect::<Vec<_>>(), Vec::<String>::new(), "{name}");
        assert_eq!(
            serde_json::from_value::<Report>(value).unwrap(),
            report,
            "{name}"
        );
    }
}

#[test]
fn a_report_with_one_thing_changed_is_not_valid() {
    let schema = schema();
    let good = sample(&report_samples::pass());
    let probe = "/steps/1/probes/0";
    let changes = [
        ("/vnetlab", json!(2)),
        ("/verdict", json!("passed")),
        ("/exit_code", json!(9)),
        ("/duration_ms", json!(-1)),
        ("/steps/0/kind", json!("expect")),
        ("/steps/0/surplus", json!(true)),
        (&format!("{probe}/predicted/outcome"), json!("inconclusive")),
        (&format!("{probe}/predicted/by/surplus"), json!(1)),
        (
            &format!("{probe}/predicted/by"),
            json!({ "cause": "Not kebab" }),
        ),
        (&format!("{probe}/observed/outcome"), json!("undetermined")),
        (&format!("{probe}/observed/source"), json!("node")),
        (
            &format!("{probe}/observed/evidence/packets/0/action"),
            json!("drop"),
        ),
        (&format!("{probe}/expected/source_in"), json!("aks")),
    ];
    for (pointer, value) in changes {
        let mut bad = good.clone();
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        bad.pointer_mut(parent).unwrap()[member] = value;
        assert!(!schema.is_valid(&bad), "{pointer}");
    }
    for pointer in ["/steps", "/spec/name", "/steps/1/probes/0/observed/source"] {
        let mut bad = good.clone();
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        let parent = bad.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        assert!(parent.remove(member).is_some(), "{pointer}");
        assert!(!schema.is_valid(&bad), "{pointer} removed");
    }
}

#[test]
fn a_combination_is_held_to_the_schema_too() {
    let schema = schema();
    let good = sample(&report_samples::combinations());
    for (pointer, value) in [
        ("/combinations/0/rows/cni", json!(1)),
        ("/combinations/0/rows", json!({})),
        ("/combinations/0/verdict", json!("passed")),
        ("/combinations/1/exit_code", json!(9)),
        ("/combinations/3/surplus", json!(true)),
        ("/combinations/0/steps/0/kind", json!("expect")),
        ("/combinations", json!([])),
    ] {
        let mut bad = good.clone();
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        bad.pointer_mut(parent).unwrap()[member] = value;
        assert!(!schema.is_valid(&bad), "{pointer}");
    }
}

#[test]
fn the_text_is_stable_and_ends_with_one_newline() {
    let text = render(&report_samples::pass());
    assert!(
        text.starts_with("{\n  \"vnetlab\": 1,\n  \"spec\": {\n"),
        "{text}"
    );
    assert!(text.ends_with("}\n") && !text.ends_with("\n\n"));
    let members = text.lines().filter(|line| line.starts_with("  \""));
    let members = members.map(|line| line.trim().split('"').nth(1).unwrap());
    assert_eq!(
        members.collect::<Vec<_>>(),
        [
            "vnetlab",
            "spec",
            "target",
            "fabric",
            "notes",
            "verdict",
            "exit_code",
            "duration_ms",
            "probes_waited_ms",
            "steps",
        ]
    );
}
