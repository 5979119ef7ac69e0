//! References to things of the spec, and sets of addresses.

use super::*;

/// A set of addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// The words, as written.
    pub words: Spanned<String>,
    /// What is in it.
    pub terms: Vec<Spanned<Term>>,
    /// Where `except` stands.
    pub except_at: Option<Span>,
    /// What is taken out of it.
    pub except: Vec<Spanned<Term>>,
}

/// A term of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// Every address.
    Any,
    /// A range.
    Prefix(Prefix),
    /// An address.
    Address(Ipv4Addr),
    /// A service tag, as written.
    Tag(String),
    /// A thing of the spec.
    Name(Reference),
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Term::Any => f.write_str("any"),
            Term::Prefix(prefix) => prefix.fmt(f),
            Term::Address(address) => address.fmt(f),
            Term::Tag(tag) => f.write_str(tag),
            Term::Name(reference) => reference.fmt(f),
        }
    }
}

/// A reference to a thing of the spec, not yet bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Its kind, if named.
    pub kind: Option<Kind>,
    /// Its virtual network, if named.
    pub parent: Option<Name>,
    /// Its name.
    pub name: Name,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(kind) = self.kind {
            write!(f, "{kind}/")?;
        }
        if let Some(parent) = &self.parent {
            write!(f, "{parent}/")?;
        }
        self.name.fmt(f)
    }
}

/// The kinds of things that can be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A virtual network.
    Vnet,
    /// A subnet.
    Subnet,
    /// A network security group.
    Nsg,
    /// An application security group.
    Asg,
    /// A cluster.
    Cluster,
    /// A workload.
    Workload,
    /// A host outside.
    External,
    /// A route table.
    Route,
    /// A peering.
    Peering,
}

impl Kind {
    /// Every kind with its word.
    pub const ALL: [(&str, Kind); 9] = [
        ("vnet", Kind::Vnet),
        ("subnet", Kind::Subnet),
        ("nsg", Kind::Nsg),
        ("asg", Kind::Asg),
        ("cluster", Kind::Cluster),
        ("workload", Kind::Workload),
        ("external", Kind::External),
        ("route", Kind::Route),
        ("peering", Kind::Peering),
    ];

    /// The kind that a word names.
    #[must_use]
    pub fn of(word: &str) -> Option<Kind> {
        Kind::ALL
            .into_iter()
            .find(|(kind, _)| *kind == word)
            .map(|(_, kind)| kind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Kind::ALL.into_iter().find(|(_, kind)| kind == self);
        f.write_str(word.map_or("", |(word, _)| word))
    }
}

/// Whom a probe calls, not yet bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Address(Ipv4Addr),
    /// A workload.
    Name(Reference),
    /// A host name.
    Hostname(String),
}
