//! The sentences of the language: rules, sets, ports, listeners, probes, deciding rules, quantities.
//!
//! Each is read by hand, so that an error points at the offending words inside the sentence. A rule and a
//! probe are only split here, into the fields of their long form with the place of each: one decoder then
//! reads both forms. Nothing here knows which names exist.

mod by;
mod ports;
mod probe;
mod quantity;
mod reference;
mod rule;
mod set;

pub(crate) use by::by;
pub(crate) use ports::{listen, port, ports};
pub(crate) use probe::{fields as probe_fields, host};
pub(crate) use quantity::{cores, duration, memory};
pub(crate) use reference::reference;
pub(crate) use rule::{access, fields as rule_fields, protocol};
pub(crate) use set::{address, prefix, set};

use super::tree::Text;
use super::{Diagnostic, codes};

/// The fields of a long form, in the order of the sentence.
pub(crate) type Fields = Vec<(&'static str, Text)>;

/// An error on a sentence or a part of it.
fn error(text: &Text, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(codes::SENTENCE, text.span, message)
}
