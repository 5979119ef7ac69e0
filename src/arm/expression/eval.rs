//! From a tree to a value.
//!
//! Arguments are evaluated before the call, except those of `if`, `and`, `or`, `coalesce` and lambda
//! bodies: a branch that is not taken is not evaluated, so that it may hold what would fail.

use serde_json::{Map, Value};

use super::ast::{Call, Expression, Head, Step, is_list};
use super::functions::{self, Arguments, Body};
use super::{Environment, Fault};

/// The most calls under way at a time, counted through variables, parameter defaults and user-defined
/// functions: the bound on the stack.
const MAX_DEPTH: usize = 200;

/// The largest value that an expression may make: the largest template that Azure accepts.
pub(super) const MAX_SIZE: usize = 4 * 1024 * 1024;

/// The deepest nesting of a value: what the JSON reader accepts, too.
const MAX_NESTING: usize = 128;

/// Evaluates an expression.
///
/// # Errors
/// As Azure words them; [`Fault::Unknown`] when only a deployment can tell.
pub(in crate::arm) fn evaluate(
    expression: &Expression,
    environment: &dyn Environment,
    depth: usize,
) -> Result<Value, Fault> {
    Evaluator {
        environment,
        locals: None,
        depth,
    }
    .expression(expression)
}

/// A lambda's variable, and those around it.
struct Local<'a> {
    name: &'a str,
    value: Value,
    outer: Option<&'a Local<'a>>,
}

/// Evaluation at one place: what may be asked for, and which lambda variables are bound.
#[derive(Clone, Copy)]
pub(super) struct Evaluator<'a> {
    pub(super) environment: &'a dyn Environment,
    locals: Option<&'a Local<'a>>,
    pub(super) depth: usize,
}

/// A lambda: `lambda('x', 'y', body)`.
pub(super) struct Lambda<'a> {
    names: Vec<&'a str>,
    body: &'a Expression,
}

impl<'a> Evaluator<'a> {
    pub(super) fn expression(self, expression: &Expression) -> Result<Value, Fault> {
        let mut value = match &expression.head {
            Head::String(text) => Value::from(text.as_str()),
            Head::Integer(number) => Value::from(*number),
            Head::Float(number) => Value::from(*number),
            Head::Call(call) => self.call(call)?,
        };
        for step in &expression.steps {
            value = match step {
                Step::Property(name) => property(value, name)?,
                Step::Index(index) => match self.expression(index)? {
                    Value::String(name) => property(value, &name)?,
                    Value::Number(number) => element(value, &number)?,
                    other => {
                        return Err(Fault::Invalid(format!(
                            "The language expression property index '{other}' is not an integer or a string."
                        )));
                    }
                },
            };
        }
        Ok(value)
    }

    fn call(self, call: &Call) -> Result<Value, Fault> {
        if self.depth >= MAX_DEPTH {
            return Err(Fault::Invalid(format!(
                "The language expression nests more than {MAX_DEPTH} calls, counted through variables and functions."
            )));
        }
        let inner = Evaluator {
            depth: self.depth + 1,
            ..self
        };
        if let Some(namespace) = &call.namespace {
            let arguments = inner.all(&call.arguments)?;
            return self
                .environment
                .user_function(namespace, &call.name, arguments, inner.depth);
        }
        let Some(function) = functions::find(&call.name) else {
            if is_list(&call.name) {
                return inner.list(call);
            }
            return Err(functions::unknown(&call.name));
        };
        function.check_arity(call.arguments.len())?;
        let value = match function.body {
            Body::Eager(run) => run(&Arguments {
                function: function.name,
                values: inner.all(&call.arguments)?,
            }),
            Body::Asking(run) => run(
                &Arguments {
                    function: function.name,
                    values: inner.all(&call.arguments)?,
                },
                inner,
            ),
            Body::Lazy(run) => run(function.name, &call.arguments, inner),
            Body::Unsupported => Err(Fault::Invalid(format!(
                "The template function '{}' is not supported by this version.",
                function.name
            ))),
        }?;
        match size(&value, 0) {
            Some(size) if size <= MAX_SIZE => Ok(value),
            _ => Err(Fault::Invalid(format!(
                "The template language function '{}' made a value that is larger than {MAX_SIZE} bytes or nests deeper than {MAX_NESTING}.",
                function.name
            ))),
        }
    }

    fn all(self, arguments: &[Expression]) -> Result<Vec<Value>, Fault> {
        arguments
            .iter()
            .map(|argument| self.expression(argument))
            .collect()
    }

    fn list(self, call: &Call) -> Result<Value, Fault> {
        let arguments = Arguments {
            function: "list*",
            values: self.all(&call.arguments)?,
        };
        if !(2..=3).contains(&arguments.values.len()) {
            return Err(functions::wrong_arity(
                &call.name,
                "2 to 3",
                arguments.values.len(),
            ));
        }
        self.environment.list(
            &call.name,
            arguments.text(0)?,
            arguments.text(1)?,
            arguments.values.get(2),
        )
    }

    /// Reads an argument that must be a lambda, with as many variables as the function gives it.
    pub(super) fn lambda<'e>(
        self,
        function: &str,
        argument: &'e Expression,
        variables: std::ops::RangeInclusive<usize>,
    ) -> Result<Lambda<'e>, Fault> {
        let invalid = |problem: &str| {
            Fault::Invalid(format!(
                "The template language function '{function}' expects a lambda function: {problem}."
            ))
        };
        let call = argument
            .as_call()
            .filter(|call| call.is("lambda"))
            .ok_or_else(|| invalid("the argument is not a call of 'lambda'"))?;
        let (body, names) = call
            .arguments
            .split_last()
            .ok_or_else(|| invalid("it has no body"))?;
        let names = names
            .iter()
            .map(|name| {
                name.as_text()
                    .ok_or_else(|| invalid("a variable's name is not a string literal"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        if !variables.contains(&names.len()) {
            return Err(invalid(&format!(
                "it has {} variables, not {} to {}",
                names.len(),
                variables.start(),
                variables.end()
            )));
        }
        Ok(Lambda { names, body })
    }

    /// Evaluates a lambda's body; values beyond its variables are left out.
    pub(super) fn apply(self, lambda: &Lambda<'_>, values: &[&Value]) -> Result<Value, Fault> {
        self.bind(&lambda.names, values, lambda.body)
    }

    fn bind(self, names: &[&str], values: &[&Value], body: &Expression) -> Result<Value, Fault> {
        match (names.split_first(), values.split_first()) {
            (Some((name, names)), Some((value, values))) => {
                let local = Local {
                    name,
                    value: (*value).clone(),
                    outer: self.locals,
                };
                Evaluator {
                    environment: self.environment,
                    locals: Some(&local),
                    depth: self.depth,
                }
                .bind(names, values, body)
            }
            _ => self.expression(body),
        }
    }

    /// `lambdaVariables(name)`.
    pub(super) fn local(self, name: &str) -> Result<Value, Fault> {
        let mut locals = self.locals;
        while let Some(local) = locals {
            if local.name.eq_ignore_ascii_case(name) {
                return Ok(local.value.clone());
            }
            locals = local.outer;
        }
        Err(Fault::Invalid(format!(
            "The lambda variable '{name}' is not found."
        )))
    }
}

/// The property of an object, by name without case.
pub(super) fn property(value: Value, name: &str) -> Result<Value, Fault> {
    let Value::Object(mut object) = value else {
        return Err(Fault::Invalid(match value {
            Value::Array(_) => format!(
                "The language expression property '{name}' can't be evaluated, property name must be an integer index for an array."
            ),
            other => format!(
                "The language expression property '{name}' can't be evaluated, the value is of type '{}'.",
                functions::type_name(&other)
            ),
        }));
    };
    match key(&object, name) {
        Some(key) => Ok(object.remove(&key).unwrap_or(Value::Null)),
        None => {
            let names = object.keys().map(String::as_str).collect::<Vec<_>>();
            Err(Fault::Invalid(format!(
                "The language expression property '{name}' doesn't exist, available properties are '{}'.",
                names.join(", ")
            )))
        }
    }
}

/// An object's own spelling of a key.
pub(super) fn key(object: &Map<String, Value>, name: &str) -> Option<String> {
    if object.contains_key(name) {
        return Some(name.to_owned());
    }
    object
        .keys()
        .find(|key| key.eq_ignore_ascii_case(name))
        .cloned()
}

fn element(value: Value, index: &serde_json::Number) -> Result<Value, Fault> {
    let Value::Array(mut items) = value else {
        return Err(Fault::Invalid(format!(
            "The language expression property '{index}' can't be evaluated, property name must be a string."
        )));
    };
    let place = index
        .as_u64()
        .and_then(|index| usize::try_from(index).ok())
        .filter(|index| *index < items.len());
    match place {
        Some(place) => Ok(items.swap_remove(place)),
        None => Err(Fault::Invalid(format!(
            "The language expression property array index '{index}' is out of bounds."
        ))),
    }
}

/// About the bytes that a value takes as JSON; `None` where it nests too deep. Costs no more than the
/// making of the value did.
fn size(value: &Value, nesting: usize) -> Option<usize> {
    const EACH: usize = 8;
    if nesting > MAX_NESTING {
        return None;
    }
    let inner = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items
            .iter()
            .try_fold(0, |sum, item| Some(sum + size(item, nesting + 1)?))?,
        Value::Object(members) => members.iter().try_fold(0, |sum, (name, item)| {
            Some(sum + name.len() + size(item, nesting + 1)?)
        })?,
        _ => 0,
    };
    Some(inner + EACH)
}
