//! A template's declarations, with what they are bound to: parameters, variables, functions.
//!
//! Values of variables are kept here once they are asked for; `env` evaluates them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::parameters::Parameter;
use super::{Moment, Parameters, Scope, invalid};
use crate::arm::expression::Names;
use crate::arm::resource::get;
use crate::arm::{AzureError, Template};

/// A template's declarations with what they are bound to.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) scope: Scope,
    pub(super) moment: Option<Moment>,
    pub(super) template: Template,
    /// By name in lower case, as every map here.
    pub(super) parameters: BTreeMap<String, Parameter>,
    pub(super) variables: BTreeMap<String, Variable>,
    pub(super) functions: BTreeMap<(String, String), UserFunction>,
}

/// A variable.
#[derive(Debug, Clone)]
pub(super) struct Variable {
    pub(super) name: String,
    /// As written; for an entry of `variables.copy`, the entry.
    pub(super) raw: Value,
    pub(super) is_copy: bool,
    pub(super) value: OnceLock<Value>,
}

/// A user-defined function.
#[derive(Debug, Clone)]
pub(super) struct UserFunction {
    pub(super) parameters: Vec<String>,
    pub(super) value: Value,
}

impl Document {
    pub(super) fn read(
        template: &Template,
        supplied: &Parameters,
        scope: &Scope,
        moment: Option<Moment>,
    ) -> Result<Document, AzureError> {
        Ok(Document {
            scope: scope.clone(),
            moment,
            template: template.clone(),
            parameters: super::parameters::bind(&template.parameters, supplied)?,
            variables: variables(&template.variables)?,
            functions: functions(&template.functions)?,
        })
    }
}

fn variables(section: &Map<String, Value>) -> Result<BTreeMap<String, Variable>, AzureError> {
    let mut all = BTreeMap::new();
    let mut put = |name: &str, raw: &Value, is_copy: bool| {
        let variable = Variable {
            name: name.to_owned(),
            raw: raw.clone(),
            is_copy,
            value: OnceLock::new(),
        };
        match all.insert(name.to_lowercase(), variable) {
            None => Ok(()),
            Some(_) => Err(invalid(
                format!("The template variable '{name}' is defined twice."),
                &format!("variables.{name}"),
            )),
        }
    };
    for (name, raw) in section {
        match raw {
            Value::Array(entries) if name.eq_ignore_ascii_case("copy") => {
                for (index, entry) in entries.iter().enumerate() {
                    let name = entry.as_object().and_then(|entry| get(entry, "name"));
                    let name = name.and_then(Value::as_str).ok_or_else(|| {
                        invalid(
                            "The template variable copy has no name.",
                            &format!("variables.copy[{index}]"),
                        )
                    })?;
                    put(name, entry, true)?;
                }
            }
            raw => put(name, raw, false)?,
        }
    }
    Ok(all)
}

fn functions(section: &[Value]) -> Result<BTreeMap<(String, String), UserFunction>, AzureError> {
    let mut all = BTreeMap::new();
    for (index, entry) in section.iter().enumerate() {
        let path = format!("functions[{index}]");
        let wrong = |what: &str| {
            invalid(
                format!("The template functions are not valid: {what}."),
                &path,
            )
        };
        let entry = entry
            .as_object()
            .ok_or_else(|| wrong("a namespace is an object"))?;
        let namespace = get(entry, "namespace")
            .and_then(Value::as_str)
            .ok_or_else(|| wrong("the namespace has no name"))?;
        let members = get(entry, "members")
            .and_then(Value::as_object)
            .ok_or_else(|| wrong("the namespace has no members"))?;
        for (name, member) in members {
            let member = member
                .as_object()
                .ok_or_else(|| wrong("a function is an object"))?;
            let parameters = match get(member, "parameters") {
                None => Vec::new(),
                Some(parameters) => parameters
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|parameter| {
                        let name = parameter
                            .as_object()
                            .and_then(|parameter| get(parameter, "name"));
                        name.and_then(Value::as_str)
                            .map(str::to_owned)
                            .ok_or_else(|| wrong("a parameter has no name"))
                    })
                    .collect::<Result<_, _>>()?,
            };
            let value = get(member, "output")
                .and_then(Value::as_object)
                .and_then(|output| get(output, "value"))
                .ok_or_else(|| wrong(&format!("the function '{name}' has no output value")))?;
            let function = UserFunction {
                parameters,
                value: value.clone(),
            };
            let key = (namespace.to_lowercase(), name.to_lowercase());
            if all.insert(key, function).is_some() {
                return Err(wrong(&format!(
                    "the function '{namespace}.{name}' is there twice"
                )));
            }
        }
    }
    Ok(all)
}

impl Names for Document {
    fn has_parameter(&self, name: &str) -> bool {
        self.parameters.contains_key(&name.to_lowercase())
    }

    fn has_variable(&self, name: &str) -> bool {
        self.variables.contains_key(&name.to_lowercase())
    }

    fn user_function_arity(&self, namespace: &str, name: &str) -> Option<usize> {
        self.functions
            .get(&(namespace.to_lowercase(), name.to_lowercase()))
            .map(|function| function.parameters.len())
    }
}

/// The names that the body of a user-defined function may use.
pub(super) struct OwnNames<'a> {
    pub(super) function: &'a UserFunction,
    pub(super) document: &'a Document,
}

impl Names for OwnNames<'_> {
    fn has_parameter(&self, name: &str) -> bool {
        self.function
            .parameters
            .iter()
            .any(|own| own.eq_ignore_ascii_case(name))
    }

    fn has_variable(&self, _name: &str) -> bool {
        false
    }

    fn user_function_arity(&self, namespace: &str, name: &str) -> Option<usize> {
        self.document.user_function_arity(namespace, name)
    }
}
