//! Functions over objects, and `json()`.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::super::eval;
use super::string::printed;
use super::{Arguments, Body, Fault, Row};

pub(super) const FUNCTIONS: &[Row] = &[
    ("createObject", 0, None, Body::Eager(create_object)),
    ("items", 1, Some(1), Body::Eager(items)),
    ("json", 1, Some(1), Body::Eager(json_of)),
    ("objectKeys", 1, Some(1), Body::Eager(object_keys)),
    ("shallowMerge", 1, Some(1), Body::Eager(shallow_merge)),
    ("tryGet", 2, None, Body::Eager(try_get)),
];

fn create_object(arguments: &Arguments) -> Result<Value, Fault> {
    let mut object = Map::new();
    if !arguments.values.len().is_multiple_of(2) {
        return Err(arguments.invalid("function requires an even number of arguments."));
    }
    for index in (0..arguments.values.len()).step_by(2) {
        let name = arguments.text(index)?;
        if eval::key(&object, name).is_some() {
            return Err(arguments.invalid(format!("the key '{name}' is there twice.")));
        }
        object.insert(name.to_owned(), arguments.get(index + 1).clone());
    }
    Ok(object.into())
}

/// The members in the order of their keys without case; digits come before letters.
fn sorted(arguments: &Arguments) -> Result<Vec<(&String, &Value)>, Fault> {
    let mut members = arguments.object(0)?.iter().collect::<Vec<_>>();
    members.sort_by(|(a, _), (b, _)| -> Ordering { a.to_lowercase().cmp(&b.to_lowercase()) });
    Ok(members)
}

fn items(arguments: &Arguments) -> Result<Value, Fault> {
    let members = sorted(arguments)?.into_iter();
    Ok(members
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect())
}

fn object_keys(arguments: &Arguments) -> Result<Value, Fault> {
    let members = sorted(arguments)?.into_iter();
    Ok(members.map(|(key, _)| key.as_str()).collect())
}

fn shallow_merge(arguments: &Arguments) -> Result<Value, Fault> {
    let mut all = Map::new();
    for item in arguments.array(0)? {
        let members = item
            .as_object()
            .ok_or_else(|| arguments.wrong_type(0, "an array of objects"))?;
        for (name, value) in members {
            let key = eval::key(&all, name).unwrap_or_else(|| name.clone());
            all.insert(key, value.clone());
        }
    }
    Ok(all.into())
}

fn try_get(arguments: &Arguments) -> Result<Value, Fault> {
    let mut value = arguments.get(0);
    for index in 1..arguments.values.len() {
        let next = match (value, arguments.get(index)) {
            (Value::Object(members), Value::String(name)) => {
                eval::key(members, name).and_then(|key| members.get(&key))
            }
            (Value::Array(items), Value::Number(place)) => place
                .as_u64()
                .and_then(|place| usize::try_from(place).ok())
                .and_then(|place| items.get(place)),
            (Value::Null, _) => None,
            (Value::Object(_), _) => return Err(arguments.wrong_type(index, "a string")),
            (Value::Array(_), _) => return Err(arguments.wrong_type(index, "an integer")),
            _ => return Err(arguments.wrong_type(0, "an array or an object")),
        };
        match next {
            Some(next) => value = next,
            None => return Ok(Value::Null),
        }
    }
    Ok(value.clone())
}

fn json_of(arguments: &Arguments) -> Result<Value, Fault> {
    // Azure hands on what is no string, for example `json(true)`.
    let text = printed(arguments.get(0));
    read(&text).map_err(|error| {
        arguments.invalid(format!(
            "the provided value '{text}' is not valid JSON: {error}."
        ))
    })
}

/// Reads JSON, also with single quotes around strings.
pub(super) fn read(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text)
        .or_else(|error| serde_json::from_str(&double_quoted(text)).map_err(|_| error))
}

fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quote = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some('\''), '\\') => match letters.next() {
                Some('\'') => out.push('\''),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            (Some(_), '\\') => {
                out.push('\\');
                out.extend(letters.next());
            }
            (None, '\'' | '"') => {
                quote = Some(letter);
                out.push('"');
            }
            (Some(open), letter) if open == letter => {
                quote = None;
                out.push('"');
            }
            (Some('\''), '"') => out.push_str("\\\""),
            _ => out.push(letter),
        }
    }
    out
}
