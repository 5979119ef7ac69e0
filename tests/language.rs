//! The language as others see it: its JSON Schema and its reference of keys are up to date, and hold for
//! every spec in the repository and every snippet in its documentation.

use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::{Value, json};

/// The checkout, which is found when the test runs.
fn checkout() -> PathBuf {
    env::var_os("CARGO_MANIFEST_DIR").map_or_else(
        || env::current_dir().expect("a working directory"),
        PathBuf::from,
    )
}

fn read(path: &str) -> String {
    let path = checkout().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files(directory: &str, ending: &str) -> Vec<PathBuf> {
    let directory = checkout().join(directory);
    let entries = fs::read_dir(&directory).expect("a directory of the checkout");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect();
    files.sort();
    files
}

fn specs() -> Vec<PathBuf> {
    ["specs", "tests/specs"]
        .into_iter()
        .flat_map(|directory| files(directory, "yaml"))
        .collect()
}

/// The document as an editor reads it.
fn document(text: &str, path: &Path) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn findings(schema: &Value, document: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(schema).expect("a JSON Schema");
    validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn the_committed_schema_is_the_one_of_the_types() {
    let committed: Value = serde_json::from_str(&read("docs/spec.schema.json")).expect("JSON");
    assert!(
        committed == vnetlab::spec::json_schema(),
        "docs/spec.schema.json is stale: run `vnetlab schema > docs/spec.schema.json`"
    );
}

#[test]
fn the_committed_reference_of_keys_is_the_one_of_the_types() {
    assert!(
        read("docs/keys.md") == vnetlab::spec::key_reference(),
        "docs/keys.md is stale: run `vnetlab schema --keys > docs/keys.md`"
    );
}

#[test]
fn every_spec_validates_against_the_schema() {
    let schema = vnetlab::spec::json_schema();
    let specs = specs();
    assert!(specs.len() >= 10, "{specs:?}");
    for path in specs {
        let text = fs::read_to_string(&path).expect("a spec");
        let found = findings(&schema, &document(&text, &path));
        assert!(
            found.is_empty(),
            "{}:\n{}",
            path.display(),
            found.join("\n")
        );
    }
}

#[test]
fn every_snippet_of_the_documentation_validates_against_the_schema() {
    let schema = vnetlab::spec::json_schema();
    let mut snippets = 0;
    let pages = files("docs", "md")
        .into_iter()
        .chain([checkout().join("README.md")]);
    for path in pages {
        let text = fs::read_to_string(&path).expect("a page");
        for block in text.split("```yaml\n").skip(1) {
            let block = block.split("```").next().unwrap_or_default();
            let mut document = document(block, &path);
            // A snippet is a spec without what every spec has.
            if let Value::Object(keys) = &mut document {
                keys.entry("vnetlab").or_insert(json!(1));
                keys.entry("name").or_insert(json!("snippet"));
            }
            let found = findings(&schema, &document);
            assert!(
                found.is_empty(),
                "{}:\n{block}\n{}",
                path.display(),
                found.join("\n")
            );
            snippets += 1;
        }
    }
    assert!(snippets > 0, "the documentation shows no spec");
}

#[test]
fn the_example_of_every_key_validates_against_the_schema() {
    let schema = vnetlab::spec::json_schema();
    let definitions = schema["definitions"].as_object().expect("definitions");
    let mut keys = 0;
    for (name, definition) in definitions {
        let maps = [definition]
            .into_iter()
            .chain(definition["anyOf"].as_array().into_iter().flatten());
        for properties in maps.filter_map(|map| map["properties"].as_object()) {
            for (key, property) in properties {
                // A sentence has its examples at the keys that it stands for.
                let Some((_, example)) = property["description"]
                    .as_str()
                    .and_then(|about| about.split_once(" Example: "))
                else {
                    continue;
                };
                let value: Value = serde_yaml::from_str(example)
                    .unwrap_or_else(|error| panic!("`{key}` of {name}: {error}"));
                let mut one = property.clone();
                one["definitions"] = schema["definitions"].clone();
                let found = findings(&one, &value);
                assert!(
                    found.is_empty(),
                    "`{key}` of {name}: {example}\n{}",
                    found.join("\n")
                );
                keys += 1;
            }
        }
    }
    assert!(keys > 100, "{keys} keys");
}

#[test]
fn the_schema_refuses_what_a_reader_can_see_is_wrong() {
    let schema = vnetlab::spec::json_schema();
    for (spec, why) in [
        (json!({ "name": "x" }), "no version"),
        (
            json!({ "vnetlab": 1, "name": "x", "vnet": {} }),
            "an unknown key",
        ),
        (json!({ "vnetlab": 1, "name": "X y" }), "a bad name"),
        (
            json!({ "vnetlab": 1, "name": "x", "vnets": { "v1": { "space": "10.0.0.0" } } }),
            "a prefix without its length",
        ),
        (
            json!({ "vnetlab": 1, "name": "x", "nsgs": { "n": { "inbound": { "r": "100 alow tcp a -> b" } } } }),
            "a rule that is no sentence",
        ),
        (
            json!({ "vnetlab": 1, "name": "x", "probes": { "p": "a -> ftp://b" } }),
            "an unknown scheme",
        ),
        (
            json!({ "vnetlab": 1, "name": "x", "steps": ["deplyo"] }),
            "an unknown step",
        ),
        (
            json!({ "vnetlab": 1, "name": "x", "steps": [{ "probe": { "p": 99 } }] }),
            "a status out of range",
        ),
        (
            json!({ "vnetlab": 1, "name": "x", "clusters": { "c": { "network": "flat", "subnet": "s" } } }),
            "an unknown network mode",
        ),
    ] {
        assert!(!findings(&schema, &spec).is_empty(), "{why}: {spec}");
    }
}
