//! What a document names although it could not be read: a reference to it is not a second mistake.

use super::tree::{Node, Value};
use super::{Kind, Name, Network, Reference};
use crate::verdict::{Direction, RulePattern};

/// Sections that are not supported yet; what they declare may be named like anything else.
const LATER: [&str; 2] = ["asgs", "externals"];

impl Network {
    /// Whether `reference`, which names nothing that was read, may name something that could not be read.
    pub(crate) fn hides(&self, reference: &Reference, kinds: &[Kind]) -> bool {
        let name = &reference.name;
        let later = reference.kind.is_none() && reference.parent.is_none();
        self.may_lack_anything()
            || (later && LATER.iter().any(|key| holds(&self.document, key, name)))
            || kinds.iter().any(|kind| {
                if reference.kind.is_some_and(|named| named != *kind) {
                    return false;
                }
                match (kind, &reference.parent) {
                    (Kind::Subnet, parent) => self.hides_subnet(parent.as_ref(), name),
                    (_, Some(_)) => false,
                    (Kind::Vnet, None) => self.hides_vnet(name),
                    (Kind::Nsg, None) => holds(&self.document, "nsgs", name),
                    (Kind::Cluster, None) => holds(&self.document, "clusters", name),
                    (Kind::Workload, None) => holds(&self.document, "workloads", name),
                    (Kind::Route, None) => holds(&self.document, "routes", name),
                    (Kind::Peering, None) => holds(&self.document, "peerings", name),
                    (Kind::Asg | Kind::External, None) => false,
                }
            })
    }

    /// Whether a virtual network that was not read may be in the document.
    pub(crate) fn hides_vnet(&self, name: &Name) -> bool {
        self.may_lack_anything() || holds(&self.document, "vnets", name)
    }

    /// Whether a subnet that was not read may be in the document.
    pub(crate) fn hides_subnet(&self, vnet: Option<&Name>, name: &Name) -> bool {
        let holds = |node: &Node| holds(node, "subnets", name);
        self.may_lack_anything() || inside(&self.document, "vnets", vnet.map(Name::as_str), &holds)
    }

    /// Whether a probe that was not read may be in the document.
    pub(crate) fn hides_probe(&self, name: &str) -> bool {
        self.may_lack_anything() || holds(&self.document, "probes", name)
    }

    /// Whether an invariant that was not read may be in the document.
    pub(crate) fn hides_invariant(&self, name: &str) -> bool {
        self.may_lack_anything() || holds(&self.document, "invariants", name)
    }

    /// Whether a network security group that was not read may be in the document.
    pub(crate) fn hides_group(&self, name: &str) -> bool {
        self.may_lack_anything() || holds(&self.document, "nsgs", name)
    }

    /// Whether a route table that was not read may be in the document.
    pub(crate) fn hides_table(&self, name: &str) -> bool {
        self.may_lack_anything() || holds(&self.document, "routes", name)
    }

    /// Whether a route that was not read, or its table, may be in the document.
    pub(crate) fn hides_route(&self, table: Option<&str>, name: &str) -> bool {
        let route = |node: &Node| match &node.value {
            Value::Map(entries) => entries.iter().any(|entry| entry.key.text == name),
            _ => true,
        };
        self.may_lack_anything() || inside(&self.document, "routes", table, &route)
    }

    /// Whether a peering that was not read may be in the document.
    pub(crate) fn hides_peering(&self, name: &str) -> bool {
        self.may_lack_anything() || holds(&self.document, "peerings", name)
    }

    /// Whether a rule that was not read, or its group, may be in the document.
    pub(crate) fn hides_rule(&self, pattern: &RulePattern) -> bool {
        let directions = [
            ("inbound", Direction::Inbound),
            ("outbound", Direction::Outbound),
        ];
        let rule = |nsg: &Node| {
            directions.iter().any(|(key, direction)| {
                pattern.direction.is_none_or(|wanted| wanted == *direction)
                    && holds(nsg, key, &pattern.rule)
            })
        };
        self.may_lack_anything() || inside(&self.document, "nsgs", pattern.nsg.as_deref(), &rule)
    }

    /// Whether names may come from where nothing is read: a change that failed, or another file.
    fn may_lack_anything(&self) -> bool {
        self.unsure || self.document.get("include").is_some()
    }
}

/// Whether the map `section` of `node` has the key `name`, or cannot be read.
fn holds(node: &Node, section: &str, name: impl AsRef<str>) -> bool {
    let Value::Map(_) = node.value else {
        return true;
    };
    match node.get(section).map(|node| &node.value) {
        None => false,
        Some(Value::Map(entries)) => {
            let same = |key: &str| key.eq_ignore_ascii_case(name.as_ref());
            entries.iter().any(|entry| same(&entry.key.text))
        }
        Some(_) => true,
    }
}

/// Whether `holds` is true of an entry of the map `section` (of the one named, if one is), or it cannot be read.
fn inside(
    document: &Node,
    section: &str,
    named: Option<&str>,
    holds: &dyn Fn(&Node) -> bool,
) -> bool {
    match document.get(section).map(|node| &node.value) {
        None => false,
        Some(Value::Map(entries)) => entries
            .iter()
            .any(|entry| named.is_none_or(|name| entry.key.text == name) && holds(&entry.value)),
        Some(_) => true,
    }
}
