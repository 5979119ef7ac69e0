//! Address prefixes: `parseCidr()`, `cidrSubnet()`, `cidrHost()`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde_json::{Map, Value};

use super::{Arguments, Body, Fault, Row};

pub(super) const FUNCTIONS: &[Row] = &[
    ("cidrHost", 2, Some(2), Body::Eager(cidr_host)),
    ("cidrSubnet", 3, Some(3), Body::Eager(cidr_subnet)),
    ("parseCidr", 1, Some(1), Body::Eager(parse_cidr)),
];

fn network(arguments: &Arguments) -> Result<IpNet, Fault> {
    let text = arguments.text(0)?;
    text.parse::<IpNet>().map(|net| net.trunc()).map_err(|_| {
        arguments.invalid(format!(
            "the value '{text}' is not a valid CIDR address prefix."
        ))
    })
}

/// The address as a number, and back in the family of `like`.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

fn address(number: u128, like: &IpNet) -> IpAddr {
    match like {
        // The callers stay within the network, so the upper bits are zero.
        IpNet::V4(_) => IpAddr::V4(Ipv4Addr::from(number as u32)),
        IpNet::V6(_) => IpAddr::V6(Ipv6Addr::from(number)),
    }
}

/// The first and the last address that a host may have. An IPv6 network has no broadcast address and
/// its first address is usable; a network of one or two addresses has no others to set aside.
fn usable(net: &IpNet) -> (IpAddr, IpAddr) {
    let (first, last) = (number(net.network()), number(net.broadcast()));
    match net {
        IpNet::V4(_) if last - first > 1 => (address(first + 1, net), address(last - 1, net)),
        _ => (net.network(), net.broadcast()),
    }
}

fn parse_cidr(arguments: &Arguments) -> Result<Value, Fault> {
    let net = network(arguments)?;
    let (first, last) = usable(&net);
    let mut parsed = Map::new();
    let mut put = |name: &str, value: String| {
        parsed.insert(name.to_owned(), value.into());
    };
    put("network", net.network().to_string());
    put("netmask", net.netmask().to_string());
    if let IpNet::V4(net) = net {
        put("broadcast", net.broadcast().to_string());
    }
    put("firstUsable", first.to_string());
    put("lastUsable", last.to_string());
    parsed.insert("cidr".to_owned(), net.prefix_len().into());
    Ok(parsed.into())
}

fn cidr_subnet(arguments: &Arguments) -> Result<Value, Fault> {
    let net = network(arguments)?;
    let (length, index) = (arguments.integer(1)?, arguments.integer(2)?);
    let length = u8::try_from(length)
        .ok()
        .filter(|length| (net.prefix_len()..=net.max_prefix_len()).contains(length))
        .ok_or_else(|| {
            arguments.invalid(format!(
                "the new prefix length '{length}' must be {} to {}.",
                net.prefix_len(),
                net.max_prefix_len()
            ))
        })?;
    let invalid = || arguments.invalid(format!("the subnet index '{index}' is out of range."));
    let index = u128::try_from(index).map_err(|_| invalid())?;
    let added = u32::from(length - net.prefix_len());
    if added < 128 && index >> added != 0 {
        return Err(invalid());
    }
    let shift = u32::from(net.max_prefix_len() - length);
    // A shift of the full width happens only for index 0.
    let offset = index.checked_shl(shift).unwrap_or(0);
    let start = address(number(net.network()) + offset, &net);
    Ok(format!("{start}/{length}").into())
}

fn cidr_host(arguments: &Arguments) -> Result<Value, Fault> {
    let net = network(arguments)?;
    let index = arguments.integer(1)?;
    let single = number(net.network()) == number(net.broadcast());
    // Index 0 is the address after the network's own, in both families.
    let first = number(net.network()) + u128::from(!single);
    let last = number(usable(&net).1);
    let host = u128::try_from(index)
        .ok()
        .and_then(|index| first.checked_add(index))
        .filter(|host| *host <= last);
    match host {
        Some(host) => Ok(address(host, &net).to_string().into()),
        None => Err(arguments.invalid(format!("the host index '{index}' is out of range."))),
    }
}
