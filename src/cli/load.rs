//! From a file's path to resolved experiments, with every finding told.

use std::fs;
use std::path::{Path, PathBuf};

use crate::spec::{self, Diagnostic, Document, Settings, Source};
use crate::topology::{self, Experiment};

use super::{WRONG_INPUT, stderr_has_color, tell};

/// A spec, and what is said beside it.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct SpecArguments {
    /// The experiment spec
    pub(super) spec: PathBuf,
    /// The value of a parameter; may be given several times
    #[arg(short, long = "param", value_name = "NAME=VALUE")]
    pub(super) parameters: Vec<String>,
    /// A YAML map of parameters; `-p` goes before it
    #[arg(long, value_name = "FILE")]
    pub(super) params: Option<PathBuf>,
    /// A row of a matrix axis, so that only picked rows of that axis are run; may be given several times
    #[arg(long, value_name = "AXIS=ROW")]
    pub(super) matrix: Vec<String>,
}

/// Reads and resolves a spec, one experiment for each combination of its matrix; findings go to standard
/// error. The error is the exit code.
pub(super) fn experiments(arguments: &SpecArguments) -> Result<Vec<Experiment>, u8> {
    let mut settings = Settings::default();
    for assignment in &arguments.parameters {
        settings = settings.parameter(assignment);
    }
    if let Some(path) = &arguments.params {
        settings = settings.parameter_file(source(path)?);
    }
    for pick in &arguments.matrix {
        settings = settings.pick(pick);
    }
    let document = Document::open(source(&arguments.spec)?, &settings, &mut |path| {
        fs::read_to_string(path)
    });
    let tell_all = |findings: &[Diagnostic]| {
        if !findings.is_empty() {
            let text = spec::render(findings, document.sources(), stderr_has_color());
            tell(text.trim_end());
        }
    };
    match topology::load_document(&document) {
        Ok(resolution) => {
            tell_all(&resolution.warnings);
            Ok(resolution.experiments)
        }
        Err(findings) => {
            tell_all(&findings);
            Err(WRONG_INPUT)
        }
    }
}

fn source(path: &Path) -> Result<Source, u8> {
    let text = fs::read_to_string(path).map_err(|error| {
        tell(&format!("error: cannot read `{}`: {error}", path.display()));
        WRONG_INPUT
    })?;
    Ok(Source::new(path, text))
}
