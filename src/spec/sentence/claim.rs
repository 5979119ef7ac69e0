//! The claim of an invariant: `never a -> b:80/tcp via fw when reply`, `never web sees any except aks`.

use super::{error, ports, protocol, reference, set};
use crate::spec::tree::Text;
use crate::spec::{Claim, Diagnostic, Passing, Quantifier, Statement};

const FORM: &str = "a claim reads `never a -> b:80/tcp` or `never web sees any except aks`";

/// Reads a claim.
pub(crate) fn claim(text: &Text) -> Result<Claim, Diagnostic> {
    let words = text.words();
    let quantifier = match words.first().map(|word| word.text.as_str()) {
        Some("never") => Quantifier::Never,
        Some("always") => Quantifier::Always,
        _ => {
            let first = words.first().unwrap_or(text);
            return Err(error(
                first,
                format!(
                    "a claim begins with `never` or `always`, not with `{}`",
                    first.text
                ),
            )
            .help(FORM));
        }
    };
    let rest = &words[1..];
    let position = |word: &str| rest.iter().position(|other| other.text == word);
    let statement = match (position("->"), position("sees")) {
        (Some(at), None) => reach(text, rest, at)?,
        (None, Some(1)) => Statement::Observe {
            at: reference(&rest[0])?,
            sources: set(&across(text, &rest[2..], &rest[1])?)?,
        },
        (None, Some(_)) => {
            return Err(error(
                text,
                "one thing sees: a workload, a subnet or a virtual network",
            )
            .help(FORM));
        }
        _ => return Err(error(text, format!("`{}` is not a claim", text.text)).help(FORM)),
    };
    Ok(Claim {
        words: text.text.clone(),
        quantifier,
        statement,
    })
}

fn reach(text: &Text, words: &[Text], arrow: usize) -> Result<Statement, Diagnostic> {
    let from = set(&across(text, &words[..arrow], &words[arrow])?)?;
    let mut rest = &words[arrow + 1..];
    if let Some(second) = rest.iter().find(|word| word.text == "->") {
        return Err(error(second, "the claim has a second `->`").help(FORM));
    }
    let mut reply = false;
    if let Some(at) = rest.iter().position(|word| word.text == "when") {
        reply = when(&rest[at..])?;
        rest = &rest[..at];
    }
    let mut passing = None;
    if let Some(at) = rest
        .iter()
        .position(|word| matches!(word.text.as_str(), "via" | "avoiding"))
    {
        let [word, appliance] = &rest[at..] else {
            return Err(error(
                &rest[at],
                format!("`{}` names one appliance", rest[at].text),
            )
            .help(FORM));
        };
        passing = Some(Passing {
            via: word.text == "via",
            appliance: reference(appliance)?,
        });
        rest = &rest[..at];
    }
    let whole = across(text, rest, &words[arrow])?;
    let (to, ports, protocol) = match whole.text.rfind(':') {
        None => (set(&whole)?, Vec::new(), None),
        Some(at) => {
            let to = set(&whole.part(0..at))?;
            let tail = whole.part(at + 1..whole.text.len());
            match tail.text.find('/') {
                None => (to, ports(&tail)?, None),
                Some(slash) => (
                    to,
                    ports(&tail.part(0..slash))?,
                    protocol(&tail.part(slash + 1..tail.text.len()))?,
                ),
            }
        }
    };
    Ok(Statement::Reach {
        from,
        to,
        ports,
        protocol,
        passing,
        reply,
    })
}

/// Reads `when new` or `when reply`, with which a claim ends.
fn when(words: &[Text]) -> Result<bool, Diagnostic> {
    match words {
        [_, word] if word.text == "new" => Ok(false),
        [_, word] if word.text == "reply" => Ok(true),
        _ => Err(error(&words[0], "a claim ends with `when new` or `when reply`").help(FORM)),
    }
}

fn across(text: &Text, words: &[Text], at: &Text) -> Result<Text, Diagnostic> {
    text.across(words)
        .ok_or_else(|| error(at, "expected a set of addresses here").help(FORM))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Span;

    fn shown(text: &str) -> String {
        let claim = claim(&Text::at_start(text)).expect(text);
        match claim.statement {
            Statement::Reach {
                from,
                to,
                ports,
                protocol,
                passing,
                reply,
            } => format!(
                "{:?} {} => {} ports={ports:?} protocol={protocol:?} passing={:?} reply={reply}",
                claim.quantifier,
                from.words.value,
                to.words.value,
                passing.map(|passing| (passing.via, passing.appliance.value.to_string())),
            ),
            Statement::Observe { at, sources } => {
                format!(
                    "{:?} {} sees {}",
                    claim.quantifier, at.value, sources.words.value
                )
            }
        }
    }

    #[test]
    fn a_claim_says_who_sends_or_who_is_seen() {
        let claims = [
            "never web sees any except aks + AzureLoadBalancer",
            "never spoke-a -> spoke-b avoiding firewall",
            "always spoke-b -> spoke-a via hub/fw when reply",
            "always a + b -> c:80 + 443/tcp",
            "never workers -> Internet except Storage.EastUS",
            "never a -> b:53/udp when new",
        ];
        let shown: Vec<String> = claims.into_iter().map(shown).collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        Never web sees any except aks + AzureLoadBalancer
        Never spoke-a => spoke-b ports=[] protocol=None passing=Some((false, "firewall")) reply=false
        Always spoke-b => spoke-a ports=[] protocol=None passing=Some((true, "hub/fw")) reply=true
        Always a + b => c ports=[PortRange { first: 80, last: 80 }, PortRange { first: 443, last: 443 }] protocol=Some(Tcp) passing=None reply=false
        Never workers => Internet except Storage.EastUS ports=[] protocol=None passing=None reply=false
        Never a => b ports=[PortRange { first: 53, last: 53 }] protocol=Some(Udp) passing=None reply=false
        "#);
    }

    #[test]
    fn the_offending_words_are_pointed_at() {
        for (text, start, end) in [
            ("a -> b", 0, 1),
            ("never a b", 0, 9),
            ("never a -> b -> c", 13, 15),
            ("never a -> ", 8, 10),
            ("never a -> b via", 13, 16),
            ("never a -> b when never", 13, 17),
            ("never a b sees c", 0, 16),
            ("never a -> b:http", 13, 17),
        ] {
            let span = claim(&Text::at_start(text)).map_err(|d| d.primary.span);
            assert_eq!(span.map(|_| ()), Err(Span { start, end }), "{text}");
        }
    }
}
