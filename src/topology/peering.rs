//! Peerings: two virtual networks, apart from each other, once (R40).

use std::collections::BTreeMap;

use super::Peering;
use super::address_plan::overlap;
use super::names::{Thing, bind};
use crate::spec::{self, Diagnostic, Kind, Name, Network, Span, codes};

/// Resolves a peering, but for its name in Azure.
pub(super) fn resolve(
    network: &Network,
    peering: &spec::Peering,
    azure_name: String,
    found: &mut Vec<Diagnostic>,
) -> Option<Peering> {
    let between = peering.between.as_ref()?;
    let mut ends =
        between
            .value
            .iter()
            .map(|end| match bind(network, end, &[Kind::Vnet], found)? {
                Thing::Vnet(name, vnet) => Some((name, vnet)),
                _ => None,
            });
    // Both are bound before either is asked for, so that both are reported.
    let (one, other) = (ends.next().flatten(), ends.next().flatten());
    drop(ends);
    let ((one, one_net), (other, other_net)) = (one?, other?);
    if one == other {
        found.push(Diagnostic::error(
            codes::PEERING_WITH_ITSELF,
            between.span,
            format!("virtual network `{one}` is peered with itself"),
        ));
        return None;
    }
    for range in &one_net.space {
        for far in &other_net.space {
            if overlap(range.value, far.value) {
                found.push(
                    Diagnostic::error(
                        codes::PEERING_OVERLAPS,
                        between.span,
                        format!("`{one}` and `{other}` overlap, and Azure peers no such virtual networks"),
                    )
                    .related(range.span, format!("`{one}` has {}", range.value))
                    .related(far.span, format!("`{other}` has {}", far.value)),
                );
            }
        }
    }
    Some(Peering {
        azure_name,
        between: [one.clone(), other.clone()],
        access: peering.access.as_ref().is_none_or(|access| access.value),
        forwarded_traffic: peering
            .forwarded_traffic
            .as_ref()
            .is_some_and(|forwarded| forwarded.value),
        span: peering.key,
    })
}

/// Two virtual networks have one peering.
pub(super) fn once(peerings: &BTreeMap<Name, Peering>, found: &mut Vec<Diagnostic>) {
    let mut pairs: BTreeMap<[&Name; 2], (&Name, Span)> = BTreeMap::new();
    for (name, peering) in peerings {
        let [one, other] = &peering.between;
        let pair = if one < other {
            [one, other]
        } else {
            [other, one]
        };
        if let Some((first, at)) = pairs.insert(pair, (name, peering.span)) {
            found.push(
                Diagnostic::error(
                    codes::PEERED_TWICE,
                    peering.span,
                    format!("`{one}` and `{other}` are peered already"),
                )
                .related(at, format!("by `{first}`"))
                .help("one peering stands for both sides"),
            );
        }
    }
}
