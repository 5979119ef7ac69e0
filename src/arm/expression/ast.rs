//! The tree of an expression, and its text.
//!
//! A tree keeps what was written, not what it means: names keep their spelling, calls are not bound to
//! functions. The text of a tree parses back to an equal tree.

use std::fmt;

/// An expression: a value or a call, and the steps into its result.
///
/// Steps are a list, not a nesting, so that a long `.a.b.c` costs no stack.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    /// What the expression begins with.
    pub head: Head,
    /// `.name` and `[index]`, in order.
    pub steps: Vec<Step>,
}

/// What an expression begins with.
#[derive(Debug, Clone, PartialEq)]
pub enum Head {
    /// `'text'`.
    String(String),
    /// A 64-bit integer.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// A function call.
    Call(Call),
}

/// A function call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The namespace of a user-defined function.
    pub namespace: Option<String>,
    /// The function's name, as written.
    pub name: String,
    /// The arguments.
    pub arguments: Vec<Expression>,
}

/// A step into a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// `.name`.
    Property(String),
    /// `[index]`.
    Index(Expression),
}

impl Expression {
    /// The text, where the expression is nothing but a string.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.head {
            Head::String(text) if self.steps.is_empty() => Some(text),
            _ => None,
        }
    }

    /// The call, where the expression is nothing but a call.
    #[must_use]
    pub fn as_call(&self) -> Option<&Call> {
        match &self.head {
            Head::Call(call) if self.steps.is_empty() => Some(call),
            _ => None,
        }
    }
}

impl Call {
    /// Whether this calls the named built-in function.
    #[must_use]
    pub fn is(&self, function: &str) -> bool {
        self.namespace.is_none() && self.name.eq_ignore_ascii_case(function)
    }

    /// Whether this calls `reference()` or a `list*()`: what only a deployment can answer.
    #[must_use]
    pub fn is_runtime(&self) -> bool {
        self.namespace.is_none() && (self.is("reference") || is_list(&self.name))
    }
}

/// Whether a function's name is that of a `list*()`.
pub(crate) fn is_list(name: &str) -> bool {
    name.get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("list"))
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.head {
            Head::String(text) => write!(f, "'{}'", text.replace('\'', "''"))?,
            Head::Integer(number) => write!(f, "{number}")?,
            // The debug form always has a fraction or an exponent, so it stays a float.
            Head::Float(number) => {
                let text = format!("{number:?}");
                if text.contains('.') {
                    f.write_str(&text)?;
                } else {
                    f.write_str(&text.replace('e', ".0e"))?;
                }
            }
            Head::Call(call) => write!(f, "{call}")?,
        }
        for step in &self.steps {
            match step {
                Step::Property(name) => write!(f, ".{name}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}.")?;
        }
        write!(f, "{}(", self.name)?;
        for (index, argument) in self.arguments.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{argument}")?;
        }
        f.write_str(")")
    }
}
