use std::net::Ipv4Addr;

use crate::arm::{Resource, ResourceId};
use crate::net::{PortRange, Prefix, Protocol};
use crate::verdict::Direction;

use super::view::{View, untold};
use super::{NETWORK_SECURITY_GROUP, SECURITY_RULE, ViewError, all, join};

/// A network security group with its custom rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSecurityGroup {
    /// The id.
    pub id: ResourceId,
    /// The custom rules, as listed: inline ones and child resources.
    pub rules: Vec<SecurityRule>,
    /// The default rules, where the resource carries them (a template does not, Azure's answer does).
    pub default_rules: Vec<SecurityRule>,
    /// Whether flows that exist are judged again when rules change (R12).
    pub flush_connection: bool,
}

/// A security rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityRule {
    /// The name.
    pub name: String,
    /// The direction.
    pub direction: Direction,
    /// The priority; the lowest is tried first.
    pub priority: u16,
    /// What it does.
    pub access: Access,
    /// The protocol; `None` is `*`.
    pub protocol: Option<Protocol>,
    /// The source.
    pub source: AddressMatch,
    /// The source ports.
    pub source_ports: Vec<PortRange>,
    /// The destination.
    pub destination: AddressMatch,
    /// The destination ports.
    pub destination_ports: Vec<PortRange>,
}

/// What a rule does with what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Lets it pass.
    Allow,
    /// Drops it.
    Deny,
}

/// One side of a security rule: any of the listed terms matches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressMatch {
    /// Addresses and tags.
    pub terms: Vec<AddressTerm>,
    /// Application security groups.
    pub asgs: Vec<ResourceId>,
}

/// An address term of a security rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressTerm {
    /// `*`, or a prefix of length 0.
    Any,
    /// A prefix; a bare address is a /32.
    Prefix(Prefix),
    /// A service tag, as spelt.
    Tag(String),
}

impl NetworkSecurityGroup {
    /// Every network security group among `resources`, child rules joined in, in the order of their ids.
    ///
    /// # Errors
    /// The first value that cannot be read.
    pub fn all(resources: &[Resource]) -> Result<Vec<NetworkSecurityGroup>, ViewError> {
        let mut groups = all(
            resources,
            NETWORK_SECURITY_GROUP,
            NetworkSecurityGroup::read,
        )?;
        join(
            &mut groups,
            |group| &group.id,
            resources,
            SECURITY_RULE,
            |group, id, view| {
                let rule = SecurityRule::read(id.name().to_owned(), view)?;
                group
                    .rules
                    .retain(|other| !other.name.eq_ignore_ascii_case(&rule.name));
                group.rules.push(rule);
                Ok(())
            },
        )?;
        Ok(groups)
    }

    fn read(id: &ResourceId, view: &View<'_>) -> Result<NetworkSecurityGroup, ViewError> {
        let rules = |list: &str| {
            view.items(list)
                .iter()
                .map(|item| {
                    SecurityRule::read(item.required_text("name")?, &item.object("properties"))
                })
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(NetworkSecurityGroup {
            id: id.clone(),
            rules: rules("securityRules")?,
            default_rules: rules("defaultSecurityRules")?,
            flush_connection: view.flag("flushConnection")?.unwrap_or(false),
        })
    }
}

impl SecurityRule {
    fn read(name: String, view: &View<'_>) -> Result<SecurityRule, ViewError> {
        let direction = match view
            .required_text("direction")?
            .to_ascii_lowercase()
            .as_str()
        {
            "inbound" => Direction::Inbound,
            "outbound" => Direction::Outbound,
            other => return Err(view.error("direction", format!("`{other}` is not a direction"))),
        };
        let access = match view.required_text("access")?.to_ascii_lowercase().as_str() {
            "allow" => Access::Allow,
            "deny" => Access::Deny,
            other => return Err(view.error("access", format!("`{other}` is not Allow or Deny"))),
        };
        let protocol = match view
            .required_text("protocol")?
            .to_ascii_lowercase()
            .as_str()
        {
            "*" => None,
            "tcp" => Some(Protocol::Tcp),
            "udp" => Some(Protocol::Udp),
            "icmp" => Some(Protocol::Icmp),
            "esp" => Some(Protocol::Esp),
            "ah" => Some(Protocol::Ah),
            other => return Err(view.error("protocol", format!("`{other}` is not a protocol"))),
        };
        let priority = view
            .number("priority")
            .and_then(|number| u16::try_from(number).ok())
            .ok_or_else(|| view.error("priority", "a priority is a number".to_owned()))?;
        Ok(SecurityRule {
            name,
            direction,
            priority,
            access,
            protocol,
            source: view.addresses("source")?,
            source_ports: view.ports("source")?,
            destination: view.addresses("destination")?,
            destination_ports: view.ports("destination")?,
        })
    }
}

impl View<'_> {
    fn addresses(&self, side: &str) -> Result<AddressMatch, ViewError> {
        let members = [
            format!("{side}AddressPrefix"),
            format!("{side}AddressPrefixes"),
        ];
        let terms = self
            .texts(&[&members[0], &members[1]])
            .into_iter()
            .map(|(member, text)| self.address_term(&member, &text))
            .collect::<Result<_, _>>()?;
        let asgs = self.references(&format!("{side}ApplicationSecurityGroups"))?;
        Ok(AddressMatch { terms, asgs })
    }

    fn address_term(&self, member: &str, text: &str) -> Result<AddressTerm, ViewError> {
        if text == "*" {
            return Ok(AddressTerm::Any);
        }
        if let Ok(prefix) = text.parse::<Prefix>() {
            return Ok(if prefix.prefix_len() == 0 {
                AddressTerm::Any
            } else {
                AddressTerm::Prefix(prefix.trunc())
            });
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(AddressTerm::Prefix(Prefix::from(address)));
        }
        if text.starts_with(|first: char| first.is_ascii_alphabetic()) && !text.contains([':', '/'])
        {
            return Ok(AddressTerm::Tag(text.to_owned()));
        }
        Err(self.error(
            member,
            match untold(text) {
                Some(what) => format!("`{text}` is {what}"),
                None => format!("`{text}` is not an IPv4 address, a prefix or a service tag"),
            },
        ))
    }

    fn ports(&self, side: &str) -> Result<Vec<PortRange>, ViewError> {
        let members = [format!("{side}PortRange"), format!("{side}PortRanges")];
        self.texts(&[&members[0], &members[1]])
            .into_iter()
            .map(|(member, text)| match text.as_str() {
                "*" => Ok(PortRange::ANY),
                text => text
                    .parse()
                    .map_err(|_| self.error(&member, format!("`{text}` is not a port range"))),
            })
            .collect()
    }
}
