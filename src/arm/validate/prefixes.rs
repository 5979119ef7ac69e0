//! Address prefixes as Azure reads them, in both families.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use crate::arm::AzureError;
use crate::arm::views::View;

use super::is_known;

/// R30: ranges that no virtual network may contain.
const NOT_ALLOWED: [&str; 5] = [
    "224.0.0.0/4",
    "255.255.255.255/32",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "168.63.129.16/32",
];

/// The prefixes of a virtual network or a subnet, from the singular and the plural member.
pub(super) fn read(view: &View<'_>, members: &[&str]) -> Result<Vec<IpNet>, AzureError> {
    view.texts(members)
        .into_iter()
        .filter(|(_, text)| is_known(text))
        .map(|(_, text)| one(&text, view))
        .collect()
}

/// R27: a prefix has a length, and no bits beyond it.
fn one(text: &str, view: &View<'_>) -> Result<IpNet, AzureError> {
    let prefix = text.parse::<IpNet>().map_err(|_| {
        AzureError::new(
            "InvalidAddressPrefixFormat",
            format!(
                "Address prefix {text} of resource {} is not formatted correctly. It should follow CIDR notation, for example 10.0.0.0/24.",
                view.resource
            ),
        )
    })?;
    if prefix.trunc() != prefix {
        return Err(AzureError::new(
            "InvalidCIDRNotation",
            format!(
                "The address prefix {text} in resource {} has an invalid CIDR notation. For the given prefix length, the address prefix should be {}.",
                view.resource,
                prefix.trunc()
            ),
        ));
    }
    Ok(prefix)
}

/// R30: the range of `prefix` that is not allowed, if there is one.
pub(super) fn not_allowed(prefix: &IpNet) -> Option<&'static str> {
    overlapping_one_of(prefix, &NOT_ALLOWED)
}

/// The first of the ranges that the prefix overlaps.
pub(super) fn overlapping_one_of(prefix: &IpNet, ranges: &[&'static str]) -> Option<&'static str> {
    ranges.iter().copied().find(|range| {
        range
            .parse::<Ipv4Net>()
            .is_ok_and(|range| overlap(prefix, &IpNet::V4(range)))
    })
}

/// Whether two prefixes share an address: one of them then contains the other.
pub(super) fn overlap(a: &IpNet, b: &IpNet) -> bool {
    a.contains(b) || b.contains(a)
}

/// The first two prefixes of a list that overlap.
pub(super) fn first_overlap(prefixes: &[IpNet]) -> Option<(&IpNet, &IpNet)> {
    // In this order a prefix comes right before those that it contains, and what lies between it and
    // one that it contains is contained, too.
    let mut sorted = prefixes.iter().collect::<Vec<_>>();
    sorted.sort_by_key(|prefix| (prefix.addr(), prefix.prefix_len()));
    sorted
        .windows(2)
        .find(|pair| overlap(pair[0], pair[1]))
        .map(|pair| (pair[0], pair[1]))
}

/// Whether the text is an address without a prefix length.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}
