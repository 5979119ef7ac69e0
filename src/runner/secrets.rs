//! Secrets: read when a run needs them, sent where they belong, shown nowhere.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use crate::topology::{Experiment, Name, Piece, SecretSource, SecretText};
use crate::verdict::event::{CombinationRecord, Event, ProbeRecord, StepRecord};

/// What stands where a secret was.
const REDACTED: &str = "[redacted]";

/// The shortest secret: a shorter one cannot be taken out of a text without taking out words.
const SHORTEST: usize = 4;

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// Its environment variable is not set.
    #[error("secret `{secret}`: the environment variable `{variable}` is not set")]
    Unset {
        /// The secret.
        secret: Name,
        /// The variable.
        variable: String,
    },
    /// Its file cannot be read.
    #[error("secret `{secret}`: cannot read `{}`", path.display())]
    Unreadable {
        /// The secret.
        secret: Name,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not text.
    #[error("secret `{secret}` is not text in UTF-8")]
    NotText {
        /// The secret.
        secret: Name,
    },
    /// It is too short to be kept out of reports.
    #[error("secret `{secret}` has fewer than {SHORTEST} characters: no report could leave it out")]
    Short {
        /// The secret.
        secret: Name,
    },
    /// The spec does not declare it.
    #[error("secret `{secret}` has no source")]
    Unknown {
        /// The secret.
        secret: Name,
    },
}

/// The values of the secrets that experiments use.
#[derive(Default)]
pub struct Secrets {
    values: BTreeMap<Name, String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl Secrets {
    /// Reads the secrets that stand somewhere in the experiments, and no others.
    ///
    /// # Errors
    /// [`SecretError`] for the first that cannot be read.
    pub fn read(experiments: &[Experiment]) -> Result<Secrets, SecretError> {
        let variable = |name: &str| std::env::var_os(name);
        let file = |path: &Path| std::fs::read(path);
        let mut secrets = Secrets::default();
        for experiment in experiments {
            for name in used(experiment) {
                if secrets.values.contains_key(name) {
                    continue;
                }
                let source = experiment.secrets.get(name);
                let value = read(name, source, &variable, &file)?;
                secrets.values.insert(name.clone(), value);
            }
        }
        Ok(secrets)
    }

    /// A text with the values of its secrets; to be sent, never to be shown.
    ///
    /// # Errors
    /// [`SecretError::Unknown`] where it names a secret that was not read.
    pub fn text(&self, text: &SecretText) -> Result<String, SecretError> {
        let pieces = text.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => Ok(text.as_str()),
            Piece::Secret(name) => match self.values.get(name) {
                Some(value) => Ok(value.as_str()),
                None => Err(SecretError::Unknown {
                    secret: name.clone(),
                }),
            },
        });
        pieces.collect()
    }

    /// A text without the values of secrets.
    #[must_use]
    pub fn redacted(&self, text: &str) -> String {
        let mut values: Vec<&String> = self.values.values().collect();
        // A secret within another must not leave a part of that behind.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.into_iter().fold(text.to_owned(), |text, value| {
            text.replace(value.as_str(), REDACTED)
        })
    }

    /// An event without the values of secrets.
    pub(super) fn redacted_event(&self, event: Event) -> Event {
        if self.values.is_empty() {
            return event;
        }
        match event {
            Event::Progress { message } => Event::Progress {
                message: self.redacted(&message),
            },
            Event::Cleanup { message, residue } => Event::Cleanup {
                message: self.redacted(&message),
                residue,
            },
            Event::ProbeFinished { step, record } => Event::ProbeFinished {
                step,
                record: Box::new(self.redacted_probe(*record)),
            },
            Event::StepFinished { index, record } => Event::StepFinished {
                index,
                record: Box::new(self.redacted_step(*record)),
            },
            Event::Within { combination, event } => Event::Within {
                combination,
                event: Box::new(self.redacted_event(*event)),
            },
            Event::CombinationFinished { index, record } => {
                let steps = record.steps.into_iter();
                Event::CombinationFinished {
                    index,
                    record: Box::new(CombinationRecord {
                        steps: steps.map(|step| self.redacted_step(step)).collect(),
                        ..*record
                    }),
                }
            }
            // A report is made of steps that are redacted already, the rest says nothing of a server's.
            event => event,
        }
    }

    /// The record of a step without the values of secrets.
    pub(super) fn redacted_step(&self, step: StepRecord) -> StepRecord {
        if self.values.is_empty() {
            return step;
        }
        let probes = step.probes.into_iter();
        StepRecord {
            error: step.error.map(|error| self.redacted(&error)),
            probes: probes.map(|probe| self.redacted_probe(probe)).collect(),
            ..step
        }
    }

    fn redacted_probe(&self, mut probe: ProbeRecord) -> ProbeRecord {
        let texts = probe
            .differs
            .iter_mut()
            .chain(&mut probe.observed.urls)
            .chain(&mut probe.observed.reason)
            .chain(&mut probe.observed.body)
            .chain(&mut probe.expected.body);
        for text in texts {
            *text = self.redacted(text);
        }
        probe
    }
}

/// The secrets that stand somewhere in an experiment.
fn used(experiment: &Experiment) -> impl Iterator<Item = &Name> {
    experiment.steps.iter().flat_map(|step| {
        let workloads = step.topology.workloads.values();
        let probes = step.topology.probes.values();
        let of_workloads = workloads.flat_map(|workload| {
            let registry = workload.registry.iter();
            let registry = registry.flat_map(|registry| [&registry.user, &registry.password]);
            workload.env.values().chain(registry)
        });
        let headers = probes.flat_map(|probe| probe.headers.values());
        of_workloads.chain(headers).flat_map(SecretText::secrets)
    })
}

/// Reads a secret; `variable` and `file` say what stands where.
fn read(
    secret: &Name,
    source: Option<&SecretSource>,
    variable: &dyn Fn(&str) -> Option<OsString>,
    file: &dyn Fn(&Path) -> io::Result<Vec<u8>>,
) -> Result<String, SecretError> {
    let secret = secret.clone();
    let value = match source {
        None => return Err(SecretError::Unknown { secret }),
        Some(SecretSource::Environment(name)) => match variable(name).map(OsString::into_string) {
            Some(Ok(value)) => value,
            Some(Err(_)) => return Err(SecretError::NotText { secret }),
            None => {
                let variable = name.clone();
                return Err(SecretError::Unset { secret, variable });
            }
        },
        Some(SecretSource::File(path)) => match file(path).map(String::from_utf8) {
            // Editors end a file with a newline, which belongs to no secret.
            Ok(Ok(value)) => value.trim_end_matches(['\r', '\n']).to_owned(),
            Ok(Err(_)) => return Err(SecretError::NotText { secret }),
            Err(source) => {
                let path = path.clone();
                return Err(SecretError::Unreadable {
                    secret,
                    path,
                    source,
                });
            }
        },
    };
    match value.chars().count() {
        0..SHORTEST => Err(SecretError::Short { secret }),
        _ => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().expect("a name")
    }

    fn read_from(source: &SecretSource) -> Result<String, String> {
        let variable = |name: &str| (name == "TOKEN").then(|| OsString::from("hunter22"));
        let file = |path: &Path| match path.to_str() {
            Some("token") => Ok(b"hunter33\r\n".to_vec()),
            Some("short") => Ok(b"abc\n".to_vec()),
            Some("binary") => Ok(vec![0xff, 0xfe, 0xfd, 0xfc]),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        read(&name("s"), Some(source), &variable, &file)
            .map_err(|error| crate::verdict::event::error_chain(&error))
    }

    #[test]
    fn a_secret_is_read_from_where_it_is_or_its_place_is_named() {
        let env = |name: &str| SecretSource::Environment(name.to_owned());
        let file = |path: &str| SecretSource::File(PathBuf::from(path));
        assert_eq!(read_from(&env("TOKEN")).as_deref(), Ok("hunter22"));
        assert_eq!(read_from(&file("token")).as_deref(), Ok("hunter33"));
        for (source, said) in [
            (env("OTHER"), "environment variable `OTHER` is not set"),
            (file("gone"), "cannot read `gone`: "),
            (file("short"), "fewer than 4 characters"),
            (file("binary"), "not text in UTF-8"),
        ] {
            let error = read_from(&source).expect_err("no secret");
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_value_is_sent_and_never_shown() {
        let values = [("a", "hunter"), ("b", "hunter22")];
        let secrets = Secrets {
            values: values.map(|(n, value)| (name(n), value.to_owned())).into(),
        };
        let text = SecretText {
            pieces: vec![Piece::Text("Bearer ".to_owned()), Piece::Secret(name("b"))],
        };
        assert_eq!(secrets.text(&text).expect("it is known"), "Bearer hunter22");
        assert!(
            secrets
                .text(&SecretText {
                    pieces: vec![Piece::Secret(name("c"))]
                })
                .is_err()
        );
        assert!(!format!("{secrets:?}").contains("hunter"));
        assert_eq!(
            secrets.redacted("hunter22 and hunter"),
            "[redacted] and [redacted]"
        );
        let event = Event::Within {
            combination: "cni=a".to_owned(),
            event: Box::new(Event::Progress {
                message: "sent hunter22".to_owned(),
            }),
        };
        let shown = format!("{:?}", secrets.redacted_event(event));
        assert!(
            shown.contains("[redacted]") && !shown.contains("hunter"),
            "{shown}"
        );
    }
}
