//! The handlebars engine: strict, without HTML escaping, and with helpers through which every value
//! goes, so that nothing is spliced raw into JSON or into an ARM expression.

mod files;
mod helpers;

use std::fs;
use std::path::Path;

use handlebars::{Context, Handlebars, no_escape};
use serde_json::Value;

use crate::arm::{ResourceKey, TemplateError, TemplateResource};

use super::CompileError;

pub use files::{TemplateFile, Variable, template_files};
pub(super) use helpers::resource_id_call;

/// What the name of every handlebars file ends with.
const EXTENSION: &str = ".json.hbs";

/// Renders handlebars files to JSON.
#[derive(Debug)]
pub(super) struct Engine {
    handlebars: Handlebars<'static>,
}

impl Engine {
    /// The embedded files.
    pub(super) fn new() -> Result<Engine, CompileError> {
        let mut handlebars = Handlebars::new();
        handlebars.set_strict_mode(true);
        handlebars.register_escape_fn(no_escape);
        helpers::register(&mut handlebars);
        let mut engine = Engine { handlebars };
        for file in template_files() {
            engine.register(file.name, file.text)?;
        }
        Ok(engine)
    }

    /// The embedded files, each replaced by the file of the same name where `directory` has one.
    pub(super) fn with_overrides(directory: &Path) -> Result<Engine, CompileError> {
        let mut engine = Engine::new()?;
        let unreadable = |path: &Path, source| CompileError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let entries = fs::read_dir(directory).map_err(|error| unreadable(directory, error))?;
        let mut paths = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unreadable(directory, error))?;
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // What an editor or a file manager leaves there is nobody's template.
            if name.starts_with('.') {
                continue;
            }
            let known = name
                .strip_suffix(EXTENSION)
                .and_then(|stem| template_files().iter().find(|file| file.name == stem));
            let Some(file) = known else {
                return Err(CompileError::UnknownTemplate {
                    file: name.into_owned(),
                    directory: directory.to_owned(),
                });
            };
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            engine.register(file.name, &text)?;
        }
        Ok(engine)
    }

    fn register(&mut self, name: &str, text: &str) -> Result<(), CompileError> {
        self.handlebars
            .register_template_string(name, text)
            .map_err(|error| CompileError::Template {
                template: format!("{name}{EXTENSION}"),
                line: error.pos().map(|(line, _)| line),
                message: error.reason().to_string(),
            })
    }

    /// Renders one file to text.
    pub(super) fn render(&self, name: &str, values: Value) -> Result<String, CompileError> {
        debug_assert!(
            files::documents(name, &values),
            "the variables of `{name}` are not those that its table tells: {values}"
        );
        self.handlebars
            .render_with_context(name, &Context::from(values))
            .map_err(|error| CompileError::Template {
                template: error.template_name.as_deref().unwrap_or(name).to_owned() + EXTENSION,
                line: error.line_no,
                message: helpers::reason(error.reason()),
            })
    }

    /// Renders one file to a resource. An override may change everything about it but what it is called:
    /// other resources, and the manifest, refer to it by that.
    pub(super) fn resource(
        &self,
        name: &str,
        key: Option<&ResourceKey>,
        values: Value,
    ) -> Result<TemplateResource, CompileError> {
        let text = self.render(name, values)?;
        let resource = TemplateResource::from_json(&text)
            .map_err(|error| wrong_result(name, &text, &error))?;
        match key {
            Some(key) if resource.key() != *key => Err(CompileError::Template {
                template: format!("{name}{EXTENSION}"),
                line: None,
                message: format!(
                    "the result is `{}`; it must stay `{key}`, by which others refer to it",
                    resource.key()
                ),
            }),
            _ => Ok(resource),
        }
    }
}

/// A rendered text that is not what it should be, told with the line of the result.
pub(super) fn wrong_result(name: &str, text: &str, error: &TemplateError) -> CompileError {
    let message = match error {
        TemplateError::Json { message, line, .. } => {
            let line_text = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
            format!(
                "the result is not JSON: {message} at `{}` (line {line} of the result)",
                line_text.trim()
            )
        }
        error => format!("the result is not of an ARM template: {error}"),
    };
    CompileError::Template {
        template: format!("{name}{EXTENSION}"),
        line: None,
        message,
    }
}

#[cfg(test)]
mod tests;
