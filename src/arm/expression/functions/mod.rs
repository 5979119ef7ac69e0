//! The functions of the template language: one table, one file a family.
//!
//! A function sees its arguments' values and nothing else, unless its row of the table says that it
//! asks the environment or takes its arguments unevaluated. Names are compared without case. A function
//! that Azure has and this version has not is in the table too, so that it is refused by its name.

mod array;
mod cidr;
mod compare;
mod date;
mod deployment;
mod format;
mod hash;
mod lambda;
mod logic;
mod number;
mod object;
mod string;
mod uri;

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::Fault;
use super::ast::Expression;
use super::eval::Evaluator;

pub(in crate::arm) use hash::digest;
pub(in crate::arm) use string::text_of;

/// A function of the language.
pub(super) struct Function {
    /// The name, in Azure's spelling.
    pub(super) name: &'static str,
    /// The fewest arguments.
    min: usize,
    /// The most arguments; `None` is any number.
    max: Option<usize>,
    /// What it does.
    pub(super) body: Body,
}

/// How a function gets at its arguments.
#[derive(Clone, Copy)]
pub(super) enum Body {
    /// Over the values of its arguments.
    Eager(fn(&Arguments) -> Result<Value, Fault>),
    /// The same, and it asks the environment.
    Asking(fn(&Arguments, Evaluator<'_>) -> Result<Value, Fault>),
    /// It decides which of its arguments are evaluated.
    Lazy(fn(&str, &[Expression], Evaluator<'_>) -> Result<Value, Fault>),
    /// Azure has it, this version has not.
    Unsupported,
}

/// The evaluated arguments of a call.
pub(super) struct Arguments {
    pub(super) function: &'static str,
    pub(super) values: Vec<Value>,
}

static FUNCTIONS: LazyLock<HashMap<String, Function>> = LazyLock::new(|| {
    let families: [&[Row]; 12] = [
        array::FUNCTIONS,
        object::FUNCTIONS,
        compare::FUNCTIONS,
        logic::FUNCTIONS,
        number::FUNCTIONS,
        string::FUNCTIONS,
        uri::FUNCTIONS,
        cidr::FUNCTIONS,
        date::FUNCTIONS,
        lambda::FUNCTIONS,
        deployment::FUNCTIONS,
        UNSUPPORTED,
    ];
    families
        .into_iter()
        .flatten()
        .map(|&(name, min, max, body)| {
            let function = Function {
                name,
                min,
                max,
                body,
            };
            (name.to_ascii_lowercase(), function)
        })
        .collect()
});

/// A row of the table: name, fewest and most arguments, what it does.
type Row = (&'static str, usize, Option<usize>, Body);

/// Functions that need a cloud's tables, another language version or a parameter file.
const UNSUPPORTED: &[Row] = &[
    ("providers", 1, Some(2), Body::Unsupported),
    ("pickZones", 3, Some(5), Body::Unsupported),
    ("toLogicalZone", 2, Some(2), Body::Unsupported),
    ("toLogicalZones", 2, Some(2), Body::Unsupported),
    ("toPhysicalZone", 2, Some(2), Body::Unsupported),
    ("toPhysicalZones", 2, Some(2), Body::Unsupported),
    ("references", 1, Some(2), Body::Unsupported),
    ("roleDefinitions", 1, Some(1), Body::Unsupported),
    ("externalInputs", 0, None, Body::Unsupported),
    ("getSecret", 0, None, Body::Unsupported),
    ("deployer", 0, Some(0), Body::Unsupported),
    ("managementGroup", 0, Some(0), Body::Unsupported),
    ("managementGroupResourceId", 2, None, Body::Unsupported),
    ("parseUri", 1, Some(1), Body::Unsupported),
    ("buildUri", 1, Some(1), Body::Unsupported),
];

/// Finds a function by name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.get(&name.to_ascii_lowercase())
}

/// The error for a function that Azure does not have.
pub(super) fn unknown(name: &str) -> Fault {
    Fault::Invalid(format!(
        "The template function '{name}' is not valid. Please see https://aka.ms/arm-functions for usage details."
    ))
}

/// The error for a call with too few or too many arguments.
pub(super) fn wrong_arity(function: &str, expected: &str, actual: usize) -> Fault {
    Fault::Invalid(format!(
        "Unable to evaluate template language function '{function}': function requires {expected} argument(s) while {actual} were provided. Please see https://aka.ms/arm-functions/#{} for usage details.",
        function.to_ascii_lowercase()
    ))
}

impl Function {
    /// Refuses a call with too few or too many arguments.
    pub(super) fn check_arity(&self, actual: usize) -> Result<(), Fault> {
        let too_many = self.max.is_some_and(|max| actual > max);
        if actual >= self.min && !too_many {
            return Ok(());
        }
        let expected = match self.max {
            Some(max) if max == self.min => max.to_string(),
            Some(max) => format!("{} to {max}", self.min),
            None => format!("at least {}", self.min),
        };
        Err(wrong_arity(self.name, &expected, actual))
    }
}

impl Arguments {
    /// An error of this call, in Azure's frame.
    pub(super) fn invalid(&self, problem: impl std::fmt::Display) -> Fault {
        Fault::Invalid(format!(
            "Unable to evaluate template language function '{}': {problem} Please see https://aka.ms/arm-functions/#{} for usage details.",
            self.function,
            self.function.to_ascii_lowercase()
        ))
    }

    fn wrong_type(&self, index: usize, expected: &str) -> Fault {
        let actual = self.values.get(index).map_or("Undefined", type_name);
        Fault::Invalid(format!(
            "The template language function '{}' expects its parameter at index '{index}' to be {expected}. The provided value is of type '{actual}'. Please see https://aka.ms/arm-functions/#{} for usage details.",
            self.function,
            self.function.to_ascii_lowercase()
        ))
    }

    pub(super) fn get(&self, index: usize) -> &Value {
        self.values.get(index).unwrap_or(&Value::Null)
    }

    pub(super) fn text(&self, index: usize) -> Result<&str, Fault> {
        self.get(index)
            .as_str()
            .ok_or_else(|| self.wrong_type(index, "a string"))
    }

    fn optional_text(&self, index: usize) -> Result<Option<&str>, Fault> {
        match self.values.get(index) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.text(index).map(Some),
        }
    }

    fn texts(&self) -> Result<Vec<&str>, Fault> {
        (0..self.values.len())
            .map(|index| self.text(index))
            .collect()
    }

    fn integer(&self, index: usize) -> Result<i64, Fault> {
        self.get(index)
            .as_i64()
            .ok_or_else(|| self.wrong_type(index, "an integer"))
    }

    fn boolean(&self, index: usize) -> Result<bool, Fault> {
        self.get(index)
            .as_bool()
            .ok_or_else(|| self.wrong_type(index, "a boolean"))
    }

    fn array(&self, index: usize) -> Result<&Vec<Value>, Fault> {
        self.get(index)
            .as_array()
            .ok_or_else(|| self.wrong_type(index, "an array"))
    }

    fn object(&self, index: usize) -> Result<&Map<String, Value>, Fault> {
        self.get(index)
            .as_object()
            .ok_or_else(|| self.wrong_type(index, "an object"))
    }
}

/// The name of a value's type in Azure's messages.
pub(in crate::arm) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "Null",
        Value::Bool(_) => "Boolean",
        Value::Number(number) if number.is_f64() => "Float",
        Value::Number(_) => "Integer",
        Value::String(_) => "String",
        Value::Array(_) => "Array",
        Value::Object(_) => "Object",
    }
}

#[cfg(test)]
pub(super) mod tests;
