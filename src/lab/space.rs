//! The parts of the address space: the platform's, the private, the Internet; and ranges of addresses.

use std::net::Ipv4Addr;

use crate::net::Prefix;

/// The address behind `AzureLoadBalancer` (R20), also part of `VirtualNetwork` (R17).
pub(super) const PLATFORM: Prefix = Prefix::new_assert(Ipv4Addr::new(168, 63, 129, 16), 32);

/// The instance metadata service.
const METADATA: Prefix = Prefix::new_assert(Ipv4Addr::new(169, 254, 169, 254), 32);

/// What no group and no route stands before (R22).
pub(super) fn platform() -> [Prefix; 2] {
    [PLATFORM, METADATA]
}

/// The ranges that a system route keeps from the Internet (R35).
pub(super) fn reserved_ranges() -> [Prefix; 4] {
    [
        Prefix::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8),
        Prefix::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12),
        Prefix::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16),
        Prefix::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10),
    ]
}

/// What is on no virtual network's Internet: the private ranges, this network, loopback, link-local,
/// multicast and reserved, the platform's address.
pub(super) fn not_internet() -> Vec<Prefix> {
    let mut prefixes = vec![
        Prefix::new_assert(Ipv4Addr::new(0, 0, 0, 0), 8),
        Prefix::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8),
        Prefix::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16),
        Prefix::new_assert(Ipv4Addr::new(224, 0, 0, 0), 3),
        PLATFORM,
    ];
    prefixes.extend(reserved_ranges());
    prefixes
}

/// R21: the public address space outside the virtual network.
pub(super) fn internet(network: &[Prefix]) -> Vec<(u32, u32)> {
    let outside = not_internet().iter().chain(network).map(span).collect();
    let mut ranges = Vec::new();
    let mut next = Some(0u32);
    for (first, last) in merge(outside) {
        if let Some(start) = next
            && start < first
        {
            ranges.push((start, first - 1));
        }
        next = last.checked_add(1);
    }
    ranges.extend(next.map(|start| (start, u32::MAX)));
    ranges
}

/// The addresses of prefixes, sorted and joined.
pub(super) fn ranges(prefixes: &[Prefix]) -> Vec<(u32, u32)> {
    merge(prefixes.iter().map(span).collect())
}

pub(super) fn span(prefix: &Prefix) -> (u32, u32) {
    (prefix.network().to_bits(), prefix.broadcast().to_bits())
}

/// Sorts ranges and joins those that meet.
pub(super) fn merge(mut ranges: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    ranges.sort_unstable();
    let mut merged = Vec::<(u32, u32)>::new();
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(open) if first <= open.1.saturating_add(1) => open.1 = open.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged
}

/// The prefixes that make up ranges.
pub(super) fn prefixes(ranges: &[(u32, u32)]) -> Vec<Prefix> {
    ranges
        .iter()
        .flat_map(|&(first, last)| {
            ipnet::Ipv4Subnets::new(Ipv4Addr::from_bits(first), Ipv4Addr::from_bits(last), 0)
        })
        .collect()
}

#[cfg(test)]
mod tests;
