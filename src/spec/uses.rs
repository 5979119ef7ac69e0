//! What was put where: a value with each place in which its name stands.

use std::collections::BTreeSet;

use super::{Diagnostic, Label, Name, Span};

/// What was put where.
#[derive(Debug, Clone, Default)]
pub(crate) struct Uses {
    uses: Vec<Use>,
    /// The secrets that were put somewhere.
    pub(super) secrets: BTreeSet<Name>,
}

#[derive(Debug, Clone)]
struct Use {
    /// Where the value stands.
    value: Span,
    /// Where its name is used.
    at: Span,
    /// Whether a map or a list was put there, whose parts keep their own places.
    whole: bool,
}

impl Uses {
    /// Notes that a value was put where its name stood; `whole` where it is a map or a list.
    pub(super) fn note(&mut self, value: Span, at: Span, whole: bool) {
        self.uses.push(Use { value, at, whole });
    }

    /// Shows with each finding on a value where it is used, and with each on a use its value.
    pub(crate) fn explain(&self, found: &mut [Diagnostic]) {
        /// A value may be used in many places; that it is used is said by the first.
        const SHOWN: usize = 3;
        for finding in found {
            let span = finding.primary.span;
            let fits = |used: &&Use| match used.whole {
                true => used.value.holds(span),
                false => used.at.holds(span),
            };
            for used in self.uses.iter().filter(fits).take(SHOWN) {
                let (at, text) = match used.whole {
                    true => (used.at, "used here"),
                    false => (used.value, "its value"),
                };
                if finding.related.iter().all(|label| label.span != at) {
                    finding.related.push(Label {
                        span: at,
                        text: text.to_owned(),
                    });
                }
            }
        }
    }
}
