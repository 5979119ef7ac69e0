//! Parameters: what a spec declares, what a run gives, and the value that each has in the end.
//!
//! A value from the command line goes before one from a file, and that before the default.

use super::settings::Given;
use super::substitution::Variable;
use super::tree::Text;
use super::{Diagnostic, Name, Span, codes, list, sentence, suggestion};

/// A parameter.
pub(super) struct Parameter {
    pub(super) name: Name,
    pub(super) key: Span,
    /// The type of its values; `None` where what it says of itself could not be read.
    pub(super) kind: Option<ParameterType>,
    pub(super) default: Option<Text>,
    /// The values that it may have; empty is every one of its type.
    pub(super) one_of: Vec<Text>,
}

/// The type of a parameter's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ParameterType {
    String,
    Int,
    Port,
    Cidr,
    Ip,
    Duration,
    Location,
    Bool,
}

impl ParameterType {
    pub(super) const WORDS: [(&str, ParameterType); 8] = [
        ("string", ParameterType::String),
        ("int", ParameterType::Int),
        ("port", ParameterType::Port),
        ("cidr", ParameterType::Cidr),
        ("ip", ParameterType::Ip),
        ("duration", ParameterType::Duration),
        ("location", ParameterType::Location),
        ("bool", ParameterType::Bool),
    ];

    /// Refuses a text that is no value of the type.
    fn check(self, text: &Text) -> Result<(), Diagnostic> {
        let word = text.text.as_str();
        let sound = match self {
            ParameterType::String => true,
            ParameterType::Int => word.parse::<i64>().is_ok() && !word.starts_with('+'),
            ParameterType::Port => return sentence::port(text).map(drop),
            ParameterType::Cidr => return sentence::prefix(text).map(drop),
            ParameterType::Ip => return sentence::address(text).map(drop),
            ParameterType::Duration => return sentence::duration(text).map(drop),
            ParameterType::Location => {
                let rest = word.bytes();
                word.starts_with(|c: char| c.is_ascii_lowercase()) && { rest }
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            }
            ParameterType::Bool => matches!(word, "true" | "false"),
        };
        if sound {
            return Ok(());
        }
        let (what, help) = match self {
            ParameterType::Int => ("a whole number", "for example `42`"),
            ParameterType::Location => (
                "a region",
                "a region is one lower-case word, for example `westeurope`",
            ),
            _ => ("a truth value", "it is `true` or `false`"),
        };
        let message = format!("`{word}` is not {what}");
        Err(Diagnostic::error(codes::PARAMETER_VALUE, text.span, message).help(help))
    }
}

impl Parameter {
    /// Refuses a value that the parameter cannot have.
    fn check(&self, kind: ParameterType, value: &Text) -> Result<(), Diagnostic> {
        let of = |diagnostic: Diagnostic| {
            let declared = format!("parameter `{}`", self.name);
            Diagnostic {
                code: codes::PARAMETER_VALUE,
                ..diagnostic
            }
            .related(self.key, declared)
        };
        kind.check(value).map_err(of)?;
        if self.one_of.is_empty() || self.one_of.iter().any(|one| one.text == value.text) {
            return Ok(());
        }
        let values = || self.one_of.iter().map(|one| one.text.as_str());
        let message = format!("`{}` is not a value of `{}`", value.text, self.name);
        Err(of(Diagnostic::error(
            codes::PARAMETER_VALUE,
            value.span,
            message,
        ))
        .help(suggestion(&value.text, values(), "it is one of")))
    }

    /// Its value in this run, if it has one that it may have.
    fn value(&self, given: Option<&Text>, found: &mut Vec<Diagnostic>) -> Option<Text> {
        let kind = self.kind?;
        let before = found.len();
        for one in &self.one_of {
            found.extend(kind.check(one).err());
        }
        if found.len() > before {
            return None;
        }
        // The default is checked also where it is not used: the next run may use it.
        if let Some(default) = &self.default {
            found.extend(self.check(kind, default).err());
        }
        let value = given.or(self.default.as_ref());
        let Some(value) = value else {
            let name = &self.name;
            let message = format!("parameter `{name}` has no value");
            let help = format!(
                "give it with `-p {name}=VALUE` or `--params FILE`, or give it a `default`"
            );
            found.push(Diagnostic::error(codes::PARAMETER_MISSING, self.key, message).help(help));
            return None;
        };
        if let Some(given) = given {
            found.extend(self.check(kind, given).err());
        }
        (found.len() == before).then(|| value.clone())
    }
}

/// The value of each parameter; one that has none is a variable whose fault is reported.
pub(super) fn values(
    parameters: &[Parameter],
    given: &Given,
    declared: bool,
    found: &mut Vec<Diagnostic>,
) -> Vec<(Name, Variable)> {
    let mut chosen: Vec<(&str, &Text)> = Vec::new();
    for from in [&given.parameters, &given.file] {
        let mut here: Vec<(&Text, &Text)> = Vec::new();
        for (name, value) in from {
            if let Some((first, _)) = here.iter().find(|(other, _)| other.text == name.text) {
                found.push(
                    Diagnostic::error(
                        codes::PARAMETER_GIVEN,
                        name.span,
                        format!("parameter `{}` is given twice", name.text),
                    )
                    .related(first.span, "the first one"),
                );
                continue;
            }
            here.push((name, value));
            let word = name.text.as_str();
            if parameters.iter().any(|p| p.name.as_str() == word) {
                if chosen.iter().all(|(other, _)| *other != word) {
                    chosen.push((word, value));
                }
            } else if declared {
                let names: Vec<&str> = parameters.iter().map(|p| p.name.as_str()).collect();
                let help = match names[..] {
                    [] => "the spec has no `params`".to_owned(),
                    _ => suggestion(word, names.iter().copied(), "there is"),
                };
                let message = format!("unknown parameter `{word}`");
                found
                    .push(Diagnostic::error(codes::PARAMETER_GIVEN, name.span, message).help(help));
            }
        }
    }
    parameters
        .iter()
        .map(|parameter| {
            let name = parameter.name.as_str();
            let given = chosen.iter().find(|(word, _)| *word == name);
            let value = parameter.value(given.map(|(_, value)| *value), found);
            let variable = value.map_or(Variable::Broken, Variable::Text);
            (parameter.name.clone(), variable)
        })
        .collect()
}

/// Refuses names that two variables would share.
pub(super) fn distinct<'n>(
    names: impl Iterator<Item = (&'n Name, Span)>,
    found: &mut Vec<Diagnostic>,
) {
    let mut seen: Vec<(&Name, Span)> = Vec::new();
    for (name, span) in names {
        if name.as_str() == "secrets" {
            let message = "no parameter and no axis is called `secrets`";
            found.push(
                Diagnostic::error(codes::NAME, span, message)
                    .help(format!("{} stands for a secret", list(["$secrets.NAME"]))),
            );
        } else if let Some((_, first)) = seen.iter().find(|(other, _)| *other == name) {
            let message = format!("`{name}` is a parameter and an axis");
            found.push(
                Diagnostic::error(codes::CONTRADICTION, span, message)
                    .related(*first, "the other one")
                    .help("parameters and axes share one scope: rename one of them"),
            );
        } else {
            seen.push((name, span));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_takes_its_values_and_refuses_others() {
        for (kind, good, bad) in [
            (
                ParameterType::Int,
                &["0", "-4", "42"][..],
                &["", "4.0", "+1", "x"][..],
            ),
            (
                ParameterType::Port,
                &["1", "65535"],
                &["0", "65536", "80-90", "http"],
            ),
            (
                ParameterType::Cidr,
                &["10.0.0.0/8"],
                &["10.0.0.1/8", "10.0.0.0", "x"],
            ),
            (
                ParameterType::Ip,
                &["10.0.0.4"],
                &["10.0.0.0/8", "10.0.0", "web"],
            ),
            (ParameterType::Duration, &["500ms", "2h"], &["2", "1.5s"]),
            (
                ParameterType::Location,
                &["westeurope", "eastus2"],
                &["", "West Europe", "2x"],
            ),
            (
                ParameterType::Bool,
                &["true", "false"],
                &["yes", "True", ""],
            ),
            (ParameterType::String, &["", "a b: c"], &[]),
        ] {
            for text in good {
                assert_eq!(kind.check(&Text::at_start(text)), Ok(()), "{kind:?} {text}");
            }
            for text in bad {
                assert!(
                    kind.check(&Text::at_start(text)).is_err(),
                    "{kind:?} {text}"
                );
            }
        }
    }
}
