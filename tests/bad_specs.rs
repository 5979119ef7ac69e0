//! Every mistake in `tests/bad` gives exactly the message beside it.
//!
//! `VNETLAB_BLESS=1` writes the messages anew; read the difference like code.

use std::fs;
use std::path::Path;

use vnetlab::spec::{self, Diagnostic, Source};
use vnetlab::topology;

/// The findings on a spec, from whichever pass they come.
fn findings(source: &Source) -> Vec<Diagnostic> {
    match spec::parse(source) {
        Err(found) => found,
        Ok(spec) => match topology::resolve(&spec) {
            Err(found) => found,
            Ok(resolution) => resolution.warnings,
        },
    }
}

#[test]
fn every_mistake_gives_the_message_beside_it() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let bless = std::env::var_os("VNETLAB_BLESS").is_some();
    let mut wrong = Vec::new();
    let mut specs = 0;
    let mut files: Vec<_> = fs::read_dir(&directory)
        .expect("the directory of bad specs")
        .map(|entry| entry.expect("a directory entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    for path in files {
        specs += 1;
        let name = path
            .file_name()
            .expect("a file name")
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(&path).expect("a readable spec");
        let source = Source::new(&name, text);
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
    assert!(specs >= 25, "only {specs} specs in {}", directory.display());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
