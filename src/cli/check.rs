//! `vnetlab check SPEC`: every finding on a spec.

use std::path::Path;

use crate::compile::Compiler;
use crate::verdict::event::error_chain;

use super::{HELD, INTERNAL, load, print, tell};

/// Checks a spec: it must resolve, and each of its states must compile.
pub(super) fn run(path: &Path) -> u8 {
    let experiment = match load::experiment(path) {
        Ok(experiment) => experiment,
        Err(code) => return code,
    };
    let compiled = Compiler::new().and_then(|compiler| {
        experiment
            .steps
            .iter()
            .try_for_each(|step| compiler.compile(&step.topology, &experiment.tags).map(drop))
    });
    if let Err(error) = compiled {
        tell(&format!("error: {}", error_chain(&error)));
        return INTERNAL;
    }
    print(&format!(
        "{}: no errors, {} steps\n",
        path.display(),
        experiment.steps.len()
    ));
    HELD
}
