//! Invariants.

use std::collections::BTreeMap;

use super::Place;
use super::fields::Decoder;
use crate::spec::language::INVARIANT;
use crate::spec::tree::{Entry, Node};
use crate::spec::{Claim, Diagnostic, Invariant, Name, Spanned, Statement, codes, sentence};

impl Decoder<'_> {
    pub(super) fn invariant(&mut self, entry: &Entry) -> Option<Invariant> {
        let node = self.long(&entry.value, Place::Invariant)?;
        let mut fields = self.fields(&node, entry.key.span, &INVARIANT)?;
        self.optional(&mut fields, "about", Self::text);
        let mut claim = self.required(&mut fields, "claim", |d, node| {
            d.sentence(node, "a claim", sentence::claim)
        });
        let when = self.optional(&mut fields, "when", |d, node| {
            d.one_of(node, &[("new", false), ("reply", true)], &[])
        });
        if let (Some(claim), Some(when)) = (&mut claim, when) {
            self.when(claim, &when);
        }
        Some(Invariant {
            key: entry.key.span,
            claim,
        })
    }

    /// `when` as a key of its own says the same as at the end of the sentence.
    fn when(&mut self, claim: &mut Spanned<Claim>, when: &Spanned<bool>) {
        match &mut claim.value.statement {
            Statement::Reach { reply, .. } => {
                if *reply && !when.value {
                    self.found.push(
                        Diagnostic::error(codes::CONTRADICTION, when.span, "`when` is given twice")
                            .related(claim.span, "the claim says `when reply`"),
                    );
                }
                *reply = when.value;
            }
            Statement::Observe { .. } if when.value => self.found.push(
                Diagnostic::error(
                    codes::CONTRADICTION,
                    when.span,
                    "`when: reply` has no meaning with `sees`",
                )
                .related(claim.span, "what is seen arrives with new flows")
                .help("claim it of the senders: `always a -> b when reply`"),
            ),
            Statement::Observe { .. } => {}
        }
    }

    /// Invariants that stand in a map, by name.
    pub(super) fn invariants(&mut self, node: &Node, what: &str) -> BTreeMap<Name, Invariant> {
        let mut invariants = BTreeMap::new();
        for (name, entry) in self.named(node, what) {
            if let Some(invariant) = self.invariant(entry) {
                invariants.insert(name, invariant);
            }
        }
        invariants
    }
}
