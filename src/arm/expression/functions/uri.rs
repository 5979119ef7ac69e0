//! `uri()` and percent encoding (RFC 3986).

use serde_json::Value;

use super::{Arguments, Body, Fault, Row};

pub(super) const FUNCTIONS: &[Row] = &[
    ("uri", 2, Some(2), Body::Eager(uri)),
    ("uriComponent", 1, Some(1), Body::Eager(uri_component)),
    (
        "uriComponentToString",
        1,
        Some(1),
        Body::Eager(uri_component_to_string),
    ),
];

fn uri_component(arguments: &Arguments) -> Result<Value, Fault> {
    let mut out = String::new();
    for byte in arguments.text(0)?.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    Ok(out.into())
}

fn uri_component_to_string(arguments: &Arguments) -> Result<Value, Fault> {
    let text = arguments.text(0)?;
    decode(text)
        .map(Value::from)
        .ok_or_else(|| arguments.invalid(format!("the value '{text}' is not URI-encoded text.")))
}

/// Takes percent encoding off; `None` where the bytes are not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while let Some(byte) = bytes.get(place) {
        let digits = bytes
            .get(place + 1..place + 3)
            .filter(|digits| *byte == b'%' && digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(digits.unwrap_or(*byte));
        place += if digits.is_some() { 3 } else { 1 };
    }
    String::from_utf8(out).ok()
}

/// Resolves a reference against an absolute base (RFC 3986, section 5.2).
fn uri(arguments: &Arguments) -> Result<Value, Fault> {
    let (base, relative) = (arguments.text(0)?, arguments.text(1)?);
    let (scheme, rest) = split_scheme(base).filter(|(_, rest)| rest.starts_with("//")).ok_or_else(|| {
        Fault::Invalid(format!(
            "The template language function 'uri' expects its first argument to be a uri string. The provided value is '{base}'. Please see https://aka.ms/arm-functions/#uri for usage details."
        ))
    })?;
    if split_scheme(relative).is_some() {
        return Ok(relative.into());
    }
    if relative.starts_with("//") {
        return Ok(format!("{scheme}:{relative}").into());
    }
    let (hierarchy, fragmentless) = (rest, rest.split('#').next().unwrap_or_default());
    let authority_end = hierarchy[2..]
        .find(['/', '?', '#'])
        .map_or(hierarchy.len(), |end| end + 2);
    let authority = &hierarchy[..authority_end];
    let path_and_query = fragmentless.get(authority_end..).unwrap_or_default();
    let path = path_and_query.split('?').next().unwrap_or_default();
    let (relative_path, suffix) =
        relative.split_at(relative.find(['?', '#']).unwrap_or(relative.len()));
    let joined = if relative_path.is_empty() {
        match suffix.starts_with('?') {
            true => without_dots(path),
            false => path_and_query.to_owned(),
        }
    } else if relative_path.starts_with('/') {
        without_dots(relative_path)
    } else {
        let directory = path.rfind('/').map_or("/", |slash| &path[..=slash]);
        without_dots(&format!("{directory}{relative_path}"))
    };
    let slash = if joined.starts_with('/') { "" } else { "/" };
    Ok(format!("{scheme}:{authority}{slash}{joined}{suffix}").into())
}

fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let letters = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    letters.then_some((scheme, rest))
}

fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let segments = path.split('/').skip(1).collect::<Vec<_>>();
    let ends_in_directory = matches!(segments.last(), Some(&"." | &".."));
    for segment in segments {
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    let slash = if ends_in_directory && !kept.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{slash}", kept.join("/"))
}
