//! The template language's expressions: grammar, functions, evaluation.
//!
//! A string of a template is an expression when it begins with one `[` and ends with `]`; everything
//! else is a literal ([`Text`]). Parsing gives a tree, `check` finds what Azure refuses before it
//! evaluates anything, `evaluate` computes a value over an `Environment`. Nothing here knows the
//! template document, and nothing reads a clock or a source of randomness.
//!
//! Evaluation ends for every text: nesting is bounded, and so is the size of a string.

mod ast;
mod check;
mod eval;
mod functions;
mod parse;

use serde_json::Value;

use super::AzureError;

pub use ast::{Call, Expression, Head, Step};
pub(super) use check::{Names, Place, check, parameter_not_found, variable_not_found};
pub(super) use eval::evaluate;
pub use parse::{ParseError, parse};

pub(super) use functions::{digest, text_of, type_name};

/// What a string of a template is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text<'a> {
    /// A literal, its escape taken off.
    Literal(&'a str),
    /// The text of an expression, its brackets taken off.
    Expression(&'a str),
}

impl<'a> Text<'a> {
    /// Reads a string of a template. Nothing is trimmed: ` [x]` is a literal, and so is `[[a]b`.
    #[must_use]
    pub fn of(text: &'a str) -> Text<'a> {
        match text.strip_prefix('[') {
            Some(rest) if rest.ends_with(']') => match rest.strip_prefix('[') {
                Some(_) => Text::Literal(rest),
                None => Text::Expression(&rest[..rest.len() - 1]),
            },
            _ => Text::Literal(text),
        }
    }
}

/// The string of a template that stands for exactly `text`, whatever `text` looks like.
#[must_use]
pub fn literal(text: &str) -> String {
    if text.starts_with('[') && text.ends_with(']') {
        format!("[{text}")
    } else {
        text.to_owned()
    }
}

/// What only a deployment can tell: `reference()` and `list*()`.
pub trait Runtime {
    /// The answer of `reference(target, api_version, full)`: the properties of the resource, or the
    /// whole resource when `full`. `target` is an id, or a name of the same deployment resolved to one.
    ///
    /// # Errors
    /// [`RuntimeError::Unknown`] when only a deployment can tell; [`RuntimeError::Azure`] when the
    /// resource does not exist.
    fn reference(
        &self,
        target: &super::ResourceId,
        api_version: Option<&str>,
        full: bool,
    ) -> Result<Value, RuntimeError>;

    /// The answer of `list*(target, api_version, body)`.
    ///
    /// # Errors
    /// As [`Runtime::reference`].
    fn list(
        &self,
        function: &str,
        target: &super::ResourceId,
        api_version: &str,
        body: Option<&Value>,
    ) -> Result<Value, RuntimeError>;
}

/// Why a runtime function has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuntimeError {
    /// Unknown until deployed.
    Unknown,
    /// Azure would refuse.
    Azure(AzureError),
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fault {
    /// Only a deployment can tell.
    Unknown,
    /// The expression is wrong, in Azure's words.
    Invalid(String),
    /// Something that the expression asked for was refused.
    Azure(AzureError),
}

impl From<RuntimeError> for Fault {
    fn from(error: RuntimeError) -> Fault {
        match error {
            RuntimeError::Unknown => Fault::Unknown,
            RuntimeError::Azure(error) => Fault::Azure(error),
        }
    }
}

impl From<ParseError> for Fault {
    fn from(error: ParseError) -> Fault {
        Fault::Invalid(error.to_string())
    }
}

/// What an expression may ask for. `depth` counts the calls that are under way and is handed back to
/// [`evaluate`] by whoever evaluates another expression for an answer.
pub(super) trait Environment {
    /// `parameters(name)`.
    fn parameter(&self, name: &str, depth: usize) -> Result<Value, Fault>;
    /// `variables(name)`.
    fn variable(&self, name: &str, depth: usize) -> Result<Value, Fault>;
    /// A call of a user-defined function.
    fn user_function(
        &self,
        namespace: &str,
        name: &str,
        arguments: Vec<Value>,
        depth: usize,
    ) -> Result<Value, Fault>;
    /// `copyIndex()`: of the named loop, or of the loop that the resource is in.
    fn copy_index(&self, name: Option<&str>) -> Result<i64, Fault>;
    /// `reference(target, api_version, 'Full')`.
    fn reference(
        &self,
        target: &str,
        api_version: Option<&str>,
        full: bool,
    ) -> Result<Value, Fault>;
    /// `list*(target, api_version, body)`.
    fn list(
        &self,
        function: &str,
        target: &str,
        api_version: &str,
        body: Option<&Value>,
    ) -> Result<Value, Fault>;
    /// `deployment()`.
    fn deployment(&self) -> Value;
    /// Where the template is deployed.
    fn scope(&self) -> &super::Scope;
    /// The time of the deployment, for `utcNow()`.
    fn now(&self) -> Result<jiff::Timestamp, Fault>;
    /// A new GUID, for `newGuid()`.
    fn new_guid(&self) -> Result<uuid::Uuid, Fault>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_an_expression_only_between_one_bracket_and_another() {
        for (text, expected) in [
            ("[f()]", Text::Expression("f()")),
            ("[]", Text::Expression("")),
            (" [f()]", Text::Literal(" [f()]")),
            ("[f()] ", Text::Literal("[f()] ")),
            ("[[f()]", Text::Literal("[f()]")),
            ("[[one]two", Text::Literal("[[one]two")),
            ("[", Text::Literal("[")),
            ("", Text::Literal("")),
        ] {
            assert_eq!(Text::of(text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_literal_stands_for_its_text(text in r"\[{0,3}\PC{0,12}\]{0,2}") {
            let written = literal(&text);
            proptest::prop_assert_eq!(Text::of(&written), Text::Literal(&text));
        }

        #[test]
        fn no_text_breaks_the_parser(text in r"[\[\]()',.a-z0-9 \-eé]{0,60}") {
            if let Ok(tree) = parse(&text) {
                proptest::prop_assert_eq!(parse(&tree.to_string()), Ok(tree));
            }
        }
    }
}
