//! `vnetlab compile SPEC [-o DIR]`: the ARM templates of a spec.

use crate::verdict::event::error_chain;
use std::fs;
use std::path::Path;

use crate::compile::{CompileError, Compiler, Delta};
use crate::topology::Experiment;

use super::{HELD, INTERNAL, WRONG_INPUT, load, print, tell};

/// Prints the first deployment's template, or writes one file for each deployment.
pub(super) fn run(path: &Path, output: Option<&Path>) -> u8 {
    let experiment = match load::experiment(path) {
        Ok(experiment) => experiment,
        Err(code) => return code,
    };
    let files = match templates(&experiment) {
        Ok(files) => files,
        Err(error) => {
            tell(&format!("error: {}", error_chain(&error)));
            return INTERNAL;
        }
    };
    let Some(directory) = output else {
        print(&files[0].1);
        return HELD;
    };
    for (name, text) in &files {
        let file = directory.join(name);
        if let Err(error) = fs::create_dir_all(directory).and_then(|()| fs::write(&file, text)) {
            tell(&format!(
                "error: cannot write `{}`: {error}",
                file.display()
            ));
            return WRONG_INPUT;
        }
        print(&format!("{}\n", file.display()));
    }
    HELD
}

/// The deployments of an experiment: the whole template first, then what each later step sends.
fn templates(experiment: &Experiment) -> Result<Vec<(String, String)>, CompileError> {
    let compiler = Compiler::new()?;
    let mut files = Vec::new();
    let mut deployed = None;
    for (index, step) in experiment.steps.iter().enumerate() {
        let compiled = compiler.compile(&step.topology, &experiment.tags)?;
        match &deployed {
            None => files.push(("main.json".to_owned(), compiled.template.to_json())),
            Some(before) => {
                let delta = Delta::between(before, &compiled.template);
                if !delta.is_empty() {
                    files.push((format!("step-{}.json", index + 1), delta.template.to_json()));
                }
            }
        }
        deployed = Some(compiled.template);
    }
    Ok(files)
}
