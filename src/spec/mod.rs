//! The author's words: YAML text to [`Spec`], with a source span on every value.
//!
//! seam: written by the spec work package

mod diagnostic;
mod name;
mod span;

pub use diagnostic::{Diagnostic, Label, Severity};
pub use name::{Name, NameError};
pub use span::{Source, Span, Spanned};
