//! Outputs: evaluated last, when every resource is there.

use serde_json::{Map, Value, json};

use super::document::Document;
use super::env::{Env, Live};
use super::parameters::Kind;
use super::walk::Walk;
use super::{lower_first, message};
use crate::arm::AzureError;
use crate::arm::expression::{Fault, type_name};
use crate::arm::resource::get;

/// The outputs as a deployment shows them; one whose condition is false is left out.
pub(super) fn evaluate(
    document: &Document,
    live: Live<'_>,
) -> Result<Map<String, Value>, AzureError> {
    let env = Env::of(document).live(&live);
    let mut outputs = Map::new();
    for (name, declaration) in &document.template.outputs {
        match output(name, declaration, &env) {
            Ok(None) => {}
            Ok(Some(output)) => {
                outputs.insert(lower_first(name), output);
            }
            Err(fault) => return Err(refused(name, fault)),
        }
    }
    Ok(outputs)
}

fn output(name: &str, declaration: &Value, env: &Env<'_>) -> Result<Option<Value>, Fault> {
    let wrong = |what: String| Fault::Invalid(what);
    let declaration = declaration
        .as_object()
        .ok_or_else(|| wrong("an output is an object".to_owned()))?;
    if let Some(condition) = get(declaration, "condition") {
        match env.value(condition)? {
            Value::Bool(true) => {}
            Value::Bool(false) => return Ok(None),
            other => {
                return Err(wrong(format!(
                    "the condition is of type '{}', expected 'Boolean'",
                    type_name(&other)
                )));
            }
        }
    }
    let kind = get(declaration, "type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let kind = Kind::read(kind).ok_or_else(|| wrong(format!("'{kind}' is not a type")))?;
    let value = match (get(declaration, "value"), get(declaration, "copy")) {
        (Some(value), None) => env.value(value)?,
        (None, Some(Value::Object(copy))) => {
            let mut leaf = |text: &str, env: &Env<'_>, _path: &str| env.expression(text);
            Walk::new("", &mut leaf)
                .rounds(name, copy, env, true)?
                .into()
        }
        _ => return Err(wrong("an output has either a value or a copy".to_owned())),
    };
    if !kind.admits(&value) {
        return Err(wrong(format!(
            "the value is of type '{}', but the output is declared as '{}'",
            type_name(&value),
            kind.shown()
        )));
    }
    Ok(Some(if kind.is_secure() {
        json!({"type": kind.shown()})
    } else {
        json!({"type": kind.shown(), "value": value})
    }))
}

fn refused(name: &str, fault: Fault) -> AzureError {
    let inner = match message(fault) {
        Ok(message) => {
            let mut inner = AzureError::new(
                "DeploymentOutputEvaluationFailed",
                format!("The template output '{name}' is not valid: {message}."),
            );
            inner.target = Some(name.to_owned());
            inner
        }
        Err(error) => error,
    };
    let mut error = AzureError::new(
        "DeploymentOutputEvaluationFailed",
        format!(
            "Unable to evaluate template outputs: '{name}'. Please see error details and deployment operations. Please see https://aka.ms/arm-common-errors for usage details."
        ),
    );
    error.details.push(inner);
    error
}
