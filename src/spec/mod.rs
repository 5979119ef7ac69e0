//! The author's words: YAML text to [`Spec`], with a source span on every value.
//!
//! ```text
//! text --yaml, include, matrix, substitution--> document --decode--> Spec        (short forms: sentence)
//! ```
//!
//! Findings are [`Diagnostic`] values with stable [`codes`], and [`render`] shows them. [`parse`] reports all
//! findings on the shape of a file at once; `topology::load` reports those on its names and its network with
//! them, so a spec is read as far as it can be. What the language has and this tool does not have yet is
//! refused by name, never ignored. Azure's words do not live here, and names are bound in `topology`.

#![expect(
    clippy::result_large_err,
    reason = "a finding ends a pass: its size costs nothing where it matters"
)]

mod change;
pub mod codes;
mod decode;
mod diagnostic;
mod document;
mod explain;
mod format;
mod hidden;
mod include;
mod language;
mod matrix;
mod model;
mod name;
mod parameters;
mod place;
mod reference;
mod render;
mod schema;
mod secret;
mod sentence;
mod settings;
mod span;
mod substitution;
mod text;
mod tree;
mod with;
mod yaml;

pub use diagnostic::{Diagnostic, Label, Severity};
pub use document::{Document, parse};
pub use explain::explain;
pub use format::{FormatError, format, lengthen};
pub use model::{
    Access, Budget, Change, Claim, Cleanup, Cluster, ClusterNetwork, Dataplane, Egress,
    ExpectedSource, Hop, Host, Invariant, Kind, Lifecycle, Listen, ListenScheme, Nat, Network,
    NetworkPolicy, NetworkSecurityGroup, Passing, Peering, Piece, Plane, Probe, ProbeConnection,
    ProbeExpectation, Quantifier, Reference, Registry, Restart, Route, RoutePrefix, RouteTable,
    Scheme, Secret, SecretSource, SecretText, SecurityRule, Set, Side, Spec, Spread, Statement,
    Step, StepAction, Subnet, Term, VirtualNetwork, Workload, WorkloadPlacement,
};
pub use name::{Name, NameError};
pub use reference::key_reference;
pub use render::render;
pub use schema::json_schema;
pub use settings::Settings;
pub use span::{Source, Sources, Span, Spanned};

pub(crate) use diagnostic::{list, nearest, suggestion};
pub(crate) use document::Progress;
pub(crate) use model::Unread;
