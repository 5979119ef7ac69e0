//! The parts of a text that do not stand for themselves: `$name.field`, `$(name.field)`, `$$`.

use std::ops::Range;

/// A part of a text that does not stand for itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// `$$`.
    Dollar,
    /// `$name.field`.
    Variable(Vec<String>),
    /// `$(`, and no name behind it.
    Malformed,
}

/// The parts of a text that do not stand for themselves, in order.
pub(super) fn tokens(text: &str) -> Vec<(Range<usize>, Token)> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(dollar) = text[at..].find('$').map(|found| at + found) {
        let rest = &text[dollar + 1..];
        let (length, token) = match rest.bytes().next() {
            Some(b'$') => (1, Some(Token::Dollar)),
            Some(b'(') => {
                let end = rest.find(')').map_or(rest.len(), |end| end + 1);
                let inside = rest[1..end].strip_suffix(')').unwrap_or_default();
                let token = match path(inside) {
                    (length, path) if length == inside.len() && length > 0 => Token::Variable(path),
                    _ => Token::Malformed,
                };
                (end, Some(token))
            }
            Some(b'a'..=b'z') => {
                let (length, path) = path(rest);
                (length, Some(Token::Variable(path)))
            }
            _ => (0, None),
        };
        at = dollar + 1 + length;
        tokens.extend(token.map(|token| (dollar..at, token)));
    }
    tokens
}

/// The longest `name.field` at the start of a text, and its length.
fn path(text: &str) -> (usize, Vec<String>) {
    let mut path = Vec::new();
    let mut end = 0;
    loop {
        let start = end + usize::from(!path.is_empty());
        match name_length(&text[start.min(text.len())..]) {
            0 => return (end, path),
            length => {
                path.push(text[start..start + length].to_owned());
                end = start + length;
            }
        }
        if !text[end..].starts_with('.') {
            return (end, path);
        }
    }
}

/// The length of the longest name at the start of a text.
fn name_length(text: &str) -> usize {
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        return 0;
    }
    let bytes = text.as_bytes();
    let inside = |at: usize| {
        bytes
            .get(at)
            .is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let mut end = 0;
    while inside(end) || (bytes.get(end) == Some(&b'-') && inside(end + 1)) {
        end += 1;
    }
    end
}

/// Whether a value is one word in any sentence: it neither ends one nor joins two, and means nothing itself.
pub(super) fn is_one_word(value: &str) -> bool {
    const WORDS: [&str; 9] = [
        "except", "sees", "via", "avoiding", "when", "never", "always", "allow", "deny",
    ];
    let joins = |c: char| c.is_whitespace() || matches!(c, '+' | ',' | ':');
    !value.contains(joins)
        && !value.contains("->")
        && value.contains(|c: char| c.is_alphanumeric())
        && !WORDS.contains(&value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_the_longest_name_behind_a_dollar() {
        for (text, expected) in [
            ("any:$db-port/tcp", &["$db-port"][..]),
            ("$cni.nets.pods", &["$cni.nets.pods"]),
            ("see $cni. Then", &["$cni"]),
            ("$a- $b--c $d.E", &["$a", "$b", "$d"]),
            ("$(a)b$(c.d)", &["$(a)", "$(c.d)"]),
            ("$$a $ $A $1 $_", &["$$"]),
            ("$$$a", &["$$", "$a"]),
            ("$(a $()", &["$(a $()"]),
            ("ö$ö$a", &["$a"]),
            ("$", &[]),
        ] {
            let found: Vec<&str> = tokens(text).into_iter().map(|(at, _)| &text[at]).collect();
            assert_eq!(found, expected, "{text}");
        }
        for text in ["$(", "$()", "$(a", "$(a b)", "$(a.)", "$(A)"] {
            let tokens = tokens(text);
            assert_eq!(tokens, [(0..text.len(), Token::Malformed)], "{text}");
        }
    }

    #[test]
    fn one_word_is_one_word_in_any_sentence() {
        for word in [
            "80",
            "80-90",
            "10.0.0.0/8",
            "hub/fw",
            "any",
            "Storage.EastUS",
            "-4",
        ] {
            assert!(is_one_word(word), "{word}");
        }
        for value in [
            "", " ", "a b", "a+b", "80:90", "a,b", "->", "a->b", "-", "except", "deny",
        ] {
            assert!(!is_one_word(value), "{value}");
        }
    }
}
