//! Functions that take a lambda.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::super::ast::Expression;
use super::super::eval::{Evaluator, key};
use super::{Arguments, Body, Fault, Row};

pub(super) const FUNCTIONS: &[Row] = &[
    ("filter", 2, Some(2), Body::Lazy(filter)),
    ("groupBy", 2, Some(3), Body::Lazy(group_by)),
    ("lambda", 1, None, Body::Lazy(misplaced)),
    (
        "lambdaVariables",
        1,
        Some(1),
        Body::Asking(lambda_variables),
    ),
    ("map", 2, Some(2), Body::Lazy(map)),
    ("mapValues", 2, Some(2), Body::Lazy(map_values)),
    ("reduce", 3, Some(3), Body::Lazy(reduce)),
    ("sort", 2, Some(2), Body::Lazy(sort)),
    ("toObject", 2, Some(3), Body::Lazy(to_object)),
];

fn misplaced(_: &str, _: &[Expression], _: Evaluator<'_>) -> Result<Value, Fault> {
    Err(Fault::Invalid(
        "The template function 'lambda' is not expected at this location. Please see https://aka.ms/arm-functions for usage details.".to_owned(),
    ))
}

fn lambda_variables(arguments: &Arguments, evaluator: Evaluator<'_>) -> Result<Value, Fault> {
    evaluator.local(arguments.text(0)?)
}

fn wrong(function: &str, expected: &str, actual: &Value) -> Fault {
    Fault::Invalid(format!(
        "The template language function '{function}' expects {expected}. The provided value is of type '{}'. Please see https://aka.ms/arm-functions/#{} for usage details.",
        super::type_name(actual),
        function.to_ascii_lowercase()
    ))
}

fn items(
    function: &str,
    argument: &Expression,
    evaluator: Evaluator<'_>,
) -> Result<Vec<Value>, Fault> {
    match evaluator.expression(argument)? {
        Value::Array(items) => Ok(items),
        other => Err(wrong(function, "an array as its first parameter", &other)),
    }
}

fn boolean(function: &str, value: Value) -> Result<bool, Fault> {
    match value {
        Value::Bool(value) => Ok(value),
        other => Err(wrong(function, "a lambda that gives a boolean", &other)),
    }
}

fn text(function: &str, value: Value) -> Result<String, Fault> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(wrong(function, "a lambda that gives a string", &other)),
    }
}

fn map(function: &str, arguments: &[Expression], evaluator: Evaluator<'_>) -> Result<Value, Fault> {
    let lambda = evaluator.lambda(function, &arguments[1], 1..=2)?;
    let items = items(function, &arguments[0], evaluator)?;
    items
        .iter()
        .enumerate()
        .map(|(index, item)| evaluator.apply(&lambda, &[item, &index.into()]))
        .collect()
}

fn filter(
    function: &str,
    arguments: &[Expression],
    evaluator: Evaluator<'_>,
) -> Result<Value, Fault> {
    let lambda = evaluator.lambda(function, &arguments[1], 1..=2)?;
    let mut kept = Vec::new();
    for (index, item) in items(function, &arguments[0], evaluator)?
        .into_iter()
        .enumerate()
    {
        if boolean(function, evaluator.apply(&lambda, &[&item, &index.into()])?)? {
            kept.push(item);
        }
    }
    Ok(kept.into())
}

fn reduce(
    function: &str,
    arguments: &[Expression],
    evaluator: Evaluator<'_>,
) -> Result<Value, Fault> {
    let lambda = evaluator.lambda(function, &arguments[2], 2..=3)?;
    let mut value = evaluator.expression(&arguments[1])?;
    for (index, item) in items(function, &arguments[0], evaluator)?
        .iter()
        .enumerate()
    {
        value = evaluator.apply(&lambda, &[&value, item, &index.into()])?;
    }
    Ok(value)
}

/// A stable merge sort over a lambda that says whether its first value comes before its second. The
/// standard sort is not used: it may panic where a lambda gives no order at all.
fn sort(
    function: &str,
    arguments: &[Expression],
    evaluator: Evaluator<'_>,
) -> Result<Value, Fault> {
    let lambda = evaluator.lambda(function, &arguments[1], 2..=2)?;
    let items = items(function, &arguments[0], evaluator)?;
    let compare = |a: &Value, b: &Value| -> Result<Ordering, Fault> {
        let after = boolean(function, evaluator.apply(&lambda, &[b, a])?)?;
        Ok(if after {
            Ordering::Greater
        } else {
            Ordering::Less
        })
    };
    Ok(merge_sorted(items, &compare)?.into())
}

fn merge_sorted(
    mut items: Vec<Value>,
    compare: &dyn Fn(&Value, &Value) -> Result<Ordering, Fault>,
) -> Result<Vec<Value>, Fault> {
    if items.len() < 2 {
        return Ok(items);
    }
    let right = merge_sorted(items.split_off(items.len() / 2), compare)?;
    let mut merged = Vec::with_capacity(items.len() + right.len());
    let mut left = merge_sorted(items, compare)?.into_iter().peekable();
    let mut right = right.into_iter().peekable();
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = match compare(a, b)? {
            Ordering::Greater => right.next(),
            _ => left.next(),
        };
        merged.extend(next);
    }
    merged.extend(left);
    merged.extend(right);
    Ok(merged)
}

/// Keys and values of the objects that `toObject()` and `groupBy()` make.
fn keyed(
    function: &str,
    arguments: &[Expression],
    evaluator: Evaluator<'_>,
) -> Result<Vec<(String, Value)>, Fault> {
    let by = evaluator.lambda(function, &arguments[1], 1..=1)?;
    let to = match arguments.get(2) {
        Some(argument) => Some(evaluator.lambda(function, argument, 1..=1)?),
        None => None,
    };
    let mut pairs = Vec::new();
    for item in items(function, &arguments[0], evaluator)? {
        let name = text(function, evaluator.apply(&by, &[&item])?)?;
        let value = match &to {
            Some(lambda) => evaluator.apply(lambda, &[&item])?,
            None => item,
        };
        pairs.push((name, value));
    }
    Ok(pairs)
}

fn to_object(
    function: &str,
    arguments: &[Expression],
    evaluator: Evaluator<'_>,
) -> Result<Value, Fault> {
    let mut object = Map::new();
    for (name, value) in keyed(function, arguments, evaluator)? {
        let name = key(&object, &name).unwrap_or(name);
        object.insert(name, value);
    }
    Ok(object.into())
}

fn group_by(
    function: &str,
    arguments: &[Expression],
    evaluator: Evaluator<'_>,
) -> Result<Value, Fault> {
    let mut object = Map::new();
    for (name, value) in keyed(function, arguments, evaluator)? {
        let name = key(&object, &name).unwrap_or(name);
        match object
            .entry(name)
            .or_insert_with(|| Value::Array(Vec::new()))
        {
            Value::Array(group) => group.push(value),
            other => *other = Value::Array(vec![value]),
        }
    }
    Ok(object.into())
}

fn map_values(
    function: &str,
    arguments: &[Expression],
    evaluator: Evaluator<'_>,
) -> Result<Value, Fault> {
    let lambda = evaluator.lambda(function, &arguments[1], 1..=1)?;
    match evaluator.expression(&arguments[0])? {
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| Ok((name, evaluator.apply(&lambda, &[&value])?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
        other => Err(wrong(function, "an object as its first parameter", &other)),
    }
}
