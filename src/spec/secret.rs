//! Credentials that stand in the text of a spec, where they should not.

use super::place::Place;
use super::tree::{Entry, Node, Text, Value};
use super::{Diagnostic, codes};

/// What the keys of credentials hold, in any case.
const CREDENTIALS: [&str; 5] = ["password", "token", "secret", "key", "authorization"];

/// Finds credentials in clear text below `node`.
pub(super) fn check(node: &Node, place: &Place<'_>, found: &mut Vec<Diagnostic>) {
    match &node.value {
        Value::Map(entries) => {
            for Entry { key, value } in entries {
                let inner = place.entry(&key.text);
                if let Value::Text(_) = &value.value {
                    found.extend(finding(&inner, key, value));
                }
                check(value, &inner, found);
            }
        }
        Value::List(items) => {
            let place = place.item();
            for item in items {
                check(item, &place, found);
            }
        }
        Value::Text(_) | Value::Secret(_) | Value::Null | Value::Broken => {}
    }
}

fn finding(place: &Place<'_>, key: &Text, value: &Node) -> Option<Diagnostic> {
    const HELP: &str =
        "declare it, `secrets: { NAME: { env: VARIABLE } }`, and write `$secrets.NAME` here";
    match place.path() {
        ["workloads", _, "registry", "password"] => {
            let message = "a secret in clear text";
            let diagnostic = Diagnostic::error(codes::CLEAR_SECRET, value.span, message);
            Some(diagnostic.help(HELP))
        }
        ["workloads", _, "env", name] | ["probes", _, "headers", name] => {
            let lower = name.to_ascii_lowercase();
            let credential = CREDENTIALS.iter().any(|word| {
                let mut words = lower.split(|c: char| !c.is_ascii_alphanumeric());
                words.any(|part| part.ends_with(word))
            });
            credential.then(|| {
                let message = format!("`{name}` looks like a credential, in clear text");
                Diagnostic::warning(codes::LOOKS_SECRET, value.span, message)
                    .related(key.span, "its name")
                    .help(HELP)
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Source, yaml};

    #[test]
    fn credentials_are_known_by_their_place_or_their_name() {
        let text = "\
workloads:
  w:
    registry: { user: me, password: hunter2 }
    env: { DB_PASSWORD: x, ACCESS_KEY: x, MONKEYS: x, PATH: x, apiToken: x }
probes:
  p: { headers: { Authorization: x, X-Api-Key: x, Accept: x } }
steps:
  - change: { workloads.w.env.CLIENT_SECRET: x, workloads.w.registry.password: x }
";
        let source = Source::new("spec.yaml", text);
        let mut found = Vec::new();
        let root = yaml::read(&source, &mut found).expect("a document");
        check(&root, &Place::root(), &mut found);
        let at: Vec<(usize, &str)> = found
            .iter()
            .map(|f| (source.line_and_column(f.primary.span.start).0, f.code))
            .collect();
        assert_eq!(
            at,
            [
                (3, codes::CLEAR_SECRET),
                (4, codes::LOOKS_SECRET),
                (4, codes::LOOKS_SECRET),
                (4, codes::LOOKS_SECRET),
                (6, codes::LOOKS_SECRET),
                (6, codes::LOOKS_SECRET),
                (8, codes::LOOKS_SECRET),
                (8, codes::CLEAR_SECRET),
            ]
        );
    }
}
