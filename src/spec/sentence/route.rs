//! A route as a sentence, `10.2.0.0/16 -> appliance firewall`, and a peering, `hub <-> spoke`.

use super::{Fields, error, host, prefix, reference, tag};
use crate::net::Prefix;
use crate::spec::tree::Text;
use crate::spec::{Diagnostic, Hop, Reference, RoutePrefix, Spanned, suggestion};

const FORM: &str = "a route reads `10.2.0.0/16 -> appliance 10.0.1.4`: prefix, `->`, next hop";
const HOPS: [&str; 5] = ["appliance", "vnet", "internet", "gateway", "none"];

/// Splits a route into the fields of its long form.
pub(crate) fn fields(text: &Text) -> Result<Fields, Diagnostic> {
    match text.words().as_slice() {
        [prefix, arrow, hop @ ..] if arrow.text == "->" && !hop.is_empty() => {
            let hop = text.across(hop).unwrap_or_else(|| text.clone());
            Ok(vec![("prefix", prefix.clone()), ("hop", hop)])
        }
        _ => Err(error(text, format!("`{}` is not a route", text.text)).help(FORM)),
    }
}

/// Reads what a route routes.
pub(crate) fn route_prefix(text: &Text) -> Result<RoutePrefix, Diagnostic> {
    match text.text.chars().next() {
        Some(_) if text.text == "any" => Ok(RoutePrefix::Prefix(Prefix::default())),
        Some(c) if c.is_ascii_uppercase() => Ok(RoutePrefix::Tag(tag(text)?)),
        _ => prefix(text).map(RoutePrefix::Prefix),
    }
}

/// Reads a next hop.
pub(crate) fn hop(text: &Text) -> Result<Hop, Diagnostic> {
    let words = text.words();
    match words.as_slice() {
        [word] => match word.text.as_str() {
            "vnet" => Ok(Hop::Vnet),
            "internet" => Ok(Hop::Internet),
            "gateway" => Ok(Hop::Gateway),
            "none" => Ok(Hop::None),
            "appliance" => Err(error(word, "`appliance` says which one")
                .help("write its address or its workload: `appliance 10.0.1.4`")),
            other => Err(
                error(word, format!("`{other}` is not a next hop")).help(suggestion(
                    other,
                    HOPS,
                    "it is one of",
                )),
            ),
        },
        [word, appliance] if word.text == "appliance" => Ok(Hop::Appliance(host(appliance)?.value)),
        [word, ..] => Err(error(text, format!("`{}` is not a next hop", text.text))
            .help(suggestion(&word.text, HOPS, "it is one of"))),
        [] => Err(error(text, "expected a next hop here")),
    }
}

/// Reads the two ends of a peering.
pub(crate) fn pair(text: &Text) -> Result<[Spanned<Reference>; 2], Diagnostic> {
    match text.words().as_slice() {
        [one, arrow, other] if arrow.text == "<->" => Ok([reference(one)?, reference(other)?]),
        _ => Err(error(text, format!("`{}` is not a peering", text.text))
            .help("a peering reads `hub <-> spoke`: two virtual networks with `<->` between")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Host, Span, codes};

    #[test]
    fn a_route_splits_into_its_long_form() {
        for (text, expected) in [
            ("10.2.0.0/16 -> none", ("10.2.0.0/16", "none")),
            ("any -> appliance hub/fw", ("any", "appliance hub/fw")),
            ("Storage.EastUS -> internet", ("Storage.EastUS", "internet")),
        ] {
            let read = fields(&Text::at_start(text)).expect(text);
            let words: Vec<&str> = read.iter().map(|(_, text)| text.text.as_str()).collect();
            assert_eq!(words, [expected.0, expected.1]);
        }
    }

    #[test]
    fn next_hops_and_prefixes_read_as_their_kind() {
        let read = |text: &str| hop(&Text::at_start(text));
        assert_eq!(read("vnet"), Ok(Hop::Vnet));
        assert_eq!(
            read("appliance 10.0.1.4"),
            Ok(Hop::Appliance(Host::Address([10, 0, 1, 4].into())))
        );
        let any = route_prefix(&Text::at_start("any"));
        assert_eq!(
            any,
            Ok(RoutePrefix::Prefix("0.0.0.0/0".parse().expect("a prefix")))
        );
        let tag = route_prefix(&Text::at_start("Storage"));
        assert_eq!(tag, Ok(RoutePrefix::Tag("Storage".to_owned())));
    }

    #[test]
    fn the_offending_words_are_pointed_at() {
        let at = |start, end| Span { start, end };
        for (text, span) in [
            ("nowhere", at(0, 7)),
            ("appliance", at(0, 9)),
            ("appliance a b", at(0, 13)),
        ] {
            let found = hop(&Text::at_start(text)).map_err(|d| d.primary.span);
            assert_eq!(found, Err(span), "{text}");
        }
        for (text, span) in [("10.0.0.0/8 none", at(0, 15)), ("10.0.0.0/8 ->", at(0, 13))] {
            let found = fields(&Text::at_start(text)).map_err(|d| d.primary.span);
            assert_eq!(found, Err(span), "{text}");
        }
        let found = pair(&Text::at_start("a -> b")).map_err(|d| (d.code, d.primary.span));
        assert_eq!(found, Err((codes::SENTENCE, at(0, 6))));
    }
}
