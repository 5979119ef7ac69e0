//! `vnetlab render SPEC`: a spec in its long form.

use std::path::Path;

use crate::spec;

use super::{HELD, load, print};

/// Prints the spec with every sentence as its map, names qualified and defaults written out.
pub(super) fn run(path: &Path) -> u8 {
    let rendered = load::source(path).and_then(|source| load::rewritten(&source, spec::lengthen));
    match rendered {
        Ok(text) => {
            print(&text);
            HELD
        }
        Err(code) => code,
    }
}
