//! Booleans and choice. A branch that is not taken is not evaluated.

use serde_json::Value;

use super::super::ast::Expression;
use super::super::eval::Evaluator;
use super::{Arguments, Body, Fault, Row, type_name};

pub(super) const FUNCTIONS: &[Row] = &[
    ("and", 2, None, Body::Lazy(and)),
    ("bool", 1, Some(1), Body::Eager(bool_of)),
    ("coalesce", 1, None, Body::Lazy(coalesce)),
    ("false", 0, Some(0), Body::Eager(|_| Ok(false.into()))),
    ("if", 3, Some(3), Body::Lazy(if_)),
    ("not", 1, Some(1), Body::Eager(not)),
    ("null", 0, Some(0), Body::Eager(|_| Ok(Value::Null))),
    ("or", 2, None, Body::Lazy(or)),
    ("true", 0, Some(0), Body::Eager(|_| Ok(true.into()))),
];

fn boolean(function: &str, argument: &Expression, evaluator: Evaluator<'_>) -> Result<bool, Fault> {
    match evaluator.expression(argument)? {
        Value::Bool(value) => Ok(value),
        other => Err(Fault::Invalid(format!(
            "The template language function '{function}' expects a boolean. The provided value is of type '{}'. Please see https://aka.ms/arm-functions/#{function} for usage details.",
            type_name(&other)
        ))),
    }
}

fn if_(function: &str, arguments: &[Expression], evaluator: Evaluator<'_>) -> Result<Value, Fault> {
    let [condition, then, otherwise] = arguments else {
        return Err(super::wrong_arity(function, "3", arguments.len()));
    };
    let taken = if boolean(function, condition, evaluator)? {
        then
    } else {
        otherwise
    };
    evaluator.expression(taken)
}

fn and(function: &str, arguments: &[Expression], evaluator: Evaluator<'_>) -> Result<Value, Fault> {
    for argument in arguments {
        if !boolean(function, argument, evaluator)? {
            return Ok(false.into());
        }
    }
    Ok(true.into())
}

fn or(function: &str, arguments: &[Expression], evaluator: Evaluator<'_>) -> Result<Value, Fault> {
    for argument in arguments {
        if boolean(function, argument, evaluator)? {
            return Ok(true.into());
        }
    }
    Ok(false.into())
}

fn coalesce(
    _function: &str,
    arguments: &[Expression],
    evaluator: Evaluator<'_>,
) -> Result<Value, Fault> {
    for argument in arguments {
        let value = evaluator.expression(argument)?;
        if !value.is_null() {
            return Ok(value);
        }
    }
    Ok(Value::Null)
}

fn not(arguments: &Arguments) -> Result<Value, Fault> {
    Ok((!arguments.boolean(0)?).into())
}

fn bool_of(arguments: &Arguments) -> Result<Value, Fault> {
    let value = match arguments.get(0) {
        Value::Bool(value) => Some(*value),
        Value::Number(number) => number.as_i64().map(|number| number != 0),
        Value::String(text) if text.eq_ignore_ascii_case("true") || text == "1" => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") || text == "0" => Some(false),
        _ => None,
    };
    value.map(Value::from).ok_or_else(|| {
        Fault::Invalid(
            "The template language function 'bool' was invoked with a parameter that is not valid. The value cannot be converted to the target type.".to_owned(),
        )
    })
}
