//! From a file's path to a resolved experiment, with every finding told.

use std::fs;
use std::path::Path;

use crate::spec::{self, Diagnostic, Source};
use crate::topology::{self, Experiment};

use super::{WRONG_INPUT, stderr_has_color, tell};

/// Reads and resolves a spec; findings go to standard error. The error is the exit code.
pub(super) fn experiment(path: &Path) -> Result<Experiment, u8> {
    let text = fs::read_to_string(path).map_err(|error| {
        tell(&format!("error: cannot read `{}`: {error}", path.display()));
        WRONG_INPUT
    })?;
    let source = Source::new(path, text);
    let tell_all = |findings: &[Diagnostic]| {
        if !findings.is_empty() {
            tell(spec::render(findings, &source, stderr_has_color()).trim_end());
        }
    };
    match topology::load(&source) {
        Ok(resolution) => {
            tell_all(&resolution.warnings);
            Ok(resolution.experiment)
        }
        Err(findings) => {
            tell_all(&findings);
            Err(WRONG_INPUT)
        }
    }
}
