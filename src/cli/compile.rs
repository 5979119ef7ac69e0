//! `vnetlab compile SPEC [-o DIR]`: the ARM templates of a spec.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::compile::{Export, ExportedFile};
use crate::topology::Span;
use crate::verdict::event::error_chain;

use super::load::{self, SpecArguments};
use super::{HELD, WRONG_INPUT, print, tell};

/// What `compile` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    spec: SpecArguments,
    /// Write the templates of every deployment, their parameters and a manifest into this directory; without it
    /// the template of the first deployment goes to standard output
    #[arg(short, long, value_name = "DIR", conflicts_with = "format")]
    output: Option<PathBuf>,
    /// What goes to standard output: the template of the first deployment as JSON
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Handlebars files that take the place of the embedded ones of the same names
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
    /// The id of the key vault that holds the secrets under their own names, for the parameter files
    #[arg(long, value_name = "ID", requires = "output")]
    key_vault: Option<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Json,
}

/// Prints the first deployment's template, or writes the files of every deployment.
pub(super) fn run(arguments: &Arguments) -> u8 {
    let templates = arguments.templates.as_deref();
    match compile(arguments) {
        Ok(code) => code,
        Err(Failure::Code(code)) => code,
        Err(Failure::Compile(error)) => {
            tell(&format!("error: {}", error_chain(&error)));
            load::code(&error, templates.is_some())
        }
    }
}

enum Failure {
    Code(u8),
    Compile(crate::compile::CompileError),
}

fn compile(arguments: &Arguments) -> Result<u8, Failure> {
    let (experiments, document) = load::opened(&arguments.spec).map_err(Failure::Code)?;
    let compiler = load::compiler(arguments.templates.as_deref()).map_err(Failure::Code)?;
    let Some(directory) = &arguments.output else {
        let [experiment] = &experiments[..] else {
            tell(&format!(
                "error: the spec has {} combinations: pick one with `--matrix AXIS=ROW`, or write all with `-o DIR`",
                experiments.len()
            ));
            return Ok(WRONG_INPUT);
        };
        let state = &experiment.steps[0].topology;
        let compiled = compiler.compile(state, &experiment.tags);
        print(&compiled.map_err(Failure::Compile)?.template.to_json());
        return Ok(HELD);
    };
    let place = |span: Span| {
        let source = document.sources().at(span.start);
        let (line, column) = source.line_and_column(span.start);
        format!("{}:{line}:{column}", source.path().display())
    };
    let export = Export {
        place: &place,
        key_vault: arguments.key_vault.as_deref(),
    };
    let mut files = Vec::new();
    for (index, experiment) in experiments.iter().enumerate() {
        let exported = compiler.export(experiment, &export);
        // Of several combinations each goes into a directory of its own.
        let below = match experiments.len() {
            1 => String::new(),
            _ => {
                let label = file_name(&experiment.combination_label());
                format!("{}-{label}/", index + 1)
            }
        };
        files.extend(
            exported
                .map_err(Failure::Compile)?
                .into_iter()
                .map(|mut file| {
                    file.path.insert_str(0, &below);
                    file
                }),
        );
    }
    if let Err(error) = write(directory, &files) {
        tell(&format!(
            "error: cannot write to `{}`: {error}",
            directory.display()
        ));
        return Ok(WRONG_INPUT);
    }
    for file in &files {
        print(&format!("{}\n", directory.join(&file.path).display()));
    }
    let has_secrets = files.iter().any(|file| file.text.contains("\"keyVault\""));
    if has_secrets && arguments.key_vault.is_none() {
        tell(
            "note: the parameter files refer to secrets in a key vault; name it with `--key-vault ID`",
        );
    }
    Ok(HELD)
}

/// Text as a part of a file's name.
fn file_name(text: &str) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '=' | '_');
    let text = text.replace(", ", "_");
    text.chars()
        .map(|c| if kept(c) { c } else { '-' })
        .collect()
}

/// Writes all files or none: beside their places first, then moved there. A step that an earlier compilation
/// wrote, as its manifest tells, and that is no more, is removed.
fn write(directory: &Path, files: &[ExportedFile]) -> io::Result<()> {
    let stale = stale(directory, files);
    let made_directory = !directory.exists();
    let stage = directory.join(format!(".vnetlab-{}", std::process::id()));
    let result = staged(&stage, directory, files);
    let _ = fs::remove_dir_all(&stage);
    if result.is_err() {
        if made_directory {
            let _ = fs::remove_dir(directory);
        }
        return result;
    }
    for path in stale {
        fs::remove_file(directory.join(path))?;
    }
    Ok(())
}

fn staged(stage: &Path, directory: &Path, files: &[ExportedFile]) -> io::Result<()> {
    for file in files {
        let path = stage.join(&file.path);
        fs::create_dir_all(path.parent().unwrap_or(stage))?;
        fs::write(path, &file.text)?;
    }
    // From here on only moves within one file system, and what is in their way is asked for before the first.
    for file in files {
        let place = directory.join(&file.path);
        if place.is_dir() {
            let message = format!("`{}` is a directory", place.display());
            return Err(io::Error::new(io::ErrorKind::IsADirectory, message));
        }
    }
    for file in files {
        let place = directory.join(&file.path);
        fs::create_dir_all(place.parent().unwrap_or(directory))?;
    }
    for file in files {
        fs::rename(stage.join(&file.path), directory.join(&file.path))?;
    }
    Ok(())
}

/// The files in `steps/` that the manifest of an earlier compilation lists and this one does not have.
fn stale(directory: &Path, files: &[ExportedFile]) -> Vec<String> {
    let manifest = fs::read_to_string(directory.join("manifest.json")).unwrap_or_default();
    let manifest = serde_json::from_str::<Value>(&manifest).unwrap_or_default();
    let listed = manifest["files"].as_array().into_iter().flatten();
    listed
        .filter_map(Value::as_str)
        .filter(|path| {
            let name = path.strip_prefix("steps/").unwrap_or_default();
            !name.is_empty() && !name.contains(['/', '\\'])
        })
        .filter(|path| !files.iter().any(|file| file.path == **path))
        .filter(|path| directory.join(path).is_file())
        .map(str::to_owned)
        .collect()
}
