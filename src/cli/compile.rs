//! `vnetlab compile SPEC [-o DIR]`: the ARM templates of a spec.

use std::fs;
use std::path::Path;

use crate::compile::{CompileError, Compiler, Delta};
use crate::topology::Experiment;
use crate::verdict::event::error_chain;

use super::load::{self, SpecArguments};
use super::{HELD, INTERNAL, WRONG_INPUT, print, tell};

/// Prints the first deployment's template, or writes one file for each deployment; of several
/// combinations each into a directory of its own.
pub(super) fn run(arguments: &SpecArguments, output: Option<&Path>) -> u8 {
    let experiments = match load::experiments(arguments) {
        Ok(experiments) => experiments,
        Err(code) => return code,
    };
    let mut files = Vec::new();
    for (index, experiment) in experiments.iter().enumerate() {
        let directory = match experiments.len() {
            1 => String::new(),
            _ => format!(
                "{}-{}/",
                index + 1,
                file_name(&experiment.combination_label())
            ),
        };
        match templates(experiment) {
            Ok(templates) => files.extend(
                templates
                    .into_iter()
                    .map(|(name, text)| (format!("{directory}{name}"), text)),
            ),
            Err(error) => {
                tell(&format!("error: {}", error_chain(&error)));
                return INTERNAL;
            }
        }
    }
    let Some(directory) = output else {
        if experiments.len() > 1 {
            tell(&format!(
                "error: the spec has {} combinations: pick one with `--matrix AXIS=ROW`, or write all with `-o DIR`",
                experiments.len()
            ));
            return WRONG_INPUT;
        }
        print(&files[0].1);
        return HELD;
    };
    for (name, text) in &files {
        let file = directory.join(name);
        let parent = file.parent().unwrap_or(directory);
        if let Err(error) = fs::create_dir_all(parent).and_then(|()| fs::write(&file, text)) {
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

/// Text as a part of a file's name.
fn file_name(text: &str) -> String {
    text.split(", ")
        .collect::<Vec<_>>()
        .join("_")
        .chars()
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' | '=' | '_' => c,
            _ => '-',
        })
        .collect()
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
