//! From a file's path to a spec's text, to a resolved experiment with every finding told, and the compiler for it.

use std::fs;
use std::path::Path;

use crate::compile::{CompileError, Compiler};
use crate::spec::{self, Diagnostic, FormatError, Severity, Source, codes};
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

/// Reads and resolves a spec; findings go to standard error. The error is the exit code.
pub(super) fn experiment(path: &Path) -> Result<Experiment, u8> {
    let source = source(path)?;
    match topology::load(&source) {
        Ok(resolution) => {
            tell_all(&resolution.warnings, &source);
            Ok(resolution.experiment)
        }
        Err(findings) => {
            tell_all(&findings, &source);
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
