//! Every mistake in `tests/bad` gives exactly the message beside it.
//!
//! `VNETLAB_BLESS=1` writes the messages anew; read the difference like code.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use vnetlab::spec::{self, Diagnostic, Source, codes};
use vnetlab::topology;

/// The findings on a spec, from every pass.
fn findings(source: &Source) -> Vec<Diagnostic> {
    match topology::load(source) {
        Err(found) => found,
        Ok(resolution) => resolution.warnings,
    }
}

/// The bad specs by the names of their files, in the checkout that the test runs in.
fn bad_specs() -> BTreeMap<String, PathBuf> {
    let directory = support::checkout().join("tests/bad");
    let entries = fs::read_dir(directory).expect("the directory of bad specs");
    let paths = entries.map(|entry| entry.expect("a directory entry").path());
    paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .map(|path| {
            let name = path.file_name().expect("a file name");
            (name.to_string_lossy().into_owned(), path)
        })
        .collect()
}

#[test]
fn every_mistake_gives_the_message_beside_it() {
    let bless = std::env::var_os("VNETLAB_BLESS").is_some();
    let mut wrong = Vec::new();
    let specs = bad_specs();
    for (name, path) in &specs {
        let text = fs::read_to_string(path).expect("a readable spec");
        let source = Source::new(name, text);
        let rendered = spec::render(&findings(&source), &source, false);
        let expected_path = path.with_extension("stderr");
        if bless {
            fs::write(&expected_path, &rendered).expect("a writable checkout");
        }
        let expected = fs::read_to_string(&expected_path).unwrap_or_default();
        if rendered.is_empty() || rendered != expected {
            wrong.push(format!(
                "{name}\n--- expected\n{expected}--- rendered\n{rendered}"
            ));
        }
    }
    assert!(specs.len() >= 25, "only {} bad specs", specs.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The names that a spec declares in a section, read from its lines, whatever stands behind each.
fn declared<'t>(text: &'t str, section: &str) -> Vec<&'t str> {
    let heading = format!("{section}:");
    let lines = text.lines().skip_while(|line| *line != heading).skip(1);
    lines
        .take_while(|line| line.starts_with(' '))
        .filter_map(|line| line.strip_prefix("  ")?.split_once(':'))
        .map(|(name, _)| name)
        .filter(|name| name.parse::<spec::Name>().is_ok())
        .collect()
}

#[test]
fn a_reference_to_what_could_not_be_read_is_no_second_mistake() {
    let mut references = 0;
    for (name, path) in bad_specs() {
        let text = fs::read_to_string(path).expect("a readable spec");
        if spec::parse(&Source::new(&name, text.as_str())).is_ok() {
            continue;
        }
        for (section, before, after, at) in [
            (
                "vnets",
                "\n  ref: { inbound: { r: 100 deny any vnet/",
                " -> any } }",
                "nsgs",
            ),
            (
                "nsgs",
                "\n  ref: { space: 10.99.0.0/16, subnets: { ref: { prefix: 10.99.0.0/24, nsg: ",
                " } } }",
                "vnets",
            ),
            ("clusters", "\n  ref: { pod: ", " }", "workloads"),
            ("workloads", "\n  ref: caller -> http://", "/", "probes"),
            ("probes", "\n  - probe: { ", ": 200 }", "steps"),
        ] {
            for thing in declared(&text, section) {
                let heading = format!("\n{at}:\n");
                let Some(start) = text.find(&heading).map(|start| start + heading.len() - 1) else {
                    continue;
                };
                let reference = format!("{before}{thing}{after}");
                let end = start + reference.len();
                let text = format!("{}{reference}{}", &text[..start], &text[start..]);
                let source = Source::new(&name, text);
                let found = findings(&source);
                if found.iter().any(|finding| finding.code == codes::SYNTAX) {
                    continue;
                }
                references += 1;
                let names = [codes::UNKNOWN_NAME, codes::MISPLACED_NAME];
                let second = found.iter().find(|finding| {
                    let span = finding.primary.span;
                    names.contains(&finding.code) && start <= span.start && span.end <= end
                });
                assert_eq!(second, None, "{}", spec::render(&found, &source, false));
            }
        }
    }
    assert!(references > 50, "only {references} references");
}
