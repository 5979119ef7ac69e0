//! What decided: `deny-all`, `aci-nsg/inbound/deny-all`, `AllowVnetInBound`, `route/none`, `route/to-b/east`,
//! `peering/hub-spoke`, `listener`.

use super::error;
use crate::spec::tree::Text;
use crate::spec::{Diagnostic, Spanned};
use crate::verdict::{ByPattern, Direction, RulePattern};

/// Reads a pattern for the deciding rule. Which rules exist is not known here.
pub(crate) fn by(text: &Text) -> Result<Spanned<ByPattern>, Diagnostic> {
    let parts = text.split('/');
    for part in &parts {
        let word = part
            .text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if part.text.is_empty() || !word {
            return Err(error(part, format!("`{}` is not a rule", text.text))
                .help("it is a rule's name, narrowed as `nsg/rule` or `nsg/inbound/rule`"));
        }
    }
    if let Some(pattern) = elsewhere(&parts) {
        return Ok(Spanned {
            value: pattern,
            span: text.span,
        });
    }
    let direction = |part: &Text| match part.text.as_str() {
        "inbound" => Some(Direction::Inbound),
        "outbound" => Some(Direction::Outbound),
        _ => None,
    };
    let (nsg, direction, rule) = match &parts[..] {
        [rule] => (None, None, rule),
        [first, rule] => match direction(first) {
            Some(direction) => (None, Some(direction), rule),
            None => (Some(first.text.clone()), None, rule),
        },
        [nsg, second, rule] => match direction(second) {
            Some(direction) => (Some(nsg.text.clone()), Some(direction), rule),
            None => {
                return Err(
                    error(second, format!("`{}` is not a direction", second.text))
                        .help("it is `inbound` or `outbound`"),
                );
            }
        },
        _ => {
            return Err(error(
                text,
                format!("`{}` has too many parts for a rule", text.text),
            ));
        }
    };
    Ok(Spanned {
        value: ByPattern::Rule(RulePattern {
            nsg,
            direction,
            rule: rule.text.clone(),
        }),
        span: text.span,
    })
}

/// What decides besides rules: routes, peerings, the listener.
fn elsewhere(parts: &[Text]) -> Option<ByPattern> {
    let words: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
    Some(match words[..] {
        ["listener"] => ByPattern::Listener,
        ["route", "none"] => ByPattern::NoRoute,
        ["route", name] => ByPattern::Route {
            table: None,
            name: name.to_owned(),
        },
        ["route", table, name] => ByPattern::Route {
            table: Some(table.to_owned()),
            name: name.to_owned(),
        },
        ["peering", name] => ByPattern::Peering(name.to_owned()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::codes;

    #[test]
    fn a_deciding_rule_reads_and_prints_the_same() {
        for text in [
            "deny-all",
            "AllowVnetInBound",
            "nsg/deny-all",
            "inbound/deny-all",
            "nsg/outbound/deny-all",
            "route/none",
            "route/east-west",
            "route/to-b/east-west",
            "peering/hub-spoke",
            "listener",
        ] {
            assert_eq!(
                by(&Text::at_start(text)).map(|by| by.value.to_string()),
                Ok(text.to_owned())
            );
        }
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for (text, code) in [
            ("", codes::SENTENCE),
            ("a b", codes::SENTENCE),
            ("nsg/inbond/rule", codes::SENTENCE),
            ("a/inbound/b/c", codes::SENTENCE),
        ] {
            assert_eq!(
                by(&Text::at_start(text)).map_err(|d| d.code),
                Err(code),
                "{text}"
            );
        }
    }
}
