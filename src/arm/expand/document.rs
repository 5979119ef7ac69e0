//! What the expressions of one template may ask for: its parameters, variables and functions, the loops
//! around them, and the live resources.
//!
//! Variables and defaults are evaluated when they are first asked for, and kept; a chain of the names
//! under evaluation finds cycles.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::instances::Index;
use super::parameters::Parameter;
use super::walk::{Loop, Walk};
use super::{Moment, Parameters, Scope, invalid};
use crate::arm::expression::{
    Environment, Expression, Fault, Names, Runtime, Text, evaluate, parameter_not_found, parse,
    type_name, variable_not_found,
};
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
    variables: BTreeMap<String, Variable>,
    functions: BTreeMap<(String, String), UserFunction>,
}

#[derive(Debug, Clone)]
struct Variable {
    name: String,
    /// As written; for an entry of `variables.copy`, the entry.
    raw: Value,
    is_copy: bool,
    value: OnceLock<Value>,
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

    pub(super) fn functions(&self) -> impl Iterator<Item = (&(String, String), &UserFunction)> {
        self.functions.iter()
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

/// The resources of the deployment, and what answers for them.
#[derive(Clone, Copy)]
pub(super) struct Live<'a> {
    pub(super) index: &'a Index,
    pub(super) runtime: Option<&'a dyn Runtime>,
}

/// The names under evaluation.
struct Chain<'a> {
    name: &'a str,
    kind: &'static str,
    outer: Option<&'a Chain<'a>>,
}

/// What the expressions at one place may ask for.
#[derive(Clone, Copy)]
pub(super) struct Env<'a> {
    pub(super) document: &'a Document,
    /// The arguments of the user-defined function that the place lies in.
    arguments: Option<&'a BTreeMap<String, Value>>,
    loops: &'a [Loop],
    live: Option<&'a Live<'a>>,
    chain: Option<&'a Chain<'a>>,
    depth: usize,
}

impl<'a> Env<'a> {
    pub(super) fn of(document: &'a Document) -> Env<'a> {
        Env {
            document,
            arguments: None,
            loops: &[],
            live: None,
            chain: None,
            depth: 0,
        }
    }

    pub(super) fn in_loops<'b>(self, loops: &'b [Loop]) -> Env<'b>
    where
        'a: 'b,
    {
        Env { loops, ..self }
    }

    pub(super) fn loops(&self) -> &'a [Loop] {
        self.loops
    }

    pub(super) fn live<'b>(self, live: &'b Live<'b>) -> Env<'b>
    where
        'a: 'b,
    {
        Env {
            live: Some(live),
            ..self
        }
    }

    /// Evaluates the text of an expression.
    pub(super) fn expression(&self, text: &str) -> Result<Value, Fault> {
        self.tree(&parse(text)?)
    }

    /// Evaluates an expression.
    pub(super) fn tree(&self, expression: &Expression) -> Result<Value, Fault> {
        evaluate(expression, self, self.depth)
    }

    /// Evaluates a value: strings that are expressions, copy loops, names of properties.
    pub(super) fn value(&self, value: &Value) -> Result<Value, Fault> {
        let mut leaf = |text: &str, env: &Env<'_>, _path: &str| env.expression(text);
        Walk::new("", &mut leaf).value(value, self)
    }

    /// Evaluates a string of the template that must give a string.
    pub(super) fn text(&self, text: &str) -> Result<String, Fault> {
        match Text::of(text) {
            Text::Literal(text) => Ok(text.to_owned()),
            Text::Expression(text) => match self.expression(text)? {
                Value::String(text) => Ok(text),
                other => Err(Fault::Invalid(format!(
                    "The expression '{text}' gives a value of type '{}', expected 'String'",
                    type_name(&other)
                ))),
            },
        }
    }

    /// Notes that `name` is under evaluation; refuses it where it already is.
    fn under<'b>(&'b self, kind: &'static str, name: &'b str) -> Result<Chain<'b>, Fault> {
        let mut outer = self.chain;
        while let Some(link) = outer {
            if link.kind == kind && link.name.eq_ignore_ascii_case(name) {
                return Err(Fault::Invalid(format!(
                    "Circular dependency detected on {kind}: '{name}'"
                )));
            }
            outer = link.outer;
        }
        Ok(Chain {
            name,
            kind,
            outer: self.chain,
        })
    }
}

impl Environment for Env<'_> {
    fn parameter(&self, name: &str, depth: usize) -> Result<Value, Fault> {
        let lower = name.to_lowercase();
        if let Some(arguments) = self.arguments {
            return arguments
                .get(&lower)
                .cloned()
                .ok_or_else(|| parameter_not_found(name));
        }
        let parameter = self
            .document
            .parameters
            .get(&lower)
            .ok_or_else(|| parameter_not_found(name))?;
        if let Some(value) = parameter.value() {
            return Ok(value.clone());
        }
        let chain = self.under("parameter", &parameter.name)?;
        let env = Env {
            chain: Some(&chain),
            depth,
            ..Env::of(self.document)
        };
        let value = env.value(parameter.default())?;
        Ok(parameter.keep(value).clone())
    }

    fn variable(&self, name: &str, depth: usize) -> Result<Value, Fault> {
        let variable = self
            .document
            .variables
            .get(&name.to_lowercase())
            .ok_or_else(|| variable_not_found(name))?;
        if let Some(value) = variable.value.get() {
            return Ok(value.clone());
        }
        let chain = self.under("variable", &variable.name)?;
        let env = Env {
            chain: Some(&chain),
            depth,
            ..Env::of(self.document)
        };
        let value = if variable.is_copy {
            let mut leaf = |text: &str, env: &Env<'_>, _path: &str| env.expression(text);
            Walk::new("", &mut leaf)
                .copy(&variable.raw, &env, true)
                .map(|(_, items)| Value::Array(items))
        } else {
            env.value(&variable.raw)
        };
        let value = value.map_err(|fault| match fault {
            Fault::Invalid(message) => Fault::Invalid(format!(
                "The template variable '{}' is not valid: {message}. Please see https://aka.ms/arm-template-expressions for usage details.",
                variable.name
            )),
            other => other,
        })?;
        Ok(variable.value.get_or_init(|| value).clone())
    }

    fn user_function(
        &self,
        namespace: &str,
        name: &str,
        arguments: Vec<Value>,
        depth: usize,
    ) -> Result<Value, Fault> {
        let function = self
            .document
            .functions
            .get(&(namespace.to_lowercase(), name.to_lowercase()))
            .ok_or_else(|| {
                Fault::Invalid(format!(
                    "The template function '{namespace}.{name}' is not valid. Please see https://aka.ms/arm-functions for usage details."
                ))
            })?;
        let arguments = function
            .parameters
            .iter()
            .map(|name| name.to_lowercase())
            .zip(arguments)
            .collect();
        let env = Env {
            arguments: Some(&arguments),
            chain: self.chain,
            depth,
            ..Env::of(self.document)
        };
        env.value(&function.value)
    }

    fn copy_index(&self, name: Option<&str>) -> Result<i64, Fault> {
        let mut loops = self.loops.iter().rev();
        let found = match name {
            Some(name) => loops.find(|one| one.name.eq_ignore_ascii_case(name)),
            None => loops.find(|one| one.is_plain),
        };
        found.map(|one| one.index).ok_or_else(|| {
            Fault::Invalid(match name {
                Some(name) => format!(
                    "The template function 'copyIndex' refers to the copy loop '{name}', which is not around it. Please see https://aka.ms/arm-copy for usage details."
                ),
                None => "The template function 'copyIndex' is not expected at this location. The function can only be used in a resource with copy specified. Please see https://aka.ms/arm-copy for usage details.".to_owned(),
            })
        })
    }

    fn reference(
        &self,
        target: &str,
        api_version: Option<&str>,
        full: bool,
    ) -> Result<Value, Fault> {
        let live = self.live.ok_or(Fault::Unknown)?;
        let (id, own_version) = live.index.target(target)?;
        let api_version = api_version.or(own_version);
        match live.runtime {
            Some(runtime) => Ok(runtime.reference(&id, api_version, full)?),
            None => Err(Fault::Unknown),
        }
    }

    fn list(
        &self,
        function: &str,
        target: &str,
        api_version: &str,
        body: Option<&Value>,
    ) -> Result<Value, Fault> {
        let live = self.live.ok_or(Fault::Unknown)?;
        let (id, _) = live.index.target(target)?;
        match live.runtime {
            Some(runtime) => Ok(runtime.list(function, &id, api_version, body)?),
            None => Err(Fault::Unknown),
        }
    }

    fn deployment(&self) -> Value {
        let document = self.document;
        let parameters = document
            .parameters
            .values()
            .filter(|parameter| !parameter.kind.is_secure())
            .filter_map(|parameter| {
                let value = parameter.value()?;
                Some((parameter.name.clone(), json!({"value": value})))
            })
            .collect::<Map<_, _>>();
        json!({
            "name": document.scope.deployment,
            "properties": {
                "template": document.template.to_value(),
                "templateHash": document.template.hash(),
                "parameters": parameters,
                "mode": "Incremental",
                "provisioningState": "Accepted",
            },
        })
    }

    fn scope(&self) -> &Scope {
        &self.document.scope
    }

    fn now(&self) -> Result<jiff::Timestamp, Fault> {
        Ok(self.document.moment.ok_or(Fault::Unknown)?.now)
    }

    /// A GUID for each parameter: within one deployment the same parameter keeps its GUID.
    fn new_guid(&self) -> Result<uuid::Uuid, Fault> {
        let moment = self.document.moment.ok_or(Fault::Unknown)?;
        let parameter = self.chain.map_or("", |link| link.name);
        Ok(uuid::Uuid::new_v5(&moment.seed, parameter.as_bytes()))
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
