//! Writes under way: what a resource was before, until the network carries what it shall be.
//!
//! A resource that is being written stands in the store as written. If the network cannot carry it, it
//! goes back to its base, the last version that was carried; never to a version of another write that
//! is itself under way, and not at all once a later write or a deletion has taken its place.

use std::collections::BTreeMap;

use crate::arm::{Resource, ResourceId};

use super::fabric::EndpointId;
use super::network::Holdings;
use super::providers;
use super::store::Store;

/// A write under way.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    /// The operation of the latest write.
    operation: String,
    /// What the resource goes back to.
    pub(super) base: Version,
}

/// A resource with everything that changes with it.
#[derive(Debug, Clone, Default)]
pub(super) struct Version {
    /// The resource; `None` where there is none.
    pub(super) resource: Option<Resource>,
    /// Its addresses.
    pub(super) holdings: Holdings,
    /// Other resources that a write of this one changes: the far sides of peerings.
    pub(super) others: Vec<Resource>,
}

impl Store {
    /// A resource as it stands, with what it holds.
    pub(super) fn version(&self, id: &ResourceId) -> Version {
        Version {
            resource: self.resources.get(id).cloned(),
            holdings: self.leases.holdings(id),
            others: Vec::new(),
        }
    }

    /// Notes a write; `before` is what the resource was.
    pub(super) fn write_begins(&mut self, id: &ResourceId, operation: &str, before: Version) {
        match self.pending.get_mut(id) {
            None => {
                let pending = Pending {
                    operation: operation.to_owned(),
                    base: before,
                };
                self.pending.insert(id.clone(), pending);
            }
            Some(pending) => {
                operation.clone_into(&mut pending.operation);
                let known = pending.base.others.iter().map(|other| other.id.clone());
                let known = known.collect::<Vec<_>>();
                let new = before.others.into_iter();
                let new = new.filter(|other| !known.contains(&other.id));
                pending.base.others.extend(new);
            }
        }
    }

    /// Ends a write that the network carries; `written` is what it wrote.
    pub(super) fn write_succeeds(&mut self, id: &ResourceId, operation: &str, written: Version) {
        match self.pending.get_mut(id) {
            Some(pending) if pending.operation == operation => {
                self.pending.remove(id);
                self.settle(id, "Succeeded");
            }
            // A later write is under way, and falls back to this one.
            Some(pending) => {
                let others = std::mem::take(&mut pending.base.others);
                pending.base = Version { others, ..written };
                if let Some(resource) = &mut pending.base.resource {
                    super::store::settle_resource(resource, "Succeeded");
                }
            }
            // Deleted meanwhile.
            None => {}
        }
    }

    /// Takes a write back that the network cannot carry: a resource that was there before is as it
    /// was, a new one is `Failed` and holds nothing. Returns the endpoints that went.
    pub(super) fn write_fails(&mut self, id: &ResourceId, operation: &str) -> Vec<EndpointId> {
        let latest = self.pending.get(id);
        if latest.is_none_or(|pending| pending.operation != operation) {
            return Vec::new();
        }
        let Some(Pending { base, .. }) = self.pending.remove(id) else {
            return Vec::new();
        };
        for other in base.others {
            if !self.pending.contains_key(&other.id) && self.resources.contains_key(&other.id) {
                self.resources.insert(other.id.clone(), other);
            }
        }
        match base.resource {
            Some(resource) => {
                self.resources.insert(id.clone(), resource);
                let gone = self.leases.restore(id, base.holdings);
                if let Some(cluster) = self.clusters.get_mut(id) {
                    cluster.forget(&gone);
                }
                gone
            }
            None => {
                let gone = providers::release(self, id);
                self.settle(id, "Failed");
                gone
            }
        }
    }
}

/// Writes under way, by resource.
pub(super) type Writes = BTreeMap<ResourceId, Pending>;
