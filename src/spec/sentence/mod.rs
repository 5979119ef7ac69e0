//! The sentences of the language: rules, routes, peerings, claims, sets, ports, listeners, probes, deciding rules, quantities.
//!
//! Each is read by hand, so that an error points at the offending words inside the sentence. A rule and a
//! probe are only split here, into the fields of their long form with the place of each: one decoder then
//! reads both forms. Nothing here knows which names exist.

mod by;
mod claim;
mod ports;
mod probe;
mod quantity;
mod reference;
mod route;
mod rule;
mod set;

pub(crate) use by::by;
pub(crate) use claim::claim;
pub(crate) use ports::{listen, port, ports};
pub(crate) use probe::{fields as probe_fields, host};
pub(crate) use quantity::{cores, duration, memory};
pub(crate) use reference::reference;
pub(crate) use route::{fields as route_fields, hop, pair, route_prefix};
pub(crate) use rule::{access, fields as rule_fields, protocol};
pub(crate) use set::{address, prefix, set};

use set::tag;

use super::tree::Text;
use super::{Diagnostic, codes};

/// The fields of a long form, in the order of the sentence.
pub(crate) type Fields = Vec<(&'static str, Text)>;

/// An error on a sentence or a part of it.
fn error(text: &Text, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(codes::SENTENCE, text.span, message)
}
