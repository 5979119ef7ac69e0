//! The network as a whole, its virtual networks, subnets, peerings and route tables.

use std::collections::BTreeMap;

use super::fields::{Decoder, one_or_many};
use super::{Place, expand};
use crate::spec::language::{PEERING, ROUTE, SUBNET, VNET};
use crate::spec::tree::{Entry, Node, Value};
use crate::spec::{
    Diagnostic, Kind, Name, NameError, Nat, Network, Peering, Route, RouteTable, Span, Spanned,
    Subnet, VirtualNetwork, codes, sentence,
};

impl Decoder<'_> {
    /// The things that can be deployed and probed.
    pub(super) fn network(&mut self, document: &Node) -> Network {
        Network {
            vnets: self.things(document, "vnets", true, Self::vnet),
            nsgs: self.things(document, "nsgs", true, Self::nsg),
            peerings: self.things(document, "peerings", false, Self::peering),
            routes: self.things(document, "routes", false, Self::route_table),
            clusters: self.things(document, "clusters", false, Self::cluster),
            workloads: self.things(document, "workloads", true, Self::workload),
            probes: self.things(document, "probes", false, Self::probe),
            invariants: self.things(document, "invariants", false, Self::invariant),
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
        let dns_servers = self.many(&mut fields, "dns-servers", |d, node| {
            d.sentence(node, "an address", sentence::address)
        });
        let location = self.optional(&mut fields, "location", Self::word);
        Some(VirtualNetwork {
            dns_servers,
            location,
            key: entry.key.span,
            azure_name,
            space,
            subnets,
            unread: fields.unread,
        })
    }

    /// The long form of a node that may be in its short one.
    pub(super) fn long(&mut self, node: &Node, place: Place) -> Option<Node> {
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
        let routes = self.optional(&mut fields, "routes", Self::reference);
        let nat = self.optional(&mut fields, "nat", |d, node| {
            d.sentence(node, "`true`, `false` or a name", |text| {
                Ok(match text.text.as_str() {
                    "true" => Nat::Own,
                    "false" => Nat::None,
                    word => Nat::Shared(word.parse().map_err(|error: NameError| {
                        let message = format!("`{word}` is not a name");
                        Diagnostic::error(codes::NAME, text.span, message).help(error.reason)
                    })?),
                })
            })
        });
        let endpoints = self.many(&mut fields, "endpoints", Self::word);
        let delegation = self.optional(&mut fields, "delegation", |d, node| {
            let service = d.word(node)?;
            if service.value.contains('/') {
                return Some(service);
            }
            d.found.push(
                Diagnostic::error(
                    codes::VALUE,
                    service.span,
                    format!("`{}` is not a service", service.value),
                )
                .help("it is a resource type, for example `Microsoft.ContainerInstance/containerGroups`"),
            );
            None
        });
        let azure_name = self.optional(&mut fields, "azure-name", Self::word);
        Some(Subnet {
            key: entry.key.span,
            azure_name,
            prefix,
            nsg,
            routes,
            nat,
            endpoints,
            delegation,
            default_outbound,
            unread: fields.unread,
        })
    }

    fn peering(&mut self, entry: &Entry) -> Option<Peering> {
        let node = self.long(&entry.value, Place::Peering)?;
        let mut fields = self.fields(&node, entry.key.span, &PEERING)?;
        self.optional(&mut fields, "about", Self::text);
        let between = self.required(&mut fields, "between", |d, node| {
            d.sentence(node, "two virtual networks", sentence::pair)
        });
        let access = self.optional(&mut fields, "access", Self::boolean);
        let forwarded_traffic = self.optional(&mut fields, "forwarded-traffic", Self::boolean);
        let azure_name = self.optional(&mut fields, "azure-name", Self::word);
        Some(Peering {
            key: entry.key.span,
            azure_name,
            between,
            access,
            forwarded_traffic,
            unread: fields.unread,
        })
    }

    fn route_table(&mut self, entry: &Entry) -> Option<RouteTable> {
        self.map(&entry.value, "a route table")?;
        let routes = self.named(&entry.value, "a route table");
        Some(RouteTable {
            key: entry.key.span,
            routes: routes
                .into_iter()
                .filter_map(|(name, entry)| self.route(name, entry))
                .collect(),
        })
    }

    fn route(&mut self, name: Name, entry: &Entry) -> Option<Route> {
        let key = entry.key.span;
        let node = self.long(&entry.value, Place::Route)?;
        let mut fields = self.fields(&node, key, &ROUTE)?;
        self.optional(&mut fields, "about", Self::text);
        let prefix = self.required(&mut fields, "prefix", |d, node| {
            d.sentence(node, "what is routed", sentence::route_prefix)
        });
        let hop = self.required(&mut fields, "hop", |d, node| {
            d.sentence(node, "a next hop", sentence::hop)
        });
        let azure_name = self.optional(&mut fields, "azure-name", Self::word);
        Some(Route {
            name: Spanned {
                value: name,
                span: key,
            },
            azure_name,
            span: whole(entry),
            prefix,
            hop,
        })
    }
}

/// Where a thing on one line stands as a whole; of a longer one, its name.
pub(super) fn whole(entry: &Entry) -> Span {
    let (key, value) = (entry.key.span, entry.value.span);
    match &entry.value.value {
        Value::Text(_) if value.start > key.end => Span {
            start: key.start,
            end: value.end,
        },
        _ => key,
    }
}
