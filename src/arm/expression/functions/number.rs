//! Integers of 64 bits; the language has no arithmetic on fractions.

use serde_json::Value;

use super::super::eval::Evaluator;
use super::{Arguments, Body, Fault, Row};

pub(super) const FUNCTIONS: &[Row] = &[
    (
        "add",
        2,
        Some(2),
        Body::Eager(|a| compute(a, i64::checked_add)),
    ),
    ("copyIndex", 0, Some(2), Body::Asking(copy_index)),
    (
        "div",
        2,
        Some(2),
        Body::Eager(|a| divide(a, i64::checked_div)),
    ),
    ("float", 1, Some(1), Body::Eager(float)),
    ("int", 1, Some(1), Body::Eager(int)),
    ("max", 1, None, Body::Eager(|a| extreme(a, Iterator::max))),
    ("min", 1, None, Body::Eager(|a| extreme(a, Iterator::min))),
    (
        "mod",
        2,
        Some(2),
        Body::Eager(|a| divide(a, i64::checked_rem)),
    ),
    (
        "mul",
        2,
        Some(2),
        Body::Eager(|a| compute(a, i64::checked_mul)),
    ),
    (
        "sub",
        2,
        Some(2),
        Body::Eager(|a| compute(a, i64::checked_sub)),
    ),
];

fn compute(arguments: &Arguments, operation: fn(i64, i64) -> Option<i64>) -> Result<Value, Fault> {
    let (a, b) = (arguments.integer(0)?, arguments.integer(1)?);
    operation(a, b).map(Value::from).ok_or_else(|| {
        // The spelling is Azure's.
        Fault::Invalid(format!(
            "The template language function '{}' overflowed with the operants '{a}' and '{b}'.",
            arguments.function
        ))
    })
}

fn divide(arguments: &Arguments, operation: fn(i64, i64) -> Option<i64>) -> Result<Value, Fault> {
    if arguments.integer(1)? == 0 {
        return Err(arguments.invalid("attempted to divide by zero."));
    }
    compute(arguments, operation)
}

fn extreme(
    arguments: &Arguments,
    choose: fn(std::vec::IntoIter<i64>) -> Option<i64>,
) -> Result<Value, Fault> {
    let values = match arguments.values.as_slice() {
        [Value::Array(items)] => items.as_slice(),
        values => values,
    };
    let numbers = values
        .iter()
        .map(|value| {
            value
                .as_i64()
                .ok_or_else(|| arguments.invalid("all values must be integers."))
        })
        .collect::<Result<Vec<_>, _>>()?;
    choose(numbers.into_iter())
        .map(Value::from)
        .ok_or_else(|| arguments.invalid("the array is empty."))
}

fn int(arguments: &Arguments) -> Result<Value, Fault> {
    let value = arguments.get(0);
    let number = match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let truncated = number.as_f64()?.trunc();
            // 2^63 is the first value beyond the range, and exact as a float.
            (truncated.abs() < 9_223_372_036_854_775_808.0).then_some(truncated as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.map(Value::from).ok_or_else(|| {
        Fault::Invalid(format!(
            "The template language function 'int' cannot convert provided value '{}' to integer value. Please see https://aka.ms/arm-function-int for usage details.",
            super::string::printed(value)
        ))
    })
}

fn float(arguments: &Arguments) -> Result<Value, Fault> {
    let number = match arguments.get(0) {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse::<f64>().ok(),
        _ => None,
    };
    number
        .and_then(serde_json::Number::from_f64)
        .map(Value::Number)
        .ok_or_else(|| arguments.invalid("the value cannot be converted to a number."))
}

/// `copyIndex()`, `copyIndex(offset)`, `copyIndex('loop')`, `copyIndex('loop', offset)`.
fn copy_index(arguments: &Arguments, evaluator: Evaluator<'_>) -> Result<Value, Fault> {
    let (name, offset) = match arguments.values.as_slice() {
        [] => (None, 0),
        [Value::String(name)] => (Some(name.as_str()), 0),
        [_] => (None, arguments.integer(0)?),
        _ => (Some(arguments.text(0)?), arguments.integer(1)?),
    };
    let index = evaluator.environment.copy_index(name)?;
    index
        .checked_add(offset)
        .map(Value::from)
        .ok_or_else(|| arguments.invalid("the index overflowed."))
}
