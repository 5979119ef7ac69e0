//! Binding parameters: which are there, of which type, within which bounds.
//!
//! Supplied values are taken as they are, never as expressions; defaults are evaluated, and the bounds
//! hold for both.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::document::Document;
use super::env::Env;
use super::{Parameters, invalid, lower_first, refuse};
use crate::arm::AzureError;
use crate::arm::expression::{Environment as _, Fault, text_of, type_name};
use crate::arm::resource::get;

/// The type of a parameter or an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    String,
    SecureString,
    Int,
    Bool,
    Object,
    SecureObject,
    Array,
}

impl Kind {
    pub(super) fn read(text: &str) -> Option<Kind> {
        Some(match text.to_ascii_lowercase().as_str() {
            "string" => Kind::String,
            "securestring" => Kind::SecureString,
            "int" => Kind::Int,
            "bool" => Kind::Bool,
            "object" => Kind::Object,
            "secureobject" => Kind::SecureObject,
            "array" => Kind::Array,
            _ => return None,
        })
    }

    /// The type as a deployment shows it.
    pub(super) fn shown(self) -> &'static str {
        match self {
            Kind::String => "String",
            Kind::SecureString => "SecureString",
            Kind::Int => "Int",
            Kind::Bool => "Bool",
            Kind::Object => "Object",
            Kind::SecureObject => "SecureObject",
            Kind::Array => "Array",
        }
    }

    /// Whether values of the type are left out of answers.
    pub(super) fn is_secure(self) -> bool {
        matches!(self, Kind::SecureString | Kind::SecureObject)
    }

    pub(super) fn admits(self, value: &Value) -> bool {
        match self {
            Kind::String | Kind::SecureString => value.is_string(),
            Kind::Int => value.is_i64(),
            Kind::Bool => value.is_boolean(),
            Kind::Object | Kind::SecureObject => value.is_object(),
            Kind::Array => value.is_array(),
        }
    }

    /// The JSON types that Azure's message names for the type.
    fn expected(self) -> &'static str {
        match self {
            Kind::String | Kind::SecureString => "String, Uri",
            Kind::Int => "Integer",
            Kind::Bool => "Boolean",
            Kind::Object | Kind::SecureObject => "Object",
            Kind::Array => "Array",
        }
    }
}

/// A declared parameter with its value.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) kind: Kind,
    declaration: Map<String, Value>,
    value: OnceLock<Value>,
}

impl Parameter {
    /// The value, if it is supplied or its default has been evaluated.
    pub(super) fn value(&self) -> Option<&Value> {
        self.value.get()
    }

    /// The default, as written.
    pub(super) fn default(&self) -> &Value {
        get(&self.declaration, "defaultValue").unwrap_or(&Value::Null)
    }

    pub(super) fn keep(&self, value: Value) -> &Value {
        self.value.get_or_init(|| value)
    }
}

/// Reads the declarations and puts the supplied values to them.
pub(super) fn bind(
    section: &Map<String, Value>,
    supplied: &Parameters,
) -> Result<BTreeMap<String, Parameter>, AzureError> {
    let mut parameters = BTreeMap::new();
    for (name, declaration) in section {
        let path = format!("parameters.{name}");
        let parameter = declared(name, declaration, &path)?;
        if parameters.insert(name.to_lowercase(), parameter).is_some() {
            return Err(invalid(
                format!("The template parameter '{name}' is defined twice."),
                &path,
            ));
        }
    }
    refuse_undeclared(&parameters, supplied)?;
    for (name, value) in supplied {
        let Some(parameter) = parameters.get(&name.to_lowercase()) else {
            continue;
        };
        if parameter.value.set(value.clone()).is_err() {
            return Err(AzureError::new(
                "CaseSensitiveDeploymentParameterNamesFound",
                format!(
                    "The deployment parameter '{name}' is supplied twice, in names that differ only by case."
                ),
            ));
        }
    }
    let missing = parameters.values().find(|parameter| {
        parameter.value().is_none() && get(&parameter.declaration, "defaultValue").is_none()
    });
    match missing {
        None => Ok(parameters),
        Some(parameter) => Err(invalid(
            format!(
                "The value for the template parameter '{}' is not provided. Please see https://aka.ms/arm-create-parameter-file for usage details.",
                parameter.name
            ),
            &format!("parameters.{}", parameter.name),
        )),
    }
}

fn declared(name: &str, declaration: &Value, path: &str) -> Result<Parameter, AzureError> {
    const MEMBERS: [&str; 8] = [
        "type",
        "defaultValue",
        "allowedValues",
        "minValue",
        "maxValue",
        "minLength",
        "maxLength",
        "metadata",
    ];
    let wrong = |what: String| {
        invalid(
            format!(
                "The template parameter '{name}' is not valid: {what}. Please see https://aka.ms/arm-template/#parameters for usage details."
            ),
            path,
        )
    };
    let declaration = declaration
        .as_object()
        .ok_or_else(|| wrong("a parameter is an object".to_owned()))?;
    let unknown = declaration.keys().find(|key| {
        !MEMBERS
            .iter()
            .any(|member| member.eq_ignore_ascii_case(key))
    });
    if let Some(member) = unknown {
        return Err(wrong(format!("the member '{member}' is not supported")));
    }
    let kind = get(declaration, "type")
        .and_then(Value::as_str)
        .ok_or_else(|| wrong("it has no type".to_owned()))?;
    Ok(Parameter {
        name: name.to_owned(),
        kind: Kind::read(kind).ok_or_else(|| wrong(format!("'{kind}' is not a type")))?,
        declaration: declaration.clone(),
        value: OnceLock::new(),
    })
}

fn refuse_undeclared(
    parameters: &BTreeMap<String, Parameter>,
    supplied: &Parameters,
) -> Result<(), AzureError> {
    let undeclared = supplied
        .keys()
        .filter(|name| !parameters.contains_key(&name.to_lowercase()))
        .map(String::as_str)
        .collect::<Vec<_>>();
    if undeclared.is_empty() {
        return Ok(());
    }
    let declared = parameters
        .values()
        .map(|parameter| parameter.name.as_str())
        .collect::<Vec<_>>();
    Err(invalid(
        format!(
            "The template parameters '{}' in the parameters file are not valid; they are not present in the original template and can therefore not be provided at deployment time. The only supported parameters for this template are '{}'. Please see https://aka.ms/arm-pass-parameter-values for usage details.",
            undeclared.join(", "),
            declared.join(", ")
        ),
        "",
    ))
}

/// Evaluates the defaults and checks every value against its declaration.
pub(super) fn check(document: &Document) -> Result<(), AzureError> {
    let env = Env::of(document);
    for parameter in document.parameters.values() {
        let path = format!("parameters.{}", parameter.name);
        match env.parameter(&parameter.name, 0) {
            Ok(value) => within(parameter, &value).map_err(|message| invalid(message, &path))?,
            // A default that only a deployment can tell is checked where there is one.
            Err(Fault::Unknown) => {}
            Err(fault) => {
                return Err(refuse(
                    fault,
                    &format!("parameter '{}'", parameter.name),
                    &path,
                ));
            }
        }
    }
    Ok(())
}

fn within(parameter: &Parameter, value: &Value) -> Result<(), String> {
    let Parameter {
        name,
        kind,
        declaration,
        ..
    } = parameter;
    let refused = |problem: String| {
        Err(format!(
            "The provided value for the template parameter '{name}' is not valid. {problem} Please see https://aka.ms/arm-template/#parameters for usage details."
        ))
    };
    if !kind.admits(value) {
        return Err(format!(
            "Template parameter JToken type is not valid. Expected '{}'. Actual '{}'. Please see https://aka.ms/resource-manager-parameter-files for usage details.",
            kind.expected(),
            type_name(value)
        ));
    }
    if let Some(Value::Array(allowed)) = get(declaration, "allowedValues") {
        let is_allowed = allowed.contains(value)
            || value
                .as_array()
                .is_some_and(|items| items.iter().all(|item| allowed.contains(item)));
        if !is_allowed {
            let shown = if kind.is_secure() {
                "********".to_owned()
            } else {
                text_of(value)
            };
            let allowed = allowed.iter().map(text_of).collect::<Vec<_>>().join(",");
            return Err(format!(
                "The provided value '{shown}' for the template parameter '{name}' is not valid. The value '{shown}' is not part of the allowed value(s): '{allowed}'."
            ));
        }
    }
    let bound = |member: &str| get(declaration, member).and_then(Value::as_i64);
    let (measure, number, least, most) = match value {
        Value::Number(number) => (
            "Value",
            number.as_i64(),
            bound("minValue"),
            bound("maxValue"),
        ),
        Value::String(text) => (
            "Length of the value",
            i64::try_from(text.encode_utf16().count()).ok(),
            bound("minLength"),
            bound("maxLength"),
        ),
        Value::Array(items) => (
            "Length of the value",
            i64::try_from(items.len()).ok(),
            bound("minLength"),
            bound("maxLength"),
        ),
        _ => return Ok(()),
    };
    match (least, most) {
        (Some(least), _) if number < Some(least) => refused(format!(
            "{measure} should be greater than or equal to '{least}'."
        )),
        (_, Some(most)) if number > Some(most) => refused(format!(
            "{measure} should be less than or equal to '{most}'."
        )),
        _ => Ok(()),
    }
}

/// The parameters as a deployment shows them.
pub(super) fn shown(document: &Document) -> Map<String, Value> {
    document
        .parameters
        .values()
        .map(|parameter| {
            let kind = parameter.kind;
            let shown = match parameter.value() {
                Some(value) if !kind.is_secure() => json!({"type": kind.shown(), "value": value}),
                _ => json!({"type": kind.shown()}),
            };
            (lower_first(&parameter.name), shown)
        })
        .collect()
}
