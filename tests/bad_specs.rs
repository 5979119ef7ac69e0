//! Every mistake in `tests/bad` gives exactly the message beside it.
//!
//! `VNETLAB_BLESS=1` writes the messages anew; read the difference like code.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use vnetlab::spec::{self, Diagnostic, Source};
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
