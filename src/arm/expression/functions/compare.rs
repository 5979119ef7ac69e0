//! Equality and order.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Arguments, Body, Fault, Row};

pub(super) const FUNCTIONS: &[Row] = &[
    ("equals", 2, Some(2), Body::Eager(equals)),
    ("greater", 2, Some(2), Body::Eager(greater)),
    (
        "greaterOrEquals",
        2,
        Some(2),
        Body::Eager(greater_or_equals),
    ),
    ("less", 2, Some(2), Body::Eager(less)),
    ("lessOrEquals", 2, Some(2), Body::Eager(less_or_equals)),
];

/// Deep equality; strings with case, numbers by value.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a == b,
            _ => a.as_f64() == b.as_f64(),
        },
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, value)| b.get(name).is_some_and(|other| equal(value, other)))
        }
        _ => a == b,
    }
}

fn equals(arguments: &Arguments) -> Result<Value, Fault> {
    Ok(equal(arguments.get(0), arguments.get(1)).into())
}

fn greater(arguments: &Arguments) -> Result<Value, Fault> {
    Ok(order(arguments)?.is_gt().into())
}

fn greater_or_equals(arguments: &Arguments) -> Result<Value, Fault> {
    Ok(order(arguments)?.is_ge().into())
}

fn less(arguments: &Arguments) -> Result<Value, Fault> {
    Ok(order(arguments)?.is_lt().into())
}

fn less_or_equals(arguments: &Arguments) -> Result<Value, Fault> {
    Ok(order(arguments)?.is_le().into())
}

/// Two integers, or two strings in the order of the invariant culture: `a` before `A` before `b`.
fn order(arguments: &Arguments) -> Result<Ordering, Fault> {
    if arguments.get(0).is_string() {
        let (a, b) = (arguments.text(0)?, arguments.text(1)?);
        let lower_first = |text: &str| text.chars().map(char::is_uppercase).collect::<Vec<_>>();
        return Ok(a
            .to_lowercase()
            .cmp(&b.to_lowercase())
            .then_with(|| lower_first(a).cmp(&lower_first(b))));
    }
    Ok(arguments.integer(0)?.cmp(&arguments.integer(1)?))
}
