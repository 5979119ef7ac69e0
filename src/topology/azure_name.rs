//! Names in Azure: Azure's rules for each type (R28), and that no two things of a type share one.

use std::collections::BTreeMap;

use crate::spec::{Diagnostic, Name, Span, Spanned, Unread, codes};

/// What Azure asks of the names of a type (R28).
pub(super) struct Rule {
    /// The type, in prose.
    what: &'static str,
    least: usize,
    most: usize,
    letters: fn(u8) -> bool,
    letters_are: &'static str,
}

const NETWORK: fn(u8) -> bool = |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
const LOWER: fn(u8) -> bool = |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';

pub(super) const VNET: Rule = Rule {
    what: "virtual network",
    least: 2,
    most: 64,
    letters: NETWORK,
    letters_are: "letters, digits, `_`, `.` and `-`",
};

pub(super) const NSG: Rule = Rule {
    what: "network security group",
    least: 1,
    most: 80,
    ..VNET
};

pub(super) const SUBNET: Rule = Rule {
    what: "subnet",
    ..NSG
};

pub(super) const ROUTE_TABLE: Rule = Rule {
    what: "route table",
    ..NSG
};

pub(super) const PEERING: Rule = Rule {
    what: "peering",
    ..NSG
};

pub(super) const CLUSTER: Rule = Rule {
    what: "cluster",
    least: 1,
    most: 63,
    letters: |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'),
    letters_are: "letters, digits, `_` and `-`",
};

pub(super) const CONTAINER_GROUP: Rule = Rule {
    what: "container group",
    least: 1,
    most: 63,
    letters: LOWER,
    letters_are: "lower-case letters, digits and `-`",
};

pub(super) const POD: Rule = Rule {
    what: "pod",
    ..CONTAINER_GROUP
};

/// The names of one type that are taken, compared without case (R28).
#[derive(Default)]
pub(super) struct Taken(BTreeMap<String, (Span, String)>);

impl Taken {
    /// The name of a thing in Azure, checked and entered.
    pub(super) fn enter(
        &mut self,
        rule: &Rule,
        name: &Name,
        key: Span,
        given: Option<&Spanned<String>>,
        unread: &Unread,
        found: &mut Vec<Diagnostic>,
    ) -> String {
        if unread.contains("azure-name") {
            return name.to_string();
        }
        let (text, span) = match given {
            Some(given) => (given.value.clone(), given.span),
            None => (name.to_string(), key),
        };
        found.extend(refused(rule, &text, span));
        let taken = self
            .0
            .insert(text.to_ascii_lowercase(), (span, name.to_string()));
        if let Some((other, other_name)) = taken {
            let same = |span| (span, format!("`{other_name}` has it too"));
            let (related, words) = same(other);
            found.push(
                Diagnostic::error(
                    codes::AZURE_NAME_TAKEN,
                    span,
                    format!("two {}s have the name `{text}` in Azure", rule.what),
                )
                .related(related, words)
                .help("give one of them another `azure-name`; Azure compares names without case"),
            );
        }
        text
    }
}

fn refused(rule: &Rule, text: &str, span: Span) -> Option<Diagnostic> {
    let first = text
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric());
    let last = text
        .bytes()
        .last()
        .is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    let reason = if text.len() < rule.least || text.len() > rule.most {
        format!("it has {} to {} characters", rule.least, rule.most)
    } else if !text.bytes().all(rule.letters) {
        format!("it has {}", rule.letters_are)
    } else if !first || !last {
        "it begins and ends with a letter or a digit".to_owned()
    } else {
        return None;
    };
    Some(
        Diagnostic::error(
            codes::AZURE_NAME,
            span,
            format!("Azure refuses `{text}` as the name of a {}", rule.what),
        )
        .help(format!("{reason}; `azure-name` gives a name of its own")),
    )
}
