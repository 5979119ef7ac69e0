//! A security rule as a sentence: `100 allow tcp aks -> any:80`.

use super::{Fields, error};
use crate::net::Protocol;
use crate::spec::tree::Text;
use crate::spec::{Access, Diagnostic, codes, suggestion};

const FORM: &str = "a rule reads `100 allow tcp aks -> any:80`: priority, access, protocol, source, `->`, destination";

/// Splits a rule into the fields of its long form.
pub(crate) fn fields(text: &Text) -> Result<Fields, Diagnostic> {
    let words = text.words();
    let [priority, access, protocol, sides @ ..] = &words[..] else {
        return Err(error(text, format!("`{}` is not a security rule", text.text)).help(FORM));
    };
    // Read here as well, so that a forgotten word is reported as such and not as a wrong side.
    if !priority.text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(error(
            priority,
            format!(
                "a rule begins with its priority, not with `{}`",
                priority.text
            ),
        )
        .help(FORM));
    }
    self::access(access)?;
    self::protocol(protocol)?;
    let arrows: Vec<usize> = (0..sides.len())
        .filter(|at| sides[*at].text == "->")
        .collect();
    let at = match arrows[..] {
        [at] => at,
        [] => {
            let diagnostic = match sides.iter().find(|word| word.text.contains("->")) {
                Some(glued) => error(glued, "`->` stands between spaces"),
                None => error(words.last().unwrap_or(text), "the rule has no `->`"),
            };
            return Err(diagnostic.help(FORM));
        }
        [_, second, ..] => {
            return Err(error(&sides[second], "the rule has a second `->`").help(FORM));
        }
    };
    let mut fields = vec![
        ("priority", priority.clone()),
        ("access", access.clone()),
        ("protocol", protocol.clone()),
    ];
    for (side, ports, words, what) in [
        ("from", "from-ports", &sides[..at], "source"),
        ("to", "to-ports", &sides[at + 1..], "destination"),
    ] {
        let Some(whole) = text.across(words) else {
            return Err(error(&sides[at], format!("the rule has no {what}")).help(FORM));
        };
        match whole
            .text
            .match_indices(':')
            .map(|(at, _)| at)
            .collect::<Vec<_>>()[..]
        {
            [colon] => {
                fields.push((side, whole.part(0..colon)));
                fields.push((ports, whole.part(colon + 1..whole.text.len())));
            }
            // No ports, or an IPv6 literal, which the set refuses by name.
            _ => fields.push((side, whole)),
        }
    }
    Ok(fields)
}

/// Reads `allow` or `deny`.
pub(crate) fn access(text: &Text) -> Result<Access, Diagnostic> {
    match text.text.as_str() {
        "allow" => Ok(Access::Allow),
        "deny" => Ok(Access::Deny),
        word => Err(Diagnostic::error(
            codes::VALUE,
            text.span,
            format!("`{word}` is not an access"),
        )
        .help(suggestion(word, ["allow", "deny"], "it is one of"))),
    }
}

/// Reads a protocol; `None` is any.
pub(crate) fn protocol(text: &Text) -> Result<Option<Protocol>, Diagnostic> {
    Ok(Some(match text.text.as_str() {
        "any" => return Ok(None),
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "icmp" => Protocol::Icmp,
        "esp" => Protocol::Esp,
        "ah" => Protocol::Ah,
        word => {
            return Err(Diagnostic::error(
                codes::VALUE,
                text.span,
                format!("`{word}` is not a protocol"),
            )
            .help("it is one of `any`, `tcp`, `udp`, `icmp`, `esp` or `ah`"));
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Span;

    #[test]
    fn a_rule_splits_into_its_long_form() {
        for (text, expected) in [
            (
                "100 allow tcp aks -> any:80",
                "priority=100 access=allow protocol=tcp from=aks to=any to-ports=80",
            ),
            (
                "200 deny any a + b:1-2 -> c:80 + 443",
                "priority=200 access=deny protocol=any from=a + b from-ports=1-2 to=c to-ports=80 + 443",
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
    fn the_offending_word_is_pointed_at() {
        for (text, start, end) in [
            ("100 allow", 0, 9),
            ("allow tcp a -> b", 0, 5),
            ("100 alow tcp a -> b", 4, 8),
            ("100 allow a -> b", 10, 11),
            ("100 allow tcp a->b", 14, 18),
            ("100 allow tcp a b", 16, 17),
            ("100 allow tcp a -> b -> c", 21, 23),
            ("100 allow tcp -> b", 14, 16),
            ("100 allow tcp a ->", 16, 18),
        ] {
            let span = fields(&Text::at_start(text)).map_err(|d| d.primary.span);
            assert_eq!(span, Err(Span { start, end }), "{text}");
        }
    }
}
