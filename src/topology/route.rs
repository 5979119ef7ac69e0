//! Route tables: what is routed, where to, and what Azure asks of a table (R37).

use std::collections::BTreeMap;

use super::deployed::Deployed;
use super::names::{Thing, bind};
use super::{NextHop, Route, service_tag};
use crate::spec::{self, Diagnostic, Hop, Host, Kind, Network, RoutePrefix, Span, Spanned, codes};

/// The most routes of a table (R37).
const MOST_ROUTES: usize = 400;

/// Resolves the routes of a table.
pub(super) fn routes(
    network: &Network,
    deployed: Deployed<'_>,
    table: &spec::RouteTable,
    found: &mut Vec<Diagnostic>,
) -> Vec<Route> {
    if let Some(beyond) = table.routes.get(MOST_ROUTES) {
        found.push(Diagnostic::error(
            codes::ROUTE_TABLE_SIZE,
            beyond.name.span,
            format!("a route table has at most {MOST_ROUTES} routes"),
        ));
    }
    let mut prefixes: BTreeMap<String, (String, Span)> = BTreeMap::new();
    let mut routes = Vec::new();
    for route in &table.routes {
        let prefix = route.prefix.as_ref().map(|prefix| match &prefix.value {
            RoutePrefix::Tag(tag) => RoutePrefix::Tag(service_tag::canonical(tag)),
            RoutePrefix::Prefix(prefix) => RoutePrefix::Prefix(*prefix),
        });
        if let (Some(prefix), Some(written)) = (&prefix, &route.prefix) {
            let words = match prefix {
                RoutePrefix::Prefix(prefix) => prefix.to_string(),
                RoutePrefix::Tag(tag) => tag.to_ascii_lowercase(),
            };
            let name = route.name.value.to_string();
            if let Some((first, at)) = prefixes.insert(words, (name, written.span)) {
                found.push(
                    Diagnostic::error(
                        codes::DUPLICATE_ROUTE,
                        written.span,
                        "two routes of one table have the same prefix",
                    )
                    .related(at, format!("`{first}` has it already")),
                );
            }
        }
        let hop = route
            .hop
            .as_ref()
            .and_then(|hop| self::hop(network, deployed, hop, found));
        if let (Some(prefix), Some(hop)) = (prefix, hop) {
            routes.push(Route {
                name: route.name.value.clone(),
                azure_name: match &route.azure_name {
                    Some(given) => given.value.clone(),
                    None => route.name.value.to_string(),
                },
                prefix,
                hop,
                span: route.span,
            });
        }
    }
    routes
}

fn hop(
    network: &Network,
    deployed: Deployed<'_>,
    hop: &Spanned<Hop>,
    found: &mut Vec<Diagnostic>,
) -> Option<NextHop> {
    let appliance = match &hop.value {
        Hop::Vnet => return Some(NextHop::VirtualNetwork),
        Hop::Internet => return Some(NextHop::Internet),
        Hop::Gateway => return Some(NextHop::Gateway),
        Hop::None => return Some(NextHop::None),
        Hop::Appliance(appliance) => appliance,
    };
    match appliance {
        Host::Address(address) => Some(NextHop::Appliance(*address)),
        Host::Hostname(host) => {
            found.push(
                Diagnostic::error(
                    codes::VALUE,
                    hop.span,
                    format!("`{host}` is not an appliance: a route leads to an address"),
                )
                .help("name a workload, or give its address"),
            );
            None
        }
        Host::Name(reference) => {
            let reference = Spanned {
                value: reference.clone(),
                span: hop.span,
            };
            let Thing::Workload(name, _) = bind(network, &reference, &[Kind::Workload], found)?
            else {
                return None;
            };
            deployed
                .admits(Kind::Workload, name, hop.span, "a route", found)
                .then(|| NextHop::Workload(name.clone()))
        }
    }
}
