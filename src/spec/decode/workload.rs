//! Workloads.

use std::collections::BTreeMap;

use super::fields::{Decoder, Fields};
use crate::spec::language::{REGISTRY, WORKLOAD};
use crate::spec::tree::{Entry, Node, Value};
use crate::spec::{
    Diagnostic, Registry, Restart, Spread, Workload, WorkloadPlacement, codes, sentence,
};

impl Decoder<'_> {
    pub(super) fn workload(&mut self, entry: &Entry) -> Option<Workload> {
        let mut fields = self.fields(&entry.value, entry.key.span, &WORKLOAD)?;
        self.optional(&mut fields, "about", Self::text);
        let placement = self.placement(entry, &fields);
        self.unfitting(&fields);
        let serve = self.many(&mut fields, "serve", |d, node| {
            d.sentence(node, "a listener", sentence::listen)
        });
        let image = self.optional(&mut fields, "image", Self::word);
        let command = self.list(&mut fields, "command", Self::text);
        let env = self.map_of(&mut fields, "env", Self::secret_text);
        let registry = self.optional(&mut fields, "registry", Self::registry);
        let body = self.optional(&mut fields, "body", Self::text);
        let cpu_millis = self.optional(&mut fields, "cpu", |d, node| {
            d.sentence(node, "a number of cores", sentence::cores)
        });
        let memory_mb = self.optional(&mut fields, "memory", |d, node| {
            d.sentence(node, "a size", sentence::memory)
        });
        let dns_servers = self.many(&mut fields, "dns-servers", |d, node| {
            d.sentence(node, "an address", sentence::address)
        });
        let restart = self.optional(&mut fields, "restart", |d, node| {
            d.one_of(
                node,
                &[
                    ("always", Restart::Always),
                    ("on-failure", Restart::OnFailure),
                    ("never", Restart::Never),
                ],
                &[],
            )
        });
        let count = self.optional(&mut fields, "count", |d, node| d.number(node, 1, 1000));
        let spread = self.optional(&mut fields, "spread", |d, node| {
            d.one_of(node, &[("nodes", Spread::Nodes)], &[])
        });
        let host_network = self.optional(&mut fields, "host-network", Self::boolean);
        let azure_name = self.optional(&mut fields, "azure-name", Self::word);
        Some(Workload {
            key: entry.key.span,
            azure_name,
            placement,
            image,
            command,
            env,
            registry,
            serve,
            body,
            cpu_millis,
            memory_mb,
            dns_servers,
            restart,
            count,
            spread,
            host_network,
            unread: fields.unread,
        })
    }

    fn placement(&mut self, entry: &Entry, fields: &Fields<'_>) -> Option<WorkloadPlacement> {
        match (fields.entry("aci"), fields.entry("pod")) {
            (Some(aci), None) => self.reference(&aci.value).map(WorkloadPlacement::Aci),
            (None, Some(pod)) => self.reference(&pod.value).map(WorkloadPlacement::Pod),
            (Some(aci), Some(pod)) => {
                self.found.push(
                    Diagnostic::error(
                        codes::CONTRADICTION,
                        pod.key.span,
                        "a workload is a container group or a pod, not both",
                    )
                    .related(aci.key.span, "the other one"),
                );
                None
            }
            (None, None) => {
                if fields.get("vm").is_none() {
                    self.found.push(
                        Diagnostic::error(
                            codes::MISSING_KEY,
                            entry.key.span,
                            "a workload needs one of the keys `aci` and `pod`",
                        )
                        .help("`aci: SUBNET` is a container group, `pod: CLUSTER` a pod"),
                    );
                }
                None
            }
        }
    }

    /// Keys of the other kind of workload.
    fn unfitting(&mut self, fields: &Fields<'_>) {
        let (kind, keys): (&str, &[&str]) = match (fields.entry("aci"), fields.entry("pod")) {
            (Some(_), None) => ("container group", &["count", "spread", "host-network"]),
            (None, Some(_)) => ("pod", &["dns-servers", "restart"]),
            _ => return,
        };
        for entry in keys.iter().filter_map(|key| fields.entry(key)) {
            let key = &entry.key;
            self.found.push(
                Diagnostic::error(
                    codes::CONTRADICTION,
                    key.span,
                    format!("a {kind} has no `{}`", key.text),
                )
                .help(match kind {
                    "pod" => "it belongs to a container group (`aci`)",
                    _ => "it belongs to a pod (`pod`)",
                }),
            );
        }
    }

    fn registry(&mut self, node: &Node) -> Option<Registry> {
        let mut fields = self.fields(node, node.span, &REGISTRY)?;
        let server = self.optional(&mut fields, "server", Self::word);
        let user = self.required(&mut fields, "user", Self::secret_text);
        let password = self.required(&mut fields, "password", Self::secret_text);
        Some(Registry {
            key: node.span,
            server,
            user,
            password,
        })
    }

    /// A list of values.
    pub(super) fn list<T>(
        &mut self,
        fields: &mut Fields<'_>,
        key: &'static str,
        read: impl FnMut(&mut Self, &Node) -> Option<T>,
    ) -> Vec<T> {
        if let Some(node) = fields.get(key)
            && !matches!(node.value, Value::List(_) | Value::Broken)
        {
            let message = format!("`{key}` is a list");
            self.found
                .push(Diagnostic::error(codes::SHAPE, node.span, message));
            fields.unread.insert(key);
            return Vec::new();
        }
        self.many(fields, key, read)
    }

    /// A map with free keys.
    pub(super) fn map_of<T>(
        &mut self,
        fields: &mut Fields<'_>,
        key: &'static str,
        mut read: impl FnMut(&mut Self, &Node) -> Option<T>,
    ) -> BTreeMap<String, T> {
        self.optional(fields, key, |d, node| {
            let entries = d.map(node, &format!("`{key}`"))?;
            let mut values = BTreeMap::new();
            for entry in entries {
                if let Some(value) = read(d, &entry.value) {
                    values.insert(entry.key.text.clone(), value);
                }
            }
            Some(values)
        })
        .unwrap_or_default()
    }
}
