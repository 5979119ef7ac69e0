//! From a file's path to a resolved experiment, with every finding told; and the compiler for it.

use std::fs;
use std::path::Path;

use crate::compile::{CompileError, Compiler};
use crate::spec::{self, Diagnostic, Source};
use crate::topology::{self, Experiment};
use crate::verdict::event::error_chain;

use super::{INTERNAL, WRONG_INPUT, stderr_has_color, tell};

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
