//! The address plan: address spaces and subnets (R30 to R32).

use std::net::Ipv4Addr;

use crate::net::Prefix;
use crate::spec::{self, Diagnostic, Name, Spanned, codes};

/// Ranges that a virtual network cannot have (R30).
const RESERVED: [(Prefix, &str); 5] = [
    (
        Prefix::new_assert(Ipv4Addr::new(224, 0, 0, 0), 4),
        "multicast",
    ),
    (
        Prefix::new_assert(Ipv4Addr::new(255, 255, 255, 255), 32),
        "broadcast",
    ),
    (
        Prefix::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8),
        "loopback",
    ),
    (
        Prefix::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16),
        "link-local",
    ),
    (
        Prefix::new_assert(Ipv4Addr::new(168, 63, 129, 16), 32),
        "Azure's own services",
    ),
];

/// The longest prefix of a subnet (R31).
const SMALLEST_SUBNET: u8 = 29;

/// The name of a subnet and its range.
type Subnet<'n> = (&'n Name, &'n Spanned<Prefix>);

/// Whether two ranges share an address.
pub(super) fn overlap(a: Prefix, b: Prefix) -> bool {
    a.contains(&b) || b.contains(&a)
}

/// Checks the ranges of a virtual network.
pub(super) fn check(name: &Name, vnet: &spec::VirtualNetwork, found: &mut Vec<Diagnostic>) {
    for range in &vnet.space {
        for (reserved, what) in RESERVED {
            if overlap(range.value, reserved) {
                found.push(
                    Diagnostic::error(
                        codes::RESERVED_RANGE,
                        range.span,
                        format!(
                            "`{}` overlaps {reserved}, which Azure reserves",
                            range.value
                        ),
                    )
                    .label(format!("{reserved} is for {what}")),
                );
            }
        }
    }
    let mut space: Vec<&Spanned<Prefix>> = vnet.space.iter().collect();
    space.sort_by_key(|range| (range.value, range.span));
    for (outer, inner) in overlapping(&space, |range| range.value) {
        found.push(
            Diagnostic::error(
                codes::SPACES_OVERLAP,
                inner.span,
                format!("two ranges of virtual network `{name}` overlap"),
            )
            .related(outer.span, extent(outer.value)),
        );
    }
    let mut subnets: Vec<Subnet<'_>> = vnet
        .subnets
        .iter()
        .filter_map(|(name, subnet)| Some((name, subnet.prefix.as_ref()?)))
        .collect();
    for (subnet_name, prefix) in &subnets {
        let holds = |range: &Spanned<Prefix>| range.value.contains(&prefix.value);
        // It may lie in a range that could not be read.
        if !vnet.unread.contains("space") && !vnet.space.iter().any(holds) {
            let mut diagnostic = Diagnostic::error(
                codes::SUBNET_OUTSIDE,
                prefix.span,
                format!("subnet `{subnet_name}` lies outside virtual network `{name}`"),
            );
            for range in &vnet.space {
                diagnostic = diagnostic.related(range.span, extent(range.value));
            }
            found.push(with_next_free(
                diagnostic,
                name,
                vnet,
                prefix.value.prefix_len(),
            ));
        }
        if prefix.value.prefix_len() > SMALLEST_SUBNET {
            found.push(
                Diagnostic::error(
                    codes::SUBNET_SIZE,
                    prefix.span,
                    format!("subnet `{subnet_name}` is smaller than a /{SMALLEST_SUBNET}"),
                )
                .help("Azure keeps five addresses of each subnet; the smallest is a /29, with three to use"),
            );
        }
    }
    subnets.sort_by_key(|(_, prefix)| (prefix.value, prefix.span));
    for (a, b) in overlapping(&subnets, |(_, prefix)| prefix.value) {
        found.push(subnets_overlap(name, vnet, *a, *b));
    }
}

/// The pairs of overlapping ranges of a sorted list: each range with the one before it that reaches furthest.
fn overlapping<T>(sorted: &[T], range: impl Fn(&T) -> Prefix) -> Vec<(&T, &T)> {
    let mut pairs = Vec::new();
    let mut furthest: Option<&T> = None;
    for item in sorted {
        match furthest {
            Some(other) if overlap(range(other), range(item)) => pairs.push((other, item)),
            _ => {}
        }
        if furthest.is_none_or(|other| range(item).broadcast() > range(other).broadcast()) {
            furthest = Some(item);
        }
    }
    pairs
}

fn subnets_overlap(
    name: &Name,
    vnet: &spec::VirtualNetwork,
    a: Subnet<'_>,
    b: Subnet<'_>,
) -> Diagnostic {
    // The one further down in the file is the one to move.
    let (first, second) = if a.1.span <= b.1.span { (a, b) } else { (b, a) };
    let (kept, moved) = (first.1.value, second.1.value);
    let relation = if kept == moved {
        "is the same range"
    } else if kept.contains(&moved) {
        "lies inside it"
    } else {
        "holds it"
    };
    let diagnostic = Diagnostic::error(
        codes::SUBNETS_OVERLAP,
        second.1.span,
        format!(
            "subnets `{}` and `{}` overlap in virtual network `{name}`",
            second.0, first.0
        ),
    )
    .label(format!("`{}` {relation}", second.0))
    .related(first.1.span, format!("`{}` {}", first.0, extent(kept)));
    with_next_free(diagnostic, name, vnet, moved.prefix_len())
}

fn extent(range: Prefix) -> String {
    format!("holds {} to {}", range.network(), range.broadcast())
}

fn with_next_free(
    diagnostic: Diagnostic,
    name: &Name,
    vnet: &spec::VirtualNetwork,
    length: u8,
) -> Diagnostic {
    if vnet.unread.contains("space") {
        return diagnostic;
    }
    match next_free(vnet, length.min(SMALLEST_SUBNET)) {
        Some(free) => diagnostic.help(format!(
            "{free} is the next free /{} in `{name}`",
            free.prefix_len()
        )),
        None => diagnostic.help(format!("`{name}` has no free /{length}; widen its space")),
    }
}

/// The first range of a length in the virtual network that no subnet touches.
fn next_free(vnet: &spec::VirtualNetwork, length: u8) -> Option<Prefix> {
    for space in &vnet.space {
        let mut at = u64::from(u32::from(space.value.network()));
        let end = u64::from(u32::from(space.value.broadcast()));
        let size = 1_u64 << (32 - length);
        while at + size - 1 <= end {
            let candidate = Prefix::new(Ipv4Addr::from(u32::try_from(at).ok()?), length).ok()?;
            let taken = vnet
                .subnets
                .values()
                .filter_map(|subnet| Some(subnet.prefix.as_ref()?.value))
                .filter(|prefix| overlap(*prefix, candidate))
                .map(|prefix| u64::from(u32::from(prefix.broadcast())) + 1)
                .max();
            match taken {
                None => return Some(candidate),
                // Behind what is in the way, on the next boundary of the size.
                Some(after) => at = after.next_multiple_of(size),
            }
        }
    }
    None
}
