//! The helpers of the handlebars files: every value goes through one of them.

use handlebars::{
    Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderErrorReason,
};
use serde_json::Value;

use crate::arm::{ResourceKey, expression, views};

/// What a helper is made of.
type Run = fn(&Arguments<'_, '_>) -> Result<Value, RenderErrorReason>;

/// The helpers by name.
const HELPERS: [(&str, Run); 8] = [
    ("json", json),
    ("verbatim", verbatim),
    ("resource-id", resource_id),
    ("role-assignment-name", role_assignment_name),
    ("role-assignment-id", role_assignment_id),
    ("expression", expression_of),
    ("addresses", addresses),
    ("secret-text", secret_text),
];

pub(super) fn register(handlebars: &mut Handlebars<'static>) {
    for (name, run) in HELPERS {
        let helper = move |helper: &Helper<'_>,
                           _: &Handlebars<'_>,
                           _: &Context,
                           _: &mut RenderContext<'_, '_>,
                           out: &mut dyn Output|
              -> HelperResult {
            match run(&Arguments(helper))? {
                Value::String(text) if !needs_escape(&text) => {
                    out.write("\"")?;
                    out.write(&text)?;
                    out.write("\"")?;
                }
                value => out.write(&value.to_string())?,
            }
            Ok(())
        };
        handlebars.register_helper(name, Box::new(helper));
    }
}

/// Whether JSON writes a text otherwise than between quotation marks.
fn needs_escape(text: &str) -> bool {
    let escaped = |byte| byte < 0x20 || matches!(byte, b'"' | b'\\');
    text.bytes().any(escaped)
}

/// Why a file could not be rendered, in the words of this program where the crate's name its types.
pub(super) fn reason(reason: &RenderErrorReason) -> String {
    match reason {
        RenderErrorReason::MissingVariable(Some(path)) => {
            format!("there is no variable `{path}`")
        }
        RenderErrorReason::HelperNotFound(name) => format!("there is no helper `{name}`"),
        other => other.to_string(),
    }
}

/// Text as a string literal of the ARM expression language.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The expression that yields a resource's id, without brackets; `name` has a part for each type segment.
pub(in crate::compile) fn resource_id_call(resource_type: &str, name: &str) -> String {
    let mut call = format!("resourceId({}", quoted(resource_type));
    for part in name.split('/') {
        call.push_str(", ");
        call.push_str(&quoted(part));
    }
    call.push(')');
    call
}

/// The expression that yields the name of a role assignment: a GUID of what makes it unique.
fn role_assignment_name_call(identity: &str, role: &str, scope: &ResourceKey) -> String {
    format!(
        "guid(resourceGroup().id, {}, {}, {})",
        quoted(identity),
        quoted(role),
        quoted(&scope.path())
    )
}

/// The expression that yields the id of a role assignment.
fn role_assignment_id_call(identity: &str, role: &str, scope: &ResourceKey) -> String {
    format!(
        "extensionResourceId({}, {}, {})",
        resource_id_call(&scope.resource_type, &scope.name),
        quoted(views::ROLE_ASSIGNMENT),
        role_assignment_name_call(identity, role, scope)
    )
}

/// Escapes every string of a value that Azure would read as an expression, keys included.
fn literal(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(expression::literal(text)),
        Value::Array(items) => items.iter().map(literal).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| (expression::literal(key), literal(value)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// The arguments of a helper, by position.
struct Arguments<'h, 'r>(&'h Helper<'r>);

impl Arguments<'_, '_> {
    fn value(&self, index: usize) -> Result<&Value, RenderErrorReason> {
        match self.0.param(index) {
            Some(param) if !param.is_value_missing() => Ok(param.value()),
            Some(param) => Err(RenderErrorReason::MissingVariable(
                param.relative_path().cloned(),
            )),
            None => Err(RenderErrorReason::Other(format!(
                "`{}` needs {} arguments",
                self.0.name(),
                index + 1
            ))),
        }
    }

    fn wrong(&self, expected: &str, value: &Value) -> RenderErrorReason {
        RenderErrorReason::Other(format!(
            "`{}` takes {expected}, not `{value}`",
            self.0.name()
        ))
    }

    fn text(&self, index: usize) -> Result<&str, RenderErrorReason> {
        let value = self.value(index)?;
        value.as_str().ok_or_else(|| self.wrong("text", value))
    }

    fn texts(&self, index: usize) -> Result<Vec<&str>, RenderErrorReason> {
        let value = self.value(index)?;
        let items = value.as_array();
        items
            .and_then(|items| items.iter().map(Value::as_str).collect())
            .ok_or_else(|| self.wrong("a list of texts", value))
    }

    /// A key from its type and its name.
    fn key(&self, index: usize) -> Result<ResourceKey, RenderErrorReason> {
        Ok(ResourceKey::new(self.text(index)?, self.text(index + 1)?))
    }
}

fn in_brackets(call: &str) -> Value {
    Value::String(format!("[{call}]"))
}

/// `{{json value}}`: the value as JSON; text that begins with `[` stays text.
fn json(arguments: &Arguments<'_, '_>) -> Result<Value, RenderErrorReason> {
    Ok(literal(arguments.value(0)?))
}

/// `{{verbatim value}}`: the value as JSON, for a document that is no ARM template and has no expressions.
fn verbatim(arguments: &Arguments<'_, '_>) -> Result<Value, RenderErrorReason> {
    Ok(arguments.value(0)?.clone())
}

/// `{{resource-id type name}}`: the expression that yields the id of a resource in the same group.
fn resource_id(arguments: &Arguments<'_, '_>) -> Result<Value, RenderErrorReason> {
    Ok(in_brackets(&resource_id_call(
        arguments.text(0)?,
        arguments.text(1)?,
    )))
}

/// `{{role-assignment-name identity role scope-type scope-name}}`: the expression that yields its name.
fn role_assignment_name(arguments: &Arguments<'_, '_>) -> Result<Value, RenderErrorReason> {
    Ok(in_brackets(&role_assignment_name_call(
        arguments.text(0)?,
        arguments.text(1)?,
        &arguments.key(2)?,
    )))
}

/// `{{role-assignment-id identity role scope-type scope-name}}`: the expression that yields its id.
fn role_assignment_id(arguments: &Arguments<'_, '_>) -> Result<Value, RenderErrorReason> {
    Ok(in_brackets(&role_assignment_id_call(
        arguments.text(0)?,
        arguments.text(1)?,
        &arguments.key(2)?,
    )))
}

/// `{{expression "concat({}, '-x')" value}}`: an expression in which each `{}` is a quoted value.
fn expression_of(arguments: &Arguments<'_, '_>) -> Result<Value, RenderErrorReason> {
    let mut pieces = arguments.text(0)?.split("{}");
    let mut call = pieces.next().unwrap_or_default().to_owned();
    for (index, piece) in pieces.enumerate() {
        call.push_str(&quoted(arguments.text(index + 1)?));
        call.push_str(piece);
    }
    Ok(in_brackets(&call))
}

/// `{{addresses prefixes parameters}}`: the prefixes, together with what the parameters hold. `union` and not
/// `concat`, because Azure refuses an address that stands in a list twice.
fn addresses(arguments: &Arguments<'_, '_>) -> Result<Value, RenderErrorReason> {
    let parameters = arguments.texts(1)?;
    if parameters.is_empty() {
        return Ok(literal(arguments.value(0)?));
    }
    let prefixes = arguments.texts(0)?;
    let mut lists = Vec::new();
    if !prefixes.is_empty() {
        let quoted = prefixes.into_iter().map(quoted).collect::<Vec<_>>();
        lists.push(format!("createArray({})", quoted.join(", ")));
    }
    lists.extend(
        parameters
            .into_iter()
            .map(|name| format!("parameters({})", quoted(name))),
    );
    Ok(in_brackets(&match &lists[..] {
        [one] => one.clone(),
        several => format!("union({})", several.join(", ")),
    }))
}

/// `{{secret-text pieces}}`: the pieces as one text; each is `{"text": ...}` or, for the value of a parameter,
/// `{"parameter": ...}`.
fn secret_text(arguments: &Arguments<'_, '_>) -> Result<Value, RenderErrorReason> {
    let value = arguments.value(0)?;
    let wrong = || arguments.wrong("a list of pieces", value);
    let pieces = value.as_array().ok_or_else(wrong)?;
    let mut plain = String::new();
    let mut calls = Vec::new();
    let mut parameters = 0;
    for piece in pieces {
        match (piece["text"].as_str(), piece["parameter"].as_str()) {
            (Some(text), None) => {
                plain.push_str(text);
                calls.push(quoted(text));
            }
            (None, Some(name)) => {
                parameters += 1;
                calls.push(format!("parameters({})", quoted(name)));
            }
            _ => return Err(wrong()),
        }
    }
    Ok(match &calls[..] {
        _ if parameters == 0 => Value::String(expression::literal(&plain)),
        [one] => in_brackets(one),
        several => in_brackets(&format!("concat({})", several.join(", "))),
    })
}
