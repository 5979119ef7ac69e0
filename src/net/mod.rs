//! Addresses, prefixes, port ranges, protocols and flows: plain network arithmetic.
//!
//! Nothing here knows Azure; a reader of `net` learns what a flow is and no more. IPv4 only, as the
//! spec language's first version is.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use ipnet::Ipv4Net as Prefix;

/// The protocol of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Transmission Control Protocol.
    Tcp,
    /// User Datagram Protocol.
    Udp,
    /// Internet Control Message Protocol; has no ports.
    Icmp,
    /// IPsec Encapsulating Security Payload; has no ports.
    Esp,
    /// IPsec Authentication Header; has no ports.
    Ah,
}

impl Protocol {
    /// The protocol's number in the IPv4 header.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Protocol::Icmp => 1,
            Protocol::Tcp => 6,
            Protocol::Udp => 17,
            Protocol::Esp => 50,
            Protocol::Ah => 51,
        }
    }

    /// Whether flows of the protocol carry ports.
    #[must_use]
    pub fn has_ports(self) -> bool {
        matches!(self, Protocol::Tcp | Protocol::Udp)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Icmp => "icmp",
            Protocol::Esp => "esp",
            Protocol::Ah => "ah",
        })
    }
}

/// An inclusive range of ports, 0 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    /// The first port of the range.
    pub first: u16,
    /// The last port of the range, not below `first`.
    pub last: u16,
}

impl PortRange {
    /// Every port.
    pub const ANY: PortRange = PortRange {
        first: 0,
        last: u16::MAX,
    };

    /// The range that holds one port.
    #[must_use]
    pub fn single(port: u16) -> PortRange {
        PortRange {
            first: port,
            last: port,
        }
    }

    /// Whether `port` lies in the range.
    #[must_use]
    pub fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

/// Text that is not a port range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a port or a port range")]
pub struct PortRangeError {
    /// What was read.
    pub text: String,
}

impl FromStr for PortRange {
    type Err = PortRangeError;

    /// Reads `80` or `8000-8999`.
    fn from_str(text: &str) -> Result<PortRange, PortRangeError> {
        let error = || PortRangeError {
            text: text.to_owned(),
        };
        let number = |part: &str| {
            let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            digits
                .then(|| part.parse::<u16>().ok())
                .flatten()
                .ok_or_else(error)
        };
        let (first, last) = match text.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(text)?, number(text)?),
        };
        if first > last {
            Err(error())
        } else {
            Ok(PortRange { first, last })
        }
    }
}

/// One five-tuple. Ports are 0 where the protocol has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flow {
    /// The protocol.
    pub protocol: Protocol,
    /// The source address.
    pub src: Ipv4Addr,
    /// The source port.
    pub src_port: u16,
    /// The destination address.
    pub dst: Ipv4Addr,
    /// The destination port.
    pub dst_port: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_ranges_read_and_print_the_same_text() {
        for text in ["80", "0", "65535", "8000-8999"] {
            assert_eq!(
                text.parse::<PortRange>().map(|r| r.to_string()),
                Ok(text.to_owned())
            );
        }
    }

    #[test]
    fn port_ranges_refuse_what_azure_refuses() {
        for text in ["", "any", "80,443", "65536", "90-80", "-1", "+80", " 80"] {
            assert!(text.parse::<PortRange>().is_err(), "{text}");
        }
    }
}
