//! The pods of a cluster as objects with resource versions, and the record of their changes.

use serde_json::{Value, json};

use super::Cluster;

/// A change, as a watch reports it.
#[derive(Clone)]
pub(in crate::emulator) struct Event {
    /// `ADDED`, `MODIFIED` or `DELETED`.
    pub(super) kind: &'static str,
    /// The object after the change.
    pub(super) object: Value,
}

type Key = (String, String);

impl Cluster {
    /// The resource version of the latest change.
    pub(super) fn version(&self) -> u64 {
        u64::try_from(self.events.len()).unwrap_or(u64::MAX)
    }

    /// Stores a pod, new or changed.
    pub(super) fn put(&mut self, key: Key, mut pod: Value) -> Value {
        let kind = if self.pods.contains_key(&key) {
            "MODIFIED"
        } else {
            "ADDED"
        };
        self.record(kind, &mut pod);
        self.pods.insert(key, pod.clone());
        pod
    }

    /// Removes a pod; what it was.
    pub(super) fn remove(&mut self, key: &Key) -> Option<Value> {
        let mut pod = self.pods.remove(key)?;
        pod["metadata"]["deletionTimestamp"] = json!(jiff::Timestamp::now().to_string());
        pod["metadata"]["deletionGracePeriodSeconds"] = json!(0);
        self.record("DELETED", &mut pod);
        Some(pod)
    }

    fn record(&mut self, kind: &'static str, object: &mut Value) {
        let version = self.version() + 1;
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        self.events.push(Event {
            kind,
            object: object.clone(),
        });
        self.changed.send_replace(version);
    }

    /// The changes after a resource version.
    pub(super) fn since(&self, version: u64) -> &[Event] {
        let skipped = usize::try_from(version).unwrap_or(usize::MAX);
        self.events.get(skipped..).unwrap_or_default()
    }

    /// Tells when there are more changes.
    pub(super) fn subscribe(&self) -> tokio::sync::watch::Receiver<u64> {
        self.changed.subscribe()
    }
}
