//! References: `web`, `workload/web`, `hub/fw`, `subnet/hub/fw`.

use super::error;
use crate::spec::tree::Text;
use crate::spec::{Diagnostic, Kind, Name, NameError, Reference, Spanned, codes, nearest};

/// Reads a reference.
pub(crate) fn reference(text: &Text) -> Result<Spanned<Reference>, Diagnostic> {
    let parts = text.split('/');
    let words: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
    let (kind, names) = match words[..] {
        [word, _] | [word, _, _] if Kind::of(word).is_some() => (Kind::of(word), &parts[1..]),
        [word, _, _] => {
            let kinds = Kind::ALL.map(|(word, _)| word);
            let diagnostic = error(&parts[0], format!("`{word}` is not a kind of thing"));
            return Err(match nearest(word, kinds) {
                Some(kind) => diagnostic.help(format!("did you mean `{kind}`?")),
                None => diagnostic.help("three parts are a kind, a virtual network and a subnet"),
            });
        }
        [_] | [_, _] => (None, &parts[..]),
        _ => {
            return Err(error(
                text,
                format!("`{}` has too many parts for a name", text.text),
            ));
        }
    };
    let (parent, last) = match names {
        [last] => (None, last),
        [parent, last] => (Some(name(parent)?), last),
        _ => return Err(error(text, format!("`{}` names nothing", text.text))),
    };
    Ok(Spanned {
        value: Reference {
            kind,
            parent,
            name: name(last)?,
        },
        span: text.span,
    })
}

fn name(text: &Text) -> Result<Name, Diagnostic> {
    text.text.parse().map_err(|NameError { reason, .. }| {
        Diagnostic::error(
            codes::NAME,
            text.span,
            format!("`{}` is not a name", text.text),
        )
        .help(reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_a_name_with_a_kind_or_a_parent() {
        for text in [
            "web",
            "workload/web",
            "hub/fw",
            "subnet/hub/fw",
            "subnet/fw",
        ] {
            let read = reference(&Text::at_start(text)).map(|r| r.value.to_string());
            assert_eq!(read, Ok(text.to_owned()));
        }
    }

    #[test]
    fn the_offending_part_is_pointed_at() {
        for (text, start, end) in [
            ("Web", 0, 3),
            ("hub/F", 4, 5),
            ("sub/hub/fw", 0, 3),
            ("a/", 2, 2),
        ] {
            let span = reference(&Text::at_start(text)).map_err(|d| d.primary.span);
            assert_eq!(
                span.map(|r| r.value),
                Err(crate::spec::Span { start, end }),
                "{text}"
            );
        }
        assert!(reference(&Text::at_start("a/b/c/d")).is_err());
    }
}
