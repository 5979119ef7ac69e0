//! `vnetlab check SPEC`: every finding on a spec.

use crate::compile::Compiler;
use crate::verdict::event::error_chain;

use super::load::{self, SpecArguments};
use super::{HELD, INTERNAL, print, tell};

/// Checks a spec: every combination must resolve, and each of its states must compile.
pub(super) fn run(arguments: &SpecArguments) -> u8 {
    let experiments = match load::experiments(arguments) {
        Ok(experiments) => experiments,
        Err(code) => return code,
    };
    let compiled = Compiler::new().and_then(|compiler| {
        experiments
            .iter()
            .flat_map(|experiment| experiment.steps.iter().map(move |step| (experiment, step)))
            .try_for_each(|(experiment, step)| {
                compiler.compile(&step.topology, &experiment.tags).map(drop)
            })
    });
    if let Err(error) = compiled {
        tell(&format!("error: {}", error_chain(&error)));
        return INTERNAL;
    }
    let steps: usize = experiments
        .iter()
        .map(|experiment| experiment.steps.len())
        .sum();
    let combinations = match experiments.len() {
        1 => String::new(),
        count => format!("{count} combinations, "),
    };
    print(&format!(
        "{}: no errors, {combinations}{steps} steps\n",
        arguments.spec.display(),
    ));
    HELD
}
