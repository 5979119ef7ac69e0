//! The handlebars engine: strict, without HTML escaping, and with helpers through which every value
//! goes, so that nothing is spliced raw into JSON or into an ARM expression.

use handlebars::{
    Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderErrorReason, no_escape,
};
use serde::Serialize;
use serde_json::Value;

use super::CompileError;

/// The handlebars files, embedded; the name is the file's name without `.json.hbs`.
const FILES: [(&str, &str); 9] = [
    (
        "deployment",
        include_str!("../../templates/deployment.json.hbs"),
    ),
    (
        "virtual-network",
        include_str!("../../templates/virtual-network.json.hbs"),
    ),
    (
        "network-security-group",
        include_str!("../../templates/network-security-group.json.hbs"),
    ),
    (
        "route-table",
        include_str!("../../templates/route-table.json.hbs"),
    ),
    (
        "user-assigned-identity",
        include_str!("../../templates/user-assigned-identity.json.hbs"),
    ),
    (
        "role-assignment",
        include_str!("../../templates/role-assignment.json.hbs"),
    ),
    (
        "managed-cluster",
        include_str!("../../templates/managed-cluster.json.hbs"),
    ),
    (
        "container-group",
        include_str!("../../templates/container-group.json.hbs"),
    ),
    ("pod", include_str!("../../templates/pod.json.hbs")),
];

/// Renders handlebars files to JSON text.
#[derive(Debug)]
pub(super) struct Engine {
    handlebars: Handlebars<'static>,
}

impl Engine {
    pub(super) fn new() -> Result<Engine, CompileError> {
        let mut handlebars = Handlebars::new();
        handlebars.set_strict_mode(true);
        handlebars.register_escape_fn(no_escape);
        handlebars.register_helper("json", Box::new(json));
        handlebars.register_helper("resource-id", Box::new(resource_id));
        handlebars.register_helper("expression", Box::new(expression));
        for (name, text) in FILES {
            handlebars
                .register_template_string(name, text)
                .map_err(|error| CompileError::Template {
                    template: format!("{name}.json.hbs"),
                    message: error.to_string(),
                })?;
        }
        Ok(Engine { handlebars })
    }

    /// Renders one file and checks that the result is JSON.
    pub(super) fn render(
        &self,
        name: &str,
        values: &impl Serialize,
    ) -> Result<String, CompileError> {
        let failed = |message: String| CompileError::Template {
            template: format!("{name}.json.hbs"),
            message,
        };
        let text = self
            .handlebars
            .render(name, values)
            .map_err(|error| failed(error.to_string()))?;
        serde_json::from_str::<Value>(&text)
            .map_err(|error| failed(format!("the result is not JSON: {error}")))?;
        Ok(text)
    }
}

/// Text as a string literal of the ARM expression language.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The expression that yields a resource's id, without brackets; `name` has a part for each type segment.
pub(super) fn resource_id_call(resource_type: &str, name: &str) -> String {
    let names = name.split('/').map(quoted).collect::<Vec<_>>().join(", ");
    format!("resourceId({}, {names})", quoted(resource_type))
}

/// Escapes every string of a value that Azure would read as an expression, keys included.
fn literal(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(crate::arm::expression::literal(text)),
        Value::Array(items) => items.iter().map(literal).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| (crate::arm::expression::literal(key), literal(value)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn argument<'a>(helper: &'a Helper<'_>, index: usize) -> Result<&'a Value, RenderErrorReason> {
    let name = helper.name().to_owned();
    match helper.param(index) {
        Some(param) if !param.is_value_missing() => Ok(param.value()),
        Some(param) => Err(RenderErrorReason::MissingVariable(
            param.relative_path().cloned(),
        )),
        None => Err(RenderErrorReason::Other(format!(
            "`{name}` needs {} arguments",
            index + 1
        ))),
    }
}

fn text_argument<'a>(helper: &'a Helper<'_>, index: usize) -> Result<&'a str, RenderErrorReason> {
    let value = argument(helper, index)?;
    value.as_str().ok_or_else(|| {
        RenderErrorReason::Other(format!("`{}` takes text, not `{value}`", helper.name()))
    })
}

/// `{{json value}}`: the value as JSON; text that begins with `[` stays text.
fn json(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    out.write(&literal(argument(helper, 0)?).to_string())?;
    Ok(())
}

/// `{{resource-id type name}}`: the expression that yields the id of a resource in the same group.
fn resource_id(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let call = resource_id_call(text_argument(helper, 0)?, text_argument(helper, 1)?);
    out.write(&Value::String(format!("[{call}]")).to_string())?;
    Ok(())
}

/// `{{expression "concat({}, '-x')" value}}`: an expression in which each `{}` is a quoted value.
fn expression(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let mut pieces = text_argument(helper, 0)?.split("{}");
    let mut call = pieces.next().unwrap_or_default().to_owned();
    for (index, piece) in pieces.enumerate() {
        call.push_str(&quoted(text_argument(helper, index + 1)?));
        call.push_str(piece);
    }
    out.write(&Value::String(format!("[{call}]")).to_string())?;
    Ok(())
}
