//! What the expressions at one place may ask for: parameters, variables and functions of their template,
//! the loops around them, and the live resources.
//!
//! Variables and defaults are evaluated when they are first asked for, and kept; a chain of the names
//! under evaluation finds cycles.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Scope;
use super::document::Document;
use super::index::Index;
use super::walk::{Loop, Walk};
use crate::arm::expression::{
    Environment, Expression, Fault, Runtime, Text, evaluate, parameter_not_found, parse, type_name,
    variable_not_found,
};

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
