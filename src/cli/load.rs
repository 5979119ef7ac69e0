//! From a file's path to a spec's text, to resolved experiments with every finding told, and the compiler for them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::compile::{CompileError, Compiler};
use crate::spec::{self, Diagnostic, Document, FormatError, Settings, Severity, Source, codes};
use crate::topology::{self, Experiment};
use crate::verdict::event::error_chain;

use super::{INTERNAL, WRONG_INPUT, stderr_has_color, tell};

/// Reads a spec's text. The error is the exit code.
pub(super) fn source(path: &Path) -> Result<Source, u8> {
    let text = fs::read_to_string(path).map_err(|error| {
        tell(&format!("error: cannot read `{}`: {error}", path.display()));
        WRONG_INPUT
    })?;
    Ok(Source::new(path, text))
}

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
    opened(arguments).map(|(experiments, _)| experiments)
}

/// As [`experiments`], together with the document that their spans point into.
pub(super) fn opened(arguments: &SpecArguments) -> Result<(Vec<Experiment>, Document), u8> {
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
            Ok((resolution.experiments, document))
        }
        Err(findings) => {
            tell_all(&findings);
            Err(WRONG_INPUT)
        }
    }
}

/// A spec's text written anew; a spec with errors is refused with them. The error is the exit code.
///
/// What the language has and this tool does not have yet is no error here: the text has its form already.
pub(super) fn rewritten(
    source: &Source,
    write: fn(&Source) -> Result<String, FormatError>,
) -> Result<String, u8> {
    let wrong = |finding: &Diagnostic| {
        finding.severity == Severity::Error && !codes::is_not_yet(finding.code)
    };
    let mut findings = topology::load(source).err().unwrap_or_default();
    findings.retain(wrong);
    if findings.is_empty() {
        match write(source) {
            Ok(text) => return Ok(text),
            Err(FormatError::Findings(found)) => findings = found,
            Err(error) => {
                tell(&format!(
                    "internal error: {}: {error}\nThis is a defect of vnetlab; please report it with the spec that shows it.",
                    source.path().display()
                ));
                return Err(INTERNAL);
            }
        }
    }
    tell_all(&findings, source);
    Err(WRONG_INPUT)
}

fn tell_all(findings: &[Diagnostic], source: &Source) {
    if !findings.is_empty() {
        tell(spec::render(findings, source, stderr_has_color()).trim_end());
    }
}

/// The compiler, with the handlebars files of a directory where one is given. The error is the exit code.
pub(super) fn compiler(templates: Option<&Path>) -> Result<Compiler, u8> {
    let compiler = match templates {
        Some(directory) => Compiler::with_templates(directory),
        None => Compiler::new(),
    };
    compiler.map_err(|error| {
        tell(&format!("error: {}", error_chain(&error)));
        code(&error, templates.is_some())
    })
}

/// The exit code of an error of the compiler: a file of the user's is wrong, or the program is.
pub(super) fn code(error: &CompileError, overridden: bool) -> u8 {
    match error {
        CompileError::Missing { .. } => INTERNAL,
        CompileError::Template { .. } if !overridden => INTERNAL,
        _ => WRONG_INPUT,
    }
}
