//! Virtual networks, network security groups, clusters, workloads and probes.

use std::collections::BTreeMap;

use super::fields::{Decoder, one_or_many};
use super::{Place, expand};
use crate::spec::language::{CLUSTER, NSG, PROBE, RULE, SUBNET, VNET, WORKLOAD};
use crate::spec::tree::{Entry, Node, Value};
use crate::spec::{
    Cluster, ClusterNetwork, Diagnostic, Kind, Name, Network, NetworkSecurityGroup, Probe,
    SecurityRule, Set, Side, Span, Spanned, Subnet, Term, VirtualNetwork, Workload,
    WorkloadPlacement, codes, sentence,
};
use crate::verdict::Direction;

impl Decoder<'_> {
    /// The things that can be deployed and probed.
    pub(super) fn network(&mut self, document: &Node) -> Network {
        Network {
            peerings: BTreeMap::new(),
            routes: BTreeMap::new(),
            invariants: BTreeMap::new(),
            vnets: self.things(document, "vnets", true, Self::vnet),
            nsgs: self.things(document, "nsgs", true, Self::nsg),
            clusters: self.things(document, "clusters", false, Self::cluster),
            workloads: self.things(document, "workloads", true, Self::workload),
            probes: self.things(document, "probes", false, Self::probe),
            document: document.clone(),
            unsure: false,
        }
    }

    fn things<T>(
        &mut self,
        document: &Node,
        section: &str,
        not_kinds: bool,
        read: impl Fn(&mut Self, &Entry) -> Option<T>,
    ) -> BTreeMap<Name, T> {
        let mut things = BTreeMap::new();
        let Some(node) = document.get(section) else {
            return things;
        };
        for (name, entry) in self.named(node, &format!("`{section}`")) {
            if not_kinds && Kind::of(name.as_str()).is_some() {
                self.found.push(Diagnostic::error(
                    codes::NAME,
                    entry.key.span,
                    format!("`{name}` is a kind of thing and cannot be a name in `{section}`"),
                ));
            }
            if let Some(thing) = read(self, entry) {
                things.insert(name, thing);
            }
        }
        things
    }

    fn vnet(&mut self, entry: &Entry) -> Option<VirtualNetwork> {
        let mut fields = self.fields(&entry.value, entry.key.span, &VNET)?;
        self.optional(&mut fields, "about", Self::text);
        let mut subnets = BTreeMap::new();
        if let Some(node) = fields.get("subnets") {
            for (name, entry) in self.named(node, "`subnets`") {
                if let Some(subnet) = self.subnet(entry) {
                    subnets.insert(name, subnet);
                }
            }
        }
        let azure_name = self.optional(&mut fields, "azure-name", Self::word);
        self.required(&mut fields, "space", |d, node| {
            if one_or_many(node).is_empty() {
                let message = "a virtual network has at least one range";
                d.found
                    .push(Diagnostic::error(codes::VALUE, node.span, message));
                return None;
            }
            Some(())
        });
        let space = self.many(&mut fields, "space", Self::prefix);
        Some(VirtualNetwork {
            dns_servers: Vec::new(),
            location: None,
            key: entry.key.span,
            azure_name,
            space,
            subnets,
            unread: fields.unread,
        })
    }

    /// The long form of a node that may be in its short one.
    fn long(&mut self, node: &Node, place: Place) -> Option<Node> {
        let mut node = node.clone();
        self.report(expand(&mut node, place))?;
        Some(node)
    }

    fn subnet(&mut self, entry: &Entry) -> Option<Subnet> {
        let node = self.long(&entry.value, Place::Subnet)?;
        let mut fields = self.fields(&node, entry.key.span, &SUBNET)?;
        self.optional(&mut fields, "about", Self::text);
        let nsg = self.optional(&mut fields, "nsg", Self::reference);
        let default_outbound = self.optional(&mut fields, "default-outbound", Self::boolean);
        let prefix = self.required(&mut fields, "prefix", Self::prefix);
        Some(Subnet {
            routes: None,
            nat: None,
            endpoints: Vec::new(),
            delegation: None,
            unread: fields.unread,
            key: entry.key.span,
            prefix,
            nsg,
            default_outbound,
        })
    }

    fn nsg(&mut self, entry: &Entry) -> Option<NetworkSecurityGroup> {
        let mut fields = self.fields(&entry.value, entry.key.span, &NSG)?;
        self.optional(&mut fields, "about", Self::text);
        let mut rules = Vec::new();
        for (key, direction) in [
            ("inbound", Direction::Inbound),
            ("outbound", Direction::Outbound),
        ] {
            let Some(node) = fields.get(key) else {
                continue;
            };
            for (name, entry) in self.named(node, &format!("`{key}`")) {
                rules.extend(self.rule(name, entry, direction));
            }
        }
        let azure_name = self.optional(&mut fields, "azure-name", Self::word);
        let flush = self.optional(&mut fields, "flush-connections", Self::boolean);
        Some(NetworkSecurityGroup {
            key: entry.key.span,
            azure_name,
            rules,
            flush_connections: flush,
            unread: fields.unread,
        })
    }

    fn rule(&mut self, name: Name, entry: &Entry, direction: Direction) -> Option<SecurityRule> {
        let key = entry.key.span;
        let node = self.long(&entry.value, Place::Rule)?;
        let mut fields = self.fields(&node, key, &RULE)?;
        self.optional(&mut fields, "about", Self::text);
        let priority = self.required(&mut fields, "priority", |d, node| {
            d.number(node, 0, u32::MAX)
        });
        let access = self.required(&mut fields, "access", |d, node| {
            d.sentence(node, "`allow` or `deny`", sentence::access)
        });
        let protocol = self.optional(&mut fields, "protocol", |d, node| {
            d.sentence(node, "a protocol", sentence::protocol)
        });
        let [from, to] = [("from", "from-ports"), ("to", "to-ports")].map(|(set, ports)| {
            let set = match fields.get(set) {
                Some(node) => self
                    .sentence(node, "a set", sentence::set)
                    .map(|set| set.value),
                None => Some(any(key)),
            };
            let ports = self.optional(&mut fields, ports, |d, node| {
                d.sentence(node, "ports", sentence::ports)
            });
            let ports = ports.unwrap_or(Spanned {
                value: Vec::new(),
                span: key,
            });
            Side { set, ports }
        });
        // A rule on one line is shown whole; of a longer one, its name.
        let whole = entry.value.span;
        let span = match &entry.value.value {
            Value::Text(_) if whole.start > key.end => Span {
                start: key.start,
                end: whole.end,
            },
            _ => key,
        };
        Some(SecurityRule {
            name: Spanned {
                value: name,
                span: key,
            },
            span,
            direction,
            priority,
            access: access.map(|access| access.value),
            protocol: protocol.and_then(|protocol| {
                protocol.value.map(|value| Spanned {
                    value,
                    span: protocol.span,
                })
            }),
            from,
            to,
        })
    }

    fn cluster(&mut self, entry: &Entry) -> Option<Cluster> {
        let mut fields = self.fields(&entry.value, entry.key.span, &CLUSTER)?;
        self.optional(&mut fields, "about", Self::text);
        let words = [
            ("kubenet", ClusterNetwork::Kubenet),
            ("node-subnet", ClusterNetwork::NodeSubnet),
        ];
        let network = match fields.get("network") {
            Some(node) => self.one_of(node, &words, &["overlay", "pod-subnet"]),
            None => {
                let diagnostic = Diagnostic::error(
                    codes::VALUE_NOT_YET,
                    entry.key.span,
                    "`network: overlay`, the default, is not supported yet",
                );
                self.found
                    .push(diagnostic.help("give the key `network`: `kubenet` or `node-subnet`"));
                None
            }
        };
        let cluster_subnet = self.required(&mut fields, "subnet", Self::reference);
        let pods = self.optional(&mut fields, "pods", Self::prefix);
        let services = self.optional(&mut fields, "services", Self::prefix);
        let dns_ip = self.optional(&mut fields, "dns-ip", |d, node| {
            d.sentence(node, "an address", sentence::address)
        });
        let nodes = self.optional(&mut fields, "nodes", |d, node| d.number(node, 1, 5000));
        let max_pods = self.optional(&mut fields, "max-pods", |d, node| d.number(node, 10, 250));
        let size = self.optional(&mut fields, "size", Self::word);
        let version = self.optional(&mut fields, "version", Self::word);
        let azure_name = self.optional(&mut fields, "azure-name", Self::word);
        if let (Some(network), Some(pods)) = (&network, &pods)
            && network.value == ClusterNetwork::NodeSubnet
        {
            self.found.push(
                Diagnostic::error(
                    codes::CONTRADICTION,
                    pods.span,
                    "`pods` has no meaning with `network: node-subnet`",
                )
                .related(network.span, "pods take addresses of the nodes' subnet"),
            );
        }
        Some(Cluster {
            pod_subnet: None,
            policy: None,
            dataplane: None,
            egress: None,
            identity: None,
            key: entry.key.span,
            azure_name,
            network,
            subnet: cluster_subnet,
            pods,
            services,
            dns_ip,
            nodes,
            size,
            version,
            max_pods,
            unread: fields.unread,
        })
    }

    fn workload(&mut self, entry: &Entry) -> Option<Workload> {
        let mut fields = self.fields(&entry.value, entry.key.span, &WORKLOAD)?;
        self.optional(&mut fields, "about", Self::text);
        let placement = match (fields.entry("aci"), fields.entry("pod")) {
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
        };
        let serve = self.many(&mut fields, "serve", |d, node| {
            d.sentence(node, "a listener", sentence::listen)
        });
        let image = self.optional(&mut fields, "image", Self::word);
        let body = self.optional(&mut fields, "body", Self::text);
        let cpu_millis = self.optional(&mut fields, "cpu", |d, node| {
            d.sentence(node, "a number of cores", sentence::cores)
        });
        let memory_mb = self.optional(&mut fields, "memory", |d, node| {
            d.sentence(node, "a size", sentence::memory)
        });
        let azure_name = self.optional(&mut fields, "azure-name", Self::word);
        Some(Workload {
            command: Vec::new(),
            env: BTreeMap::new(),
            registry: None,
            dns_servers: Vec::new(),
            restart: None,
            count: None,
            spread: None,
            host_network: None,
            key: entry.key.span,
            azure_name,
            placement,
            image,
            serve,
            body,
            cpu_millis,
            memory_mb,
            unread: fields.unread,
        })
    }

    fn probe(&mut self, entry: &Entry) -> Option<Probe> {
        let node = self.long(&entry.value, Place::Probe)?;
        let mut fields = self.fields(&node, entry.key.span, &PROBE)?;
        self.optional(&mut fields, "about", Self::text);
        let from = self.required(&mut fields, "from", Self::reference);
        let to = self.required(&mut fields, "to", |d, node| {
            d.sentence(node, "a host", sentence::host)
                .map(|host| host.value)
        });
        let later = ["https", "tls", "tcp", "udp", "dns", "icmp"];
        self.required(&mut fields, "scheme", |d, node| {
            d.one_of(node, &[("http", ())], &later)
        });
        let port = self.optional(&mut fields, "port", |d, node| {
            d.sentence(node, "a port", sentence::port)
        });
        let path = self.optional(&mut fields, "path", |d, node| {
            let path = d.text(node)?;
            if path.value.starts_with('/') && !path.value.contains(char::is_whitespace) {
                return Some(path);
            }
            let message = format!("`{}` is not the path of a URL", path.value);
            let diagnostic = Diagnostic::error(codes::VALUE, path.span, message);
            d.found
                .push(diagnostic.help("a path begins with `/` and has no spaces"));
            None
        });
        let timeout = self.optional(&mut fields, "timeout", |d, node| {
            let timeout = d.duration(node)?;
            if timeout.value.is_zero() {
                let message = "a probe waits longer than nothing";
                d.found
                    .push(Diagnostic::error(codes::VALUE, timeout.span, message));
            }
            Some(timeout)
        });
        Some(Probe {
            scheme: None,
            method: None,
            headers: BTreeMap::new(),
            send: None,
            resolver: None,
            record_type: None,
            attempts: None,
            every: None,
            count: None,
            connection: None,
            key: entry.key.span,
            from,
            to,
            port,
            path,
            timeout,
            unread: fields.unread,
        })
    }
}

/// The set that a side of a rule is where none is written.
fn any(span: Span) -> Set {
    Set {
        words: Spanned {
            value: "any".to_owned(),
            span,
        },
        terms: vec![Spanned {
            value: Term::Any,
            span,
        }],
        except_at: None,
        except: Vec::new(),
    }
}
