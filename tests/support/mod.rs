//! What several test binaries share: where the checkout and the data beside it are.
#![allow(
    dead_code,
    clippy::print_stdout,
    reason = "each test binary uses a part of it; a skip is told where tests tell"
)]

use std::env;
use std::path::{Path, PathBuf};

/// The checkout, found when the test runs: the same binaries run on a copy under another user.
pub(crate) fn checkout() -> PathBuf {
    env::var_os("CARGO_MANIFEST_DIR").map_or_else(
        || env::current_dir().expect("a working directory"),
        PathBuf::from,
    )
}

/// A directory of data beside the repository, or a printed word that the test is skipped.
pub(crate) fn data(variable: &str) -> Option<PathBuf> {
    let directory = env::var_os(variable)
        .map(PathBuf::from)
        .filter(|directory| directory.is_dir());
    if directory.is_none() {
        println!("skipped: {variable} names no directory");
    }
    directory
}

/// The specs that ship, smallest name first.
pub(crate) fn specs() -> Vec<PathBuf> {
    let mut specs = std::fs::read_dir(checkout().join("specs"))
        .expect("the checkout has specs")
        .map(|entry| entry.expect("a readable directory entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect::<Vec<_>>();
    specs.sort();
    specs
}

/// The experiment of a spec file.
pub(crate) fn experiment(path: &Path) -> vnetlab::topology::Experiment {
    let text = std::fs::read_to_string(path).expect("the spec can be read");
    let source = vnetlab::spec::Source::new(path, text);
    vnetlab::topology::load(&source)
        .unwrap_or_else(|findings| panic!("{}", vnetlab::spec::render(&findings, &source, false)))
        .experiments
        .remove(0)
}
