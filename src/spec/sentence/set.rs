//! Sets of addresses: `any`, `aks + 10.0.0.0/8`, `a + b except c`.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{error, reference};
use crate::net::Prefix;
use crate::spec::tree::Text;
use crate::spec::{Diagnostic, Set, Spanned, Term, codes};

/// Reads a set: a union, and perhaps another that is taken out of it.
pub(crate) fn set(text: &Text) -> Result<Set, Diagnostic> {
    let words = text.words();
    let excepts: Vec<usize> = (0..words.len())
        .filter(|at| words[*at].text == "except")
        .collect();
    let (union_words, except) = match excepts[..] {
        [] => (&words[..], None),
        [at] => (&words[..at], Some((&words[at], &words[at + 1..]))),
        [_, second, ..] => {
            return Err(error(&words[second], "a set has one `except`")
                .help("join what is taken out with `+`: `a except b + c`"));
        }
    };
    let part = |words: &[Text], at: &Text| match text.across(words) {
        Some(part) => union(&part),
        None => Err(error(at, "expected a set of addresses here")),
    };
    let first = except.map_or(text, |(word, _)| word);
    let terms = part(union_words, first)?;
    let (except_at, except) = match except {
        None => (None, Vec::new()),
        Some((word, words)) => (Some(word.span), part(words, word)?),
    };
    Ok(Set {
        words: Spanned {
            value: text.text.clone(),
            span: text.span,
        },
        terms,
        except_at,
        except,
    })
}

/// Reads terms joined with `+`.
fn union(text: &Text) -> Result<Vec<Spanned<Term>>, Diagnostic> {
    let terms = text
        .split('+')
        .iter()
        .map(|part| {
            let value = term(part)?;
            Ok(Spanned {
                value,
                span: part.span,
            })
        })
        .collect::<Result<Vec<_>, Diagnostic>>()?;
    match terms.iter().find(|term| term.value == Term::Any) {
        Some(any) if terms.len() > 1 => Err(Diagnostic::error(
            codes::ANY_NOT_ALONE,
            any.span,
            "`any` stands alone",
        )),
        _ => Ok(terms),
    }
}

fn term(text: &Text) -> Result<Term, Diagnostic> {
    let word = text.text.as_str();
    if let [first, second, ..] = &text.words()[..] {
        return Err(error(
            second,
            format!(
                "expected `+` between `{}` and `{}`",
                first.text, second.text
            ),
        ));
    }
    match word.chars().next() {
        None => Err(error(
            text,
            "expected a name, an address, a service tag or `any` here",
        )),
        Some('*') => Err(error(text, "`*` is written `any`")),
        Some(_) if word == "any" => Ok(Term::Any),
        Some(_) if is_ipv6(word) => Err(ipv6(text)),
        Some(_) if word.contains(':') => {
            Err(error(text, format!("`{word}` is not an address or a name"))
                .help("in the long form, ports stand in `from-ports` and `to-ports`"))
        }
        Some(c) if c.is_ascii_digit() && word.contains('/') => prefix(text).map(Term::Prefix),
        Some(c) if c.is_ascii_digit() => address(text).map(Term::Address),
        Some(c) if c.is_ascii_uppercase() => tag(text).map(Term::Tag),
        Some(_) => reference(text).map(|reference| Term::Name(reference.value)),
    }
}

/// Reads a service tag.
pub(super) fn tag(text: &Text) -> Result<String, Diagnostic> {
    let well_formed = text
        .text
        .split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    if well_formed {
        Ok(text.text.clone())
    } else {
        Err(error(text, format!("`{}` is not a service tag", text.text))
            .help("a service tag has letters and digits, with dots between, for example `Storage.EastUS`"))
    }
}

/// Reads an address prefix without host bits.
pub(crate) fn prefix(text: &Text) -> Result<Prefix, Diagnostic> {
    let word = text.text.as_str();
    if is_ipv6(word) {
        return Err(ipv6(text));
    }
    let Ok(read) = word.parse::<Prefix>() else {
        let diagnostic = Diagnostic::error(
            codes::PREFIX,
            text.span,
            format!("`{word}` is not an address prefix"),
        );
        return Err(diagnostic.help(match word.parse::<Ipv4Addr>() {
            Ok(_) => format!("give its length, for example `{word}/24`"),
            Err(_) => {
                "an address prefix is an IPv4 address and a length, for example `10.0.0.0/24`"
                    .to_owned()
            }
        }));
    };
    if read.addr() == read.network() {
        return Ok(read);
    }
    Err(Diagnostic::error(
        codes::HOST_BITS,
        text.span,
        format!("`{word}` has bits set behind its prefix"),
    )
    .label(format!(
        "the /{} that holds it begins at {}",
        read.prefix_len(),
        read.network()
    ))
    .help(format!("write `{}`", read.trunc())))
}

/// Reads an address.
pub(crate) fn address(text: &Text) -> Result<Ipv4Addr, Diagnostic> {
    if is_ipv6(&text.text) {
        return Err(ipv6(text));
    }
    text.text
        .parse()
        .map_err(|_| error(text, format!("`{}` is not an IPv4 address", text.text)))
}

fn is_ipv6(word: &str) -> bool {
    let address = word.split_once('/').map_or(word, |(address, _)| address);
    address.parse::<Ipv6Addr>().is_ok()
}

fn ipv6(text: &Text) -> Diagnostic {
    Diagnostic::error(
        codes::IPV6,
        text.span,
        format!(
            "`{}` is an IPv6 literal, and version 1 is IPv4 only",
            text.text
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Span;

    #[test]
    fn sets_read_as_terms() {
        for (text, expected, except) in [
            ("any", "any", ""),
            ("aks", "aks", ""),
            ("hub/fw+10.0.0.0/8", "hub/fw, 10.0.0.0/8", ""),
            ("aks + AzureLoadBalancer", "aks, AzureLoadBalancer", ""),
            ("Storage.EastUS", "Storage.EastUS", ""),
            ("a + b except c + 10.0.0.4", "a, b", "c, 10.0.0.4"),
        ] {
            let read = set(&Text::at_start(text));
            let words = |terms: &[Spanned<Term>]| {
                let words: Vec<String> = terms.iter().map(|term| term.value.to_string()).collect();
                words.join(", ")
            };
            let read = read.map(|set| (words(&set.terms), words(&set.except)));
            assert_eq!(read, Ok((expected.to_owned(), except.to_owned())), "{text}");
        }
    }

    #[test]
    fn the_offending_term_is_pointed_at() {
        for (text, start, end, code) in [
            ("", 0, 0, codes::SENTENCE),
            ("a + any", 4, 7, codes::ANY_NOT_ALONE),
            ("a b", 2, 3, codes::SENTENCE),
            ("a + 10.0.0.1/8", 4, 14, codes::HOST_BITS),
            ("a + 10.0.0/8", 4, 12, codes::PREFIX),
            ("a + 10.0.0", 4, 10, codes::SENTENCE),
            ("a + fd00::/8", 4, 12, codes::IPV6),
            ("a except b except c", 11, 17, codes::SENTENCE),
            ("a except", 2, 8, codes::SENTENCE),
            ("*", 0, 1, codes::SENTENCE),
            ("Sql-East", 0, 8, codes::SENTENCE),
        ] {
            let read = set(&Text::at_start(text)).map_err(|d| (d.primary.span, d.code));
            assert_eq!(read.map(|_| ()), Err((Span { start, end }, code)), "{text}");
        }
    }
}
