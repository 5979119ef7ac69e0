//! A probe as a sentence: `observer -> http://web:8080/path`.

use super::{Fields, address, error, reference};
use crate::spec::tree::Text;
use crate::spec::{Diagnostic, Host, Kind, Spanned};

const FORM: &str =
    "a probe reads `observer -> http://web:80/`: caller, `->`, scheme, host, port, path";

/// Splits a probe into the fields of its long form.
pub(crate) fn fields(text: &Text) -> Result<Fields, Diagnostic> {
    let words = text.words();
    let (from, url) = match &words[..] {
        [from, arrow, url @ ..] if arrow.text == "->" && !url.is_empty() => {
            // Spaces after the path begins belong to it.
            (from, text.across(url).unwrap_or_else(|| text.clone()))
        }
        _ => return Err(error(text, format!("`{}` is not a probe", text.text)).help(FORM)),
    };
    let Some(at) = url.text.find("://") else {
        return Err(error(&url, format!("`{}` has no scheme", url.text)).help(FORM));
    };
    let end = url.text.len();
    let scheme = url.part(0..at);
    let start = at + "://".len();
    let kind_end = Kind::ALL
        .iter()
        .map(|(word, _)| format!("{word}/"))
        .find(|kind| url.text[start..].starts_with(kind))
        .map_or(start, |kind| start + kind.len());
    let path_at = url.text[kind_end..]
        .find('/')
        .map_or(end, |at| kind_end + at);
    let port_at = url.text[start..path_at].find(':').map(|at| start + at);
    let host = url.part(start..port_at.unwrap_or(path_at));
    if host.text.is_empty() {
        return Err(error(&url, "the probe calls no host").help(FORM));
    }
    let mut fields = vec![("from", from.clone()), ("to", host), ("scheme", scheme)];
    if let Some(at) = port_at {
        fields.push(("port", url.part(at + 1..path_at)));
    }
    if path_at < end {
        fields.push(("path", url.part(path_at..end)));
    }
    Ok(fields)
}

/// Reads whom a probe calls.
pub(crate) fn host(text: &Text) -> Result<Spanned<Host>, Diagnostic> {
    let host = if text.text.starts_with(|c: char| c.is_ascii_digit()) {
        Host::Address(address(text)?)
    } else if text.text.contains('.') {
        hostname(text)?
    } else {
        Host::Name(reference(text)?.value)
    };
    Ok(Spanned {
        value: host,
        span: text.span,
    })
}

/// A host name has a dot, a name of the spec has none (RFC 1123 for the rest).
fn hostname(text: &Text) -> Result<Host, Diagnostic> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let name = text.text.as_str();
    if name.len() <= 253 && name.split('.').all(label) {
        Ok(Host::Hostname(name.to_ascii_lowercase()))
    } else {
        Err(error(text, format!("`{name}` is not a host name"))
            .help("a host name is made of letters, digits and hyphens, with dots between"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Span;

    #[test]
    fn a_probe_splits_into_its_long_form() {
        for (text, expected) in [
            (
                "observer -> http://web/",
                "from=observer to=web scheme=http path=/",
            ),
            (
                "a -> http://workload/web:8080/x/y?z=1",
                "from=a to=workload/web scheme=http port=8080 path=/x/y?z=1",
            ),
            (
                "a -> tcp://10.0.0.4:22",
                "from=a to=10.0.0.4 scheme=tcp port=22",
            ),
        ] {
            let read = fields(&Text::at_start(text)).map(|fields| {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(key, value)| {
                        assert_eq!(text[value.span.start..value.span.end], value.text);
                        format!("{key}={}", value.text)
                    })
                    .collect();
                fields.join(" ")
            });
            assert_eq!(read, Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn the_offending_words_are_pointed_at() {
        for (text, start, end) in [
            ("http://web/", 0, 11),
            ("a -> web", 5, 8),
            ("a -> http:///x", 5, 14),
            ("a => http://b", 0, 13),
        ] {
            let span = fields(&Text::at_start(text)).map_err(|d| d.primary.span);
            assert_eq!(span, Err(Span { start, end }), "{text}");
        }
    }
}
