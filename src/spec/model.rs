//! The typed spec: every value of the author's text in its long form, with the place where it stands.
//!
//! Defaults are not filled in and names are not bound: that is `topology`'s business. Short forms are
//! expanded before they are read, so a value does not tell in which form it was written.
//!
//! A required value is an `Option`, so that a thing is kept although a part of it could not be read. In a
//! spec that [`parse`](super::parse) returns, every one of them is there and no `unread` holds a key.

mod document;
mod experiment;
mod name;
mod network;
mod workload;

pub use document::{
    Budget, Cleanup, Lifecycle, Network, Piece, Plane, Secret, SecretSource, SecretText, Spec,
};
pub use experiment::{
    Change, Claim, ExpectedSource, Invariant, Passing, Probe, ProbeConnection, ProbeExpectation,
    Quantifier, Scheme, Statement, Step, StepAction,
};
pub use name::{Host, Kind, Reference, Set, Term};
pub use network::{
    Access, Hop, Nat, NetworkSecurityGroup, Peering, Route, RoutePrefix, RouteTable, SecurityRule,
    Side, Subnet, VirtualNetwork,
};
pub use workload::{
    Cluster, ClusterNetwork, Dataplane, Egress, Listen, ListenScheme, NetworkPolicy, Registry,
    Restart, Spread, Workload, WorkloadPlacement,
};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use super::tree::{Node, Text};
use super::{Name, Span, Spanned};
use crate::net::{PortRange, Prefix, Protocol};
use crate::verdict::{Answer, BodyMatch, ByPattern, Direction};

/// The keys of a thing whose values, or parts of them, could not be read, which is reported.
pub(crate) type Unread = BTreeSet<&'static str>;
