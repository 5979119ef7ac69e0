//! Functions over arrays, and those that take an array or a string.

use serde_json::{Map, Value};

use super::super::eval;
use super::compare::equal;
use super::string::printed;
use super::{Arguments, Body, Fault, Row};

pub(super) const FUNCTIONS: &[Row] = &[
    ("array", 1, Some(1), Body::Eager(array)),
    ("concat", 0, None, Body::Eager(concat)),
    ("contains", 2, Some(2), Body::Eager(contains)),
    ("createArray", 0, None, Body::Eager(create_array)),
    ("distinct", 1, Some(1), Body::Eager(distinct)),
    ("empty", 1, Some(1), Body::Eager(empty)),
    ("first", 1, Some(1), Body::Eager(first)),
    ("flatten", 1, Some(1), Body::Eager(flatten)),
    ("indexFromEnd", 2, Some(2), Body::Eager(index_from_end)),
    ("indexOf", 2, Some(2), Body::Eager(index_of)),
    ("intersection", 2, None, Body::Eager(intersection)),
    ("join", 2, Some(2), Body::Eager(join)),
    ("last", 1, Some(1), Body::Eager(last)),
    ("lastIndexOf", 2, Some(2), Body::Eager(last_index_of)),
    ("length", 1, Some(1), Body::Eager(length)),
    ("range", 2, Some(2), Body::Eager(range)),
    ("skip", 2, Some(2), Body::Eager(skip)),
    ("take", 2, Some(2), Body::Eager(take)),
    (
        "tryIndexFromEnd",
        2,
        Some(2),
        Body::Eager(try_index_from_end),
    ),
    ("union", 2, None, Body::Eager(union)),
];

/// The largest array that `range()` makes.
const MAX_RANGE: i64 = 10_000;

fn array(arguments: &Arguments) -> Result<Value, Fault> {
    Ok(match arguments.get(0) {
        value @ Value::Array(_) => value.clone(),
        value => Value::Array(vec![value.clone()]),
    })
}

fn concat(arguments: &Arguments) -> Result<Value, Fault> {
    let arrays = arguments
        .values
        .iter()
        .filter(|value| value.is_array())
        .count();
    if arrays > 0 {
        if arrays < arguments.values.len() {
            return Err(Fault::Invalid(
                "The provided parameters for language function 'concat' are invalid. Either all or none of the parameters must be an array. Please see https://aka.ms/arm-functions/#concat for usage details.".to_owned(),
            ));
        }
        let items = arguments
            .values
            .iter()
            .filter_map(Value::as_array)
            .flatten();
        return Ok(items.cloned().collect());
    }
    let mut text = String::new();
    for (index, value) in arguments.values.iter().enumerate() {
        if value.is_object() {
            return Err(arguments.wrong_type(index, "a string, an integer, a boolean or an array"));
        }
        text.push_str(&printed(value));
    }
    Ok(text.into())
}

fn contains(arguments: &Arguments) -> Result<Value, Fault> {
    Ok(match arguments.get(0) {
        Value::String(text) => text.contains(&printed(arguments.get(1))),
        Value::Array(items) => items.iter().any(|item| equal(item, arguments.get(1))),
        Value::Object(members) => eval::key(members, &printed(arguments.get(1))).is_some(),
        _ => return Err(arguments.wrong_type(0, "an array, an object or a string")),
    }
    .into())
}

fn create_array(arguments: &Arguments) -> Result<Value, Fault> {
    Ok(arguments.values.clone().into())
}

fn distinct(arguments: &Arguments) -> Result<Value, Fault> {
    let mut seen = Vec::new();
    add_missing(&mut seen, arguments.array(0)?);
    Ok(seen.into())
}

fn empty(arguments: &Arguments) -> Result<Value, Fault> {
    Ok(match arguments.get(0) {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => return Err(arguments.wrong_type(0, "an array, an object or a string")),
    }
    .into())
}

fn first(arguments: &Arguments) -> Result<Value, Fault> {
    end(arguments, |items| items.first(), |text| text.chars().next())
}

fn last(arguments: &Arguments) -> Result<Value, Fault> {
    end(
        arguments,
        |items| items.last(),
        |text| text.chars().next_back(),
    )
}

fn end(
    arguments: &Arguments,
    of_array: fn(&[Value]) -> Option<&Value>,
    of_text: fn(&str) -> Option<char>,
) -> Result<Value, Fault> {
    match arguments.get(0) {
        Value::Array(items) => Ok(of_array(items).cloned().unwrap_or(Value::Null)),
        Value::String(text) => Ok(of_text(text).map(String::from).unwrap_or_default().into()),
        _ => Err(arguments.wrong_type(0, "an array or a string")),
    }
}

fn flatten(arguments: &Arguments) -> Result<Value, Fault> {
    let mut flat = Vec::new();
    for item in arguments.array(0)? {
        let inner = item
            .as_array()
            .ok_or_else(|| arguments.wrong_type(0, "an array of arrays"))?;
        flat.extend(inner.iter().cloned());
    }
    Ok(flat.into())
}

/// The item at a place counted from the end, from 1.
fn from_end(arguments: &Arguments) -> Result<Option<&Value>, Fault> {
    let items = arguments.array(0)?;
    let place = usize::try_from(arguments.integer(1)?)
        .ok()
        .filter(|place| *place > 0);
    Ok(place
        .and_then(|place| items.len().checked_sub(place))
        .and_then(|place| items.get(place)))
}

fn index_from_end(arguments: &Arguments) -> Result<Value, Fault> {
    from_end(arguments)?.cloned().ok_or_else(|| {
        arguments.invalid(format!(
            "the index '{}' is out of bounds.",
            arguments.get(1)
        ))
    })
}

fn try_index_from_end(arguments: &Arguments) -> Result<Value, Fault> {
    Ok(from_end(arguments)?.cloned().unwrap_or(Value::Null))
}

fn index_of(arguments: &Arguments) -> Result<Value, Fault> {
    position(arguments, |places| places.next())
}

fn last_index_of(arguments: &Arguments) -> Result<Value, Fault> {
    position(arguments, |places| places.last())
}

/// The place of an item or a substring; -1 where there is none. Substrings are found without case.
fn position(
    arguments: &Arguments,
    choose: fn(&mut dyn Iterator<Item = usize>) -> Option<usize>,
) -> Result<Value, Fault> {
    let place = match arguments.get(0) {
        Value::Array(items) => {
            let mut places =
                (0..items.len()).filter(|place| equal(&items[*place], arguments.get(1)));
            choose(&mut places)
        }
        Value::String(_) => {
            let fold = |text: &str| -> Vec<char> {
                text.chars()
                    .map(|letter| letter.to_lowercase().next().unwrap_or(letter))
                    .collect()
            };
            let (text, part) = (fold(arguments.text(0)?), fold(arguments.text(1)?));
            let mut places = (0..=text.len()).filter(|place| text[*place..].starts_with(&part));
            choose(&mut places)
        }
        _ => return Err(arguments.wrong_type(0, "an array or a string")),
    };
    Ok(place
        .and_then(|place| i64::try_from(place).ok())
        .unwrap_or(-1)
        .into())
}

fn intersection(arguments: &Arguments) -> Result<Value, Fault> {
    if arguments.values.iter().all(Value::is_array) {
        let mut kept = Vec::new();
        add_missing(&mut kept, arguments.array(0)?);
        for index in 1..arguments.values.len() {
            let other = arguments.array(index)?;
            kept.retain(|item| other.iter().any(|candidate| equal(candidate, item)));
        }
        return Ok(kept.into());
    }
    let mut kept = arguments.object(0)?.clone();
    for index in 1..arguments.values.len() {
        let other = arguments.object(index)?;
        kept = kept
            .into_iter()
            .filter(|(name, value)| {
                eval::key(other, name).is_some_and(|key| equal(&other[&key], value))
            })
            .collect();
    }
    Ok(kept.into())
}

fn join(arguments: &Arguments) -> Result<Value, Fault> {
    let parts = arguments.array(0)?.iter().map(printed).collect::<Vec<_>>();
    Ok(parts.join(arguments.text(1)?).into())
}

fn length(arguments: &Arguments) -> Result<Value, Fault> {
    Ok(match arguments.get(0) {
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        Value::String(text) => text.encode_utf16().count(),
        _ => return Err(arguments.wrong_type(0, "an array, an object or a string")),
    }
    .into())
}

fn range(arguments: &Arguments) -> Result<Value, Fault> {
    let (start, count) = (arguments.integer(0)?, arguments.integer(1)?);
    let end = start
        .checked_add(count)
        .filter(|end| *end <= i64::from(i32::MAX));
    match end {
        Some(end) if (0..=MAX_RANGE).contains(&count) => Ok((start..end).collect::<Vec<_>>().into()),
        _ => Err(arguments.invalid(format!(
            "the range from '{start}' with '{count}' numbers is not valid: the count must be 0 to {MAX_RANGE} and the sum at most {}.",
            i32::MAX
        ))),
    }
}

fn skip(arguments: &Arguments) -> Result<Value, Fault> {
    slice(arguments, |items, count| items.split_off(count))
}

fn take(arguments: &Arguments) -> Result<Value, Fault> {
    slice(arguments, |items, count| items.drain(..count).collect())
}

fn slice(
    arguments: &Arguments,
    cut: fn(&mut Vec<Value>, usize) -> Vec<Value>,
) -> Result<Value, Fault> {
    let count = usize::try_from(arguments.integer(1)?.max(0)).unwrap_or(usize::MAX);
    match arguments.get(0) {
        Value::Array(items) => {
            let mut items = items.clone();
            let count = count.min(items.len());
            Ok(cut(&mut items, count).into())
        }
        Value::String(text) => {
            let mut letters = text
                .chars()
                .map(|letter| Value::from(String::from(letter)))
                .collect::<Vec<_>>();
            let count = count.min(letters.len());
            let kept = cut(&mut letters, count);
            Ok(kept
                .iter()
                .filter_map(Value::as_str)
                .collect::<String>()
                .into())
        }
        _ => Err(arguments.wrong_type(0, "an array or a string")),
    }
}

fn union(arguments: &Arguments) -> Result<Value, Fault> {
    if arguments.values.iter().all(Value::is_array) {
        let mut all = Vec::new();
        for index in 0..arguments.values.len() {
            add_missing(&mut all, arguments.array(index)?);
        }
        return Ok(all.into());
    }
    let mut all = Map::new();
    for index in 0..arguments.values.len() {
        merge(&mut all, arguments.object(index)?);
    }
    Ok(all.into())
}

fn add_missing(all: &mut Vec<Value>, items: &[Value]) {
    for item in items {
        if !all.iter().any(|other| equal(other, item)) {
            all.push(item.clone());
        }
    }
}

/// Objects merge member by member, everything else is replaced; the first spelling of a key stays.
fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (name, value) in from {
        let key = eval::key(into, name).unwrap_or_else(|| name.clone());
        match (into.get_mut(&key), value) {
            (Some(Value::Object(inner)), Value::Object(value)) => merge(inner, value),
            (Some(slot), value) => *slot = value.clone(),
            (None, value) => {
                into.insert(key, value.clone());
            }
        }
    }
}
