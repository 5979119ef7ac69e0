//! Ports and listeners: `any`, `80`, `80 + 8000-8999`, `http:80`.

use super::error;
use crate::net::PortRange;
use crate::spec::tree::Text;
use crate::spec::{Diagnostic, Listen, ListenScheme, codes};

/// Reads ports, sorted and merged; empty is any.
pub(crate) fn ports(text: &Text) -> Result<Vec<PortRange>, Diagnostic> {
    if text.text == "any" {
        return Ok(Vec::new());
    }
    let mut ranges = Vec::new();
    for part in text.split('+') {
        let range: PortRange = part.text.parse().map_err(|_| {
            if part.text == "any" {
                Diagnostic::error(codes::ANY_NOT_ALONE, part.span, "`any` stands alone")
            } else {
                error(
                    &part,
                    format!("`{}` is not a port or a port range", part.text),
                )
                .help("ports are 0 to 65535; join several with `+`, for example `80 + 8000-8999`")
            }
        })?;
        ranges.push(range);
    }
    ranges.sort_unstable();
    let mut merged: Vec<PortRange> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if u32::from(range.first) <= u32::from(last.last) + 1 => {
                last.last = last.last.max(range.last);
            }
            _ => merged.push(range),
        }
    }
    Ok(merged)
}

/// Reads one port, 1 to 65535.
pub(crate) fn port(text: &Text) -> Result<u16, Diagnostic> {
    let digits = text.text.bytes().all(|b| b.is_ascii_digit());
    match text.text.parse() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => {
            Err(error(text, format!("`{}` is not a port", text.text)).help("ports are 1 to 65535"))
        }
    }
}

/// Reads a listener.
pub(crate) fn listen(text: &Text) -> Result<Listen, Diagnostic> {
    let parts = text.split(':');
    let [scheme, number] = &parts[..] else {
        return Err(error(text, format!("`{}` is not a listener", text.text))
            .help("a listener is a scheme and a port, for example `http:80`"));
    };
    let scheme = match scheme.text.as_str() {
        "http" => ListenScheme::Http,
        "tcp" => ListenScheme::Tcp,
        "udp" => ListenScheme::Udp,
        _ => {
            return Err(error(
                scheme,
                format!("`{}` is not a listener's scheme", scheme.text),
            )
            .help("it is one of `http`, `tcp` or `udp`"));
        }
    };
    Ok(Listen {
        scheme,
        port: port(number)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Span;

    #[test]
    fn ports_are_sorted_and_merged() {
        for (text, expected) in [
            ("any", ""),
            ("80", "80"),
            ("443+80", "80 443"),
            ("80 + 81-90 + 85-100", "80-100"),
            ("0-65535", "0-65535"),
        ] {
            let read = ports(&Text::at_start(text)).map(|ranges| {
                let ranges: Vec<String> = ranges.iter().map(ToString::to_string).collect();
                ranges.join(" ")
            });
            assert_eq!(read, Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn the_offending_port_is_pointed_at() {
        for (text, start, end) in [
            ("80 + x", 5, 6),
            ("80 + any", 5, 8),
            ("90-80", 0, 5),
            ("80+", 3, 3),
        ] {
            let span = ports(&Text::at_start(text)).map_err(|d| d.primary.span);
            assert_eq!(span, Err(Span { start, end }), "{text}");
        }
    }

    #[test]
    fn listeners_have_a_scheme_and_a_port() {
        let http = listen(&Text::at_start("http:80"));
        assert_eq!(
            http,
            Ok(Listen {
                scheme: ListenScheme::Http,
                port: 80
            })
        );
        for (text, code) in [
            ("80", codes::SENTENCE),
            ("udp", codes::SENTENCE),
            ("http:0", codes::SENTENCE),
            ("ftp:21", codes::SENTENCE),
        ] {
            assert_eq!(
                listen(&Text::at_start(text)).map_err(|d| d.code),
                Err(code),
                "{text}"
            );
        }
    }
}
