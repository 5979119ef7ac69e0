//! docs/api.md: every item that it names is public in its module, and its example is code that runs here.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use vnetlab::arm::{Addresses, Parameters, Scope, expand, validate};
use vnetlab::compile::Compiler;
use vnetlab::predict::predict;
use vnetlab::spec::{self, Source};
use vnetlab::topology;

/// The page's example: the probes of the first step, each with its predicted outcome.
#[rustfmt::skip]
fn example(text: &str) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let mut answers = Vec::new();
    // The example begins.
    let source = Source::new("experiment.yaml", text);
    let resolution = topology::load(&source)
        .map_err(|findings| spec::render(&findings, &source, false))?;
    let experiment = &resolution.experiments[0];
    let compiler = Compiler::new()?;

    let first = &experiment.steps[0];
    let compiled = compiler.compile(&first.topology, &experiment.tags)?;
    let scope = Scope {
        subscription_id: "00000000-0000-0000-0000-000000000000".to_owned(),
        tenant_id: "00000000-0000-0000-0000-000000000000".to_owned(),
        resource_group: "example".to_owned(),
        location: "eastus".to_owned(),
        deployment: "example".to_owned(),
    };
    let expansion = expand(&compiled.template, &Parameters::new(), &scope)?;
    for resource in &expansion.resources {
        validate::resource(resource)?;
    }
    for (name, plans) in &compiled.manifest.probes {
        for plan in plans {
            let prediction = predict(&expansion.resources, &Addresses::default(), &plan.question)?;
            answers.push(format!("{name}: {}", prediction.outcome.word()));
        }
    }
    // The example ends.
    Ok(answers)
}

fn page() -> String {
    fs::read_to_string(support::checkout().join("docs/api.md")).expect("the page")
}

#[test]
fn the_example_is_the_one_of_the_page_and_runs() {
    let here = fs::read_to_string(support::checkout().join("tests/api_page.rs")).expect("this");
    let example_here: Vec<&str> = here
        .lines()
        .skip_while(|line| line.trim() != "// The example begins.")
        .skip(1)
        .take_while(|line| line.trim() != "// The example ends.")
        .map(|line| line.strip_prefix("    ").unwrap_or(line))
        .collect();
    let example_there = page();
    let example_there = example_there.split("```").nth(1).expect("a block of code");
    let lines: Vec<&str> = example_there.lines().skip(1).collect();
    assert_eq!(lines, example_here);

    let spec = support::checkout().join("specs/kubenet-outbound.yaml");
    let text = fs::read_to_string(spec).expect("the founding experiment");
    let answers = example(&text).expect("the example runs");
    assert_eq!(answers, ["call-aci: reachable"]);
    let error = example("vnetlab: 2").expect_err("no spec");
    assert!(error.to_string().contains("VNL0017"), "{error}");
}

/// The Rust files of a module.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a module");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![path],
        })
        .collect()
}

/// Whether a text declares something public of this name, or passes it on under it.
fn declares(text: &str, name: &str) -> bool {
    let kinds = ["fn", "async fn", "struct", "enum", "trait", "const", "mod"];
    let declaration = |line: &str| {
        let kind = |kind: &&str| line.strip_prefix(&format!("pub {kind} {name}")[..]);
        let rest = kinds.iter().find_map(kind);
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
            || (line.starts_with("pub use") && line.ends_with(&format!(" as {name};")))
    };
    text.lines().any(|line| declaration(line.trim_start()))
}

#[test]
fn every_item_of_the_page_is_public_in_its_module() {
    let page = page();
    let mut items = 0;
    for section in page.split("\n## ").skip(1) {
        let (heading, body) = section.split_once('\n').expect("a heading");
        let modules: Vec<&str> = heading.split('`').skip(1).step_by(2).collect();
        let modules = modules
            .into_iter()
            .map(|name| support::checkout().join("src").join(name));
        let files: Vec<PathBuf> = modules
            .filter(|path| path.is_dir())
            .flat_map(|path| sources(&path))
            .collect();
        if files.is_empty() {
            continue;
        }
        for row in body.lines().filter(|line| line.starts_with("| `")) {
            let cell = row.split('|').nth(1).expect("a cell");
            for path in cell.split('`').skip(1).step_by(2) {
                for name in path.split("::") {
                    // A list that a macro makes is declared in it.
                    let found = name == "ALL"
                        || files.iter().any(|file| {
                            declares(&fs::read_to_string(file).expect("a source"), name)
                        });
                    assert!(found, "`{path}` of {heading}");
                }
                items += 1;
            }
        }
    }
    assert!(items > 60, "{items}");
}
