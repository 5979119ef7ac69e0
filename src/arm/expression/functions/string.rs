//! Functions over strings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::eval::{Evaluator, MAX_SIZE};
use super::{Arguments, Body, Fault, Row, format, hash, object};

pub(super) const FUNCTIONS: &[Row] = &[
    ("base64", 1, Some(1), Body::Eager(base64)),
    ("base64ToJson", 1, Some(1), Body::Eager(base64_to_json)),
    ("base64ToString", 1, Some(1), Body::Eager(base64_to_string)),
    ("dataUri", 1, Some(1), Body::Eager(data_uri)),
    (
        "dataUriToString",
        1,
        Some(1),
        Body::Eager(data_uri_to_string),
    ),
    ("endsWith", 2, Some(2), Body::Eager(ends_with)),
    ("fail", 1, Some(1), Body::Eager(fail)),
    ("format", 1, None, Body::Eager(format::format)),
    ("guid", 1, None, Body::Eager(hash::guid)),
    ("like", 2, Some(2), Body::Eager(like)),
    ("newGuid", 0, Some(0), Body::Asking(new_guid)),
    ("padLeft", 2, Some(3), Body::Eager(pad_left)),
    ("replace", 3, Some(3), Body::Eager(replace)),
    ("split", 2, Some(2), Body::Eager(split)),
    ("startsWith", 2, Some(2), Body::Eager(starts_with)),
    (
        "string",
        1,
        Some(1),
        Body::Eager(|a| Ok(printed(a.get(0)).into())),
    ),
    ("substring", 1, Some(3), Body::Eager(substring)),
    (
        "toLower",
        1,
        Some(1),
        Body::Eager(|a| Ok(a.text(0)?.to_lowercase().into())),
    ),
    (
        "toUpper",
        1,
        Some(1),
        Body::Eager(|a| Ok(a.text(0)?.to_uppercase().into())),
    ),
    (
        "trim",
        1,
        Some(1),
        Body::Eager(|a| Ok(a.text(0)?.trim().into())),
    ),
    ("uniqueString", 1, None, Body::Eager(hash::unique_string)),
];

/// A value as `string()`, `concat()`, `join()` and `format()` print it: booleans as .NET does.
pub(super) fn printed(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A value as Azure's messages show it.
pub(in crate::arm) fn text_of(value: &Value) -> String {
    printed(value)
}

fn base64(arguments: &Arguments) -> Result<Value, Fault> {
    Ok(STANDARD.encode(arguments.text(0)?).into())
}

fn decoded(arguments: &Arguments, text: &str) -> Result<String, Fault> {
    STANDARD
        .decode(text)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| {
            arguments.invalid(format!(
                "the value '{text}' is not a valid base64 representation of text."
            ))
        })
}

fn base64_to_string(arguments: &Arguments) -> Result<Value, Fault> {
    Ok(decoded(arguments, arguments.text(0)?)?.into())
}

fn base64_to_json(arguments: &Arguments) -> Result<Value, Fault> {
    let text = decoded(arguments, arguments.text(0)?)?;
    object::read(&text).map_err(|error| {
        arguments.invalid(format!("the decoded value is not valid JSON: {error}."))
    })
}

fn data_uri(arguments: &Arguments) -> Result<Value, Fault> {
    let data = STANDARD.encode(arguments.text(0)?);
    Ok(format!("data:text/plain;charset=utf-8;base64,{data}").into())
}

fn data_uri_to_string(arguments: &Arguments) -> Result<Value, Fault> {
    let uri = arguments.text(0)?;
    let invalid = || arguments.invalid(format!("the value '{uri}' is not a data URI."));
    let (head, data) = uri
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(','))
        .ok_or_else(invalid)?;
    if head
        .split(';')
        .any(|part| part.eq_ignore_ascii_case("base64"))
    {
        Ok(decoded(arguments, data)?.into())
    } else {
        super::uri::decode(data)
            .map(Value::from)
            .ok_or_else(invalid)
    }
}

fn starts_with(arguments: &Arguments) -> Result<Value, Fault> {
    let (text, part) = (
        arguments.text(0)?.to_lowercase(),
        arguments.text(1)?.to_lowercase(),
    );
    Ok(text.starts_with(&part).into())
}

fn ends_with(arguments: &Arguments) -> Result<Value, Fault> {
    let (text, part) = (
        arguments.text(0)?.to_lowercase(),
        arguments.text(1)?.to_lowercase(),
    );
    Ok(text.ends_with(&part).into())
}

fn fail(arguments: &Arguments) -> Result<Value, Fault> {
    Err(Fault::Invalid(arguments.text(0)?.to_owned()))
}

/// A pattern whose only special letter is `*`; without case.
fn like(arguments: &Arguments) -> Result<Value, Fault> {
    let (text, pattern) = (
        arguments.text(0)?.to_lowercase(),
        arguments.text(1)?.to_lowercase(),
    );
    let parts = pattern.split('*').collect::<Vec<_>>();
    let [first, middle @ .., last] = parts.as_slice() else {
        return Ok((text == pattern).into());
    };
    let inner = text
        .strip_prefix(first)
        .and_then(|rest| rest.strip_suffix(last));
    let Some(mut rest) = inner else {
        return Ok(false.into());
    };
    // The leftmost match of each part leaves the most for the parts after it.
    for part in middle {
        match rest.find(part) {
            Some(place) => rest = &rest[place + part.len()..],
            None => return Ok(false.into()),
        }
    }
    Ok(true.into())
}

fn new_guid(_arguments: &Arguments, evaluator: Evaluator<'_>) -> Result<Value, Fault> {
    Ok(evaluator.environment.new_guid()?.to_string().into())
}

fn pad_left(arguments: &Arguments) -> Result<Value, Fault> {
    let text = match arguments.get(0) {
        value @ (Value::String(_) | Value::Number(_)) => printed(value),
        _ => return Err(arguments.wrong_type(0, "a string or an integer")),
    };
    let width = usize::try_from(arguments.integer(1)?)
        .ok()
        .filter(|width| *width <= MAX_SIZE)
        .ok_or_else(|| arguments.invalid("the total length is out of range."))?;
    let padding = match arguments.optional_text(2)? {
        None => ' ',
        Some(text) => single(text)
            .ok_or_else(|| arguments.invalid("the padding must be a single character."))?,
    };
    let missing = width.saturating_sub(text.chars().count());
    let mut padded = String::new();
    padded.extend(std::iter::repeat_n(padding, missing));
    padded.push_str(&text);
    Ok(padded.into())
}

fn single(text: &str) -> Option<char> {
    let mut letters = text.chars();
    letters.next().filter(|_| letters.next().is_none())
}

fn replace(arguments: &Arguments) -> Result<Value, Fault> {
    let (text, old, new) = (arguments.text(0)?, arguments.text(1)?, arguments.text(2)?);
    if old.is_empty() {
        return Err(arguments.invalid("the string to replace must not be empty."));
    }
    let grown = text.matches(old).count().saturating_mul(new.len());
    if grown > MAX_SIZE {
        return Err(arguments.invalid("the result is too long."));
    }
    Ok(text.replace(old, new).into())
}

/// By a delimiter, or by several: at each place the first of them that matches.
fn split(arguments: &Arguments) -> Result<Value, Fault> {
    let text = arguments.text(0)?;
    let delimiters = match arguments.get(1) {
        Value::String(delimiter) => vec![delimiter.as_str()],
        Value::Array(items) => items
            .iter()
            .map(|item| {
                item.as_str()
                    .ok_or_else(|| arguments.wrong_type(1, "a string or an array of strings"))
            })
            .collect::<Result<_, _>>()?,
        _ => return Err(arguments.wrong_type(1, "a string or an array of strings")),
    };
    let mut parts = Vec::new();
    let (mut start, mut place) = (0, 0);
    while place < text.len() {
        let rest = &text[place..];
        let found = delimiters
            .iter()
            .find(|delimiter| !delimiter.is_empty() && rest.starts_with(**delimiter));
        match found {
            Some(delimiter) => {
                parts.push(&text[start..place]);
                place += delimiter.len();
                start = place;
            }
            None => place += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    parts.push(&text[start..]);
    Ok(parts.into())
}

fn substring(arguments: &Arguments) -> Result<Value, Fault> {
    let letters = arguments.text(0)?.chars().collect::<Vec<_>>();
    let bound = |index: usize| -> Result<usize, Fault> {
        let number = arguments.integer(index)?;
        usize::try_from(number).map_err(|_| {
            arguments.invalid("the index and length parameters must be non-negative integers.")
        })
    };
    let start = if arguments.values.len() > 1 {
        bound(1)?
    } else {
        0
    };
    let length = if arguments.values.len() > 2 {
        bound(2)?
    } else {
        letters.len().saturating_sub(start)
    };
    let end = start
        .checked_add(length)
        .filter(|end| start <= letters.len() && *end <= letters.len());
    match end {
        Some(end) => Ok(letters[start..end].iter().collect::<String>().into()),
        None => Err(arguments.invalid(format!(
            "the index and length parameters must refer to a location within the string. The index parameter: '{start}', the length parameter: '{length}', the length of the string parameter: '{}'.",
            letters.len()
        ))),
    }
}
