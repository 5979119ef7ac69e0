//! The values of secrets: read once, before anything is deployed, and never shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use crate::topology::{Name, Piece, SecretSource, SecretText};

use super::Refusal;

/// The values of the secrets that a run needs.
#[derive(Clone, Default)]
pub(super) struct Secrets(BTreeMap<Name, String>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Secrets {
    /// Reads the secrets that are needed; a file is looked for beside the spec, and a line break at its end is
    /// not part of the value.
    pub(super) fn read(
        sources: &BTreeMap<Name, SecretSource>,
        needed: &BTreeSet<&Name>,
        spec: &Path,
    ) -> Result<Secrets, Refusal> {
        let mut secrets = BTreeMap::new();
        for name in needed {
            let refused = |reason: String| Refusal::Secret {
                name: name.to_string(),
                reason,
            };
            let value = match sources.get(*name) {
                Some(SecretSource::Environment(variable)) => {
                    std::env::var(variable).map_err(|error| match error {
                        std::env::VarError::NotPresent => {
                            refused(format!("the environment has no variable `{variable}`"))
                        }
                        std::env::VarError::NotUnicode(_) => {
                            refused(format!("the variable `{variable}` is not Unicode"))
                        }
                    })?
                }
                Some(SecretSource::File(path)) => {
                    let path = spec.parent().unwrap_or(Path::new("")).join(path);
                    let text = fs::read_to_string(&path).map_err(|error| {
                        refused(format!("`{}` cannot be read: {error}", path.display()))
                    })?;
                    let value = text.strip_suffix('\n').unwrap_or(&text);
                    value.strip_suffix('\r').unwrap_or(value).to_owned()
                }
                None => return Err(refused("the spec does not say where it is".to_owned())),
            };
            secrets.insert((*name).clone(), value);
        }
        Ok(Secrets(secrets))
    }

    /// The value of a secret.
    pub(super) fn value(&self, name: &Name) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A text in which no value of a secret stands any more.
    pub(super) fn redacted(&self, mut text: String) -> String {
        for value in self.0.values().filter(|value| !value.is_empty()) {
            if text.contains(value) {
                text = text.replace(value, "***");
            }
        }
        text
    }

    /// A text with the values in it.
    pub(super) fn text(&self, text: &SecretText) -> String {
        let pieces = text.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Secret(name) => self.value(name).unwrap_or_default(),
        });
        pieces.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().expect("a name")
    }

    #[test]
    fn a_file_beside_the_spec_is_read_and_shown_by_name_only() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("token"), "s3cret\n").expect("written");
        let sources = BTreeMap::from([(name("token"), SecretSource::File("token".into()))]);
        let wanted = name("token");
        let spec = directory.path().join("spec.yaml");
        let secrets =
            Secrets::read(&sources, &BTreeSet::from([&wanted]), &spec).expect("the file is there");
        assert_eq!(format!("{secrets:?}"), "{Name(\"token\")}");
        let text = SecretText {
            pieces: vec![Piece::Text("Bearer ".to_owned()), Piece::Secret(wanted)],
        };
        assert_eq!(secrets.text(&text), "Bearer s3cret");
        let echoed = secrets.redacted("you sent Bearer s3cret".to_owned());
        assert_eq!(echoed, "you sent Bearer ***");
    }

    #[test]
    fn what_cannot_be_read_is_refused_by_name() {
        let sources = BTreeMap::from([(
            name("token"),
            SecretSource::Environment("VNETLAB_TEST_NO_SUCH_VARIABLE".to_owned()),
        )]);
        let wanted = name("token");
        let refused = Secrets::read(&sources, &BTreeSet::from([&wanted]), Path::new("spec.yaml"));
        assert_eq!(
            refused.expect_err("there is no such variable").to_string(),
            "secret `token`: the environment has no variable `VNETLAB_TEST_NO_SUCH_VARIABLE`"
        );
    }
}
