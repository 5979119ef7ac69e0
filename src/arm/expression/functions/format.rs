//! `format()`: .NET's composite formatting, as far as templates use it.
//!
//! `{index[,alignment][:specifier]}`; for integers the specifiers `D`, `X`, `N`, `F`, `G` with a width,
//! and patterns of `0` and `#`. As in .NET, a specifier is ignored for what is not a number.

use serde_json::Value;

use super::super::eval::MAX_SIZE;
use super::string::printed;
use super::{Arguments, Fault};

/// `format(pattern, values...)`.
pub(super) fn format(arguments: &Arguments) -> Result<Value, Fault> {
    let values = arguments.values.get(1..).unwrap_or_default();
    composite(arguments.text(0)?, values)
        .map(Value::from)
        .map_err(|problem| {
            Fault::Invalid(format!(
                "Unable to evaluate language function 'format': the format is invalid: '{problem}'. Please see https://aka.ms/arm-function-format for usage details."
            ))
        })
}

fn composite(pattern: &str, values: &[Value]) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(place) = rest.find(['{', '}']) {
        out.push_str(&rest[..place]);
        let brace = &rest[place..place + 1];
        let after = &rest[place + 1..];
        if let Some(after) = after.strip_prefix(brace) {
            out.push_str(brace);
            rest = after;
        } else if brace == "}" {
            return Err("a closing brace has no opening one".to_owned());
        } else {
            let (item, after) = after
                .split_once('}')
                .ok_or("an opening brace has no closing one")?;
            push_item(&mut out, item, values)?;
            rest = after;
        }
        if out.len() > MAX_SIZE {
            return Err("the result is too long".to_owned());
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn push_item(out: &mut String, item: &str, values: &[Value]) -> Result<(), String> {
    let (head, specifier) = match item.split_once(':') {
        Some((head, specifier)) => (head, specifier),
        None => (item, ""),
    };
    let (index, alignment) = match head.split_once(',') {
        Some((index, alignment)) => {
            let width = alignment
                .trim()
                .parse::<i32>()
                .map_err(|_| format!("`{alignment}` is not an alignment"))?;
            (index, width)
        }
        None => (head, 0),
    };
    let value = index
        .trim()
        .parse::<usize>()
        .map_err(|_| format!("`{index}` is not an index"))
        .map(|index| values.get(index))?
        .ok_or("Index (zero based) must be greater than or equal to zero and less than the size of the argument list.")?;
    let text = match value {
        Value::Number(number) if !specifier.is_empty() => match number.as_i64() {
            Some(number) => integer(number, specifier)?,
            None => {
                return Err(format!(
                    "the specifier `{specifier}` for a number with a fraction is not supported by this version"
                ));
            }
        },
        Value::Array(_) | Value::Object(_) => quoted(value),
        value => printed(value),
    };
    let width = alignment.unsigned_abs() as usize;
    if width > MAX_SIZE {
        return Err("the alignment is out of range".to_owned());
    }
    if alignment < 0 {
        out.push_str(&format!("{text:<width$}"));
    } else {
        out.push_str(&format!("{text:>width$}"));
    }
    Ok(())
}

/// Arrays and objects print as in an expression: strings in single quotes.
fn quoted(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Array(items) => {
            let items = items.iter().map(quoted).collect::<Vec<_>>();
            format!("[{}]", items.join(","))
        }
        Value::Object(members) => {
            let mut members = members.iter().collect::<Vec<_>>();
            members.sort_by_key(|(name, _)| name.as_str());
            let members = members
                .into_iter()
                .map(|(name, value)| format!("'{}':{}", name.replace('\'', "''"), quoted(value)))
                .collect::<Vec<_>>();
            format!("{{{}}}", members.join(","))
        }
        other => other.to_string(),
    }
}

fn integer(number: i64, specifier: &str) -> Result<String, String> {
    let unsupported = || format!("the specifier `{specifier}` is not supported by this version");
    let mut letters = specifier.chars();
    let kind = letters.next().unwrap_or('G');
    if specifier.contains(['0', '#']) && !kind.is_ascii_alphabetic() {
        return placeholders(number, specifier).ok_or_else(unsupported);
    }
    let digits = letters.as_str();
    let width = match digits {
        "" => None,
        digits => Some(
            digits
                .parse::<usize>()
                .ok()
                .filter(|width| *width < 100)
                .ok_or_else(unsupported)?,
        ),
    };
    let sign = if number < 0 { "-" } else { "" };
    let magnitude = number.unsigned_abs();
    Ok(match kind {
        'D' | 'd' => format!("{sign}{magnitude:0width$}", width = width.unwrap_or(1)),
        'X' => format!("{number:0width$X}", width = width.unwrap_or(1)),
        'x' => format!("{number:0width$x}", width = width.unwrap_or(1)),
        'N' | 'n' => format!(
            "{sign}{}{}",
            grouped(magnitude),
            fraction(width.unwrap_or(2))
        ),
        'F' | 'f' => format!("{number}{}", fraction(width.unwrap_or(2))),
        'G' | 'g' if width.is_none() => number.to_string(),
        _ => return Err(unsupported()),
    })
}

fn fraction(digits: usize) -> String {
    if digits == 0 {
        String::new()
    } else {
        format!(".{}", "0".repeat(digits))
    }
}

fn grouped(magnitude: u64) -> String {
    let digits = magnitude.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A custom pattern of `#`, then `0`: as many digits at least as there are zeros.
fn placeholders(number: i64, pattern: &str) -> Option<String> {
    let zeros = pattern.trim_start_matches('#');
    if !zeros.chars().all(|letter| letter == '0') {
        return None;
    }
    let sign = if number < 0 { "-" } else { "" };
    let digits = match number.unsigned_abs() {
        0 => String::new(),
        magnitude => magnitude.to_string(),
    };
    Some(format!("{sign}{digits:0>width$}", width = zeros.len()))
}
