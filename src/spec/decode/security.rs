//! Network security groups and their rules.

use super::Place;
use super::fields::Decoder;
use super::network::whole;
use crate::spec::language::{NSG, RULE};
use crate::spec::tree::Entry;
use crate::spec::{
    Name, NetworkSecurityGroup, SecurityRule, Set, Side, Span, Spanned, Term, sentence,
};
use crate::verdict::Direction;

impl Decoder<'_> {
    pub(super) fn nsg(&mut self, entry: &Entry) -> Option<NetworkSecurityGroup> {
        let mut fields = self.fields(&entry.value, entry.key.span, &NSG)?;
        self.optional(&mut fields, "about", Self::text);
        let mut rules = Vec::new();
        for (key, direction) in [
            ("inbound", Direction::Inbound),
            ("outbound", Direction::Outbound),
        ] {
            let Some(node) = fields.get(key) else {
                continue;
            };
            for (name, entry) in self.named(node, &format!("`{key}`")) {
                rules.extend(self.rule(name, entry, direction));
            }
        }
        let azure_name = self.optional(&mut fields, "azure-name", Self::word);
        let flush = self.optional(&mut fields, "flush-connections", Self::boolean);
        Some(NetworkSecurityGroup {
            key: entry.key.span,
            azure_name,
            rules,
            flush_connections: flush,
            unread: fields.unread,
        })
    }

    fn rule(&mut self, name: Name, entry: &Entry, direction: Direction) -> Option<SecurityRule> {
        let key = entry.key.span;
        let node = self.long(&entry.value, Place::Rule)?;
        let mut fields = self.fields(&node, key, &RULE)?;
        self.optional(&mut fields, "about", Self::text);
        let priority = self.required(&mut fields, "priority", |d, node| {
            d.number(node, 0, u32::MAX)
        });
        let access = self.required(&mut fields, "access", |d, node| {
            d.sentence(node, "`allow` or `deny`", sentence::access)
        });
        let protocol = self.optional(&mut fields, "protocol", |d, node| {
            d.sentence(node, "a protocol", sentence::protocol)
        });
        let [from, to] = [("from", "from-ports"), ("to", "to-ports")].map(|(set, ports)| {
            let set = match fields.get(set) {
                Some(node) => self
                    .sentence(node, "a set", sentence::set)
                    .map(|set| set.value),
                None => Some(any(key)),
            };
            let ports = self.optional(&mut fields, ports, |d, node| {
                d.sentence(node, "ports", sentence::ports)
            });
            let ports = ports.unwrap_or(Spanned {
                value: Vec::new(),
                span: key,
            });
            Side { set, ports }
        });
        let azure_name = self.optional(&mut fields, "azure-name", Self::word);
        Some(SecurityRule {
            name: Spanned {
                value: name,
                span: key,
            },
            azure_name,
            span: whole(entry),
            direction,
            priority,
            access: access.map(|access| access.value),
            protocol: protocol.and_then(|protocol| {
                protocol.value.map(|value| Spanned {
                    value,
                    span: protocol.span,
                })
            }),
            from,
            to,
        })
    }
}

/// The set that a side of a rule is where none is written.
fn any(span: Span) -> Set {
    Set {
        words: Spanned {
            value: "any".to_owned(),
            span,
        },
        terms: vec![Spanned {
            value: Term::Any,
            span,
        }],
        except_at: None,
        except: Vec::new(),
    }
}
