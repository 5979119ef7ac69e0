//! Binding of names: a bare name works where one thing fits its place, else `kind/name` or `vnet/subnet`.

use crate::spec::{
    self, Diagnostic, Kind, Name, Network, Reference, Span, Spanned, codes, list, nearest,
};

/// A thing of the spec that a reference names.
#[derive(Debug, Clone, Copy)]
pub(super) enum Thing<'n> {
    /// A virtual network.
    Vnet(&'n Name, &'n spec::VirtualNetwork),
    /// A subnet, with its virtual network's name.
    Subnet(&'n Name, &'n Name, &'n spec::Subnet),
    /// A network security group.
    Nsg(&'n Name, &'n spec::NetworkSecurityGroup),
    /// A cluster.
    Cluster(&'n Name, &'n spec::Cluster),
    /// A workload.
    Workload(&'n Name, &'n spec::Workload),
    /// A route table.
    Route(&'n Name, &'n spec::RouteTable),
    /// A peering.
    Peering(&'n Name, &'n spec::Peering),
}

/// The kinds that are built.
const BUILT: [Kind; 7] = [
    Kind::Vnet,
    Kind::Subnet,
    Kind::Nsg,
    Kind::Cluster,
    Kind::Workload,
    Kind::Route,
    Kind::Peering,
];

impl Thing<'_> {
    fn key(&self) -> Span {
        match self {
            Thing::Vnet(_, vnet) => vnet.key,
            Thing::Subnet(_, _, subnet) => subnet.key,
            Thing::Nsg(_, nsg) => nsg.key,
            Thing::Cluster(_, cluster) => cluster.key,
            Thing::Workload(_, workload) => workload.key,
            Thing::Route(_, table) => table.key,
            Thing::Peering(_, peering) => peering.key,
        }
    }

    /// The reference that names this thing and no other.
    fn full(&self) -> String {
        match self {
            Thing::Vnet(name, _) => format!("vnet/{name}"),
            Thing::Subnet(vnet, name, _) => format!("{vnet}/{name}"),
            Thing::Nsg(name, _) => format!("nsg/{name}"),
            Thing::Cluster(name, _) => format!("cluster/{name}"),
            Thing::Workload(name, _) => format!("workload/{name}"),
            Thing::Route(name, _) => format!("route/{name}"),
            Thing::Peering(name, _) => format!("peering/{name}"),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Thing::Vnet(..) => Kind::Vnet,
            Thing::Subnet(..) => Kind::Subnet,
            Thing::Nsg(..) => Kind::Nsg,
            Thing::Cluster(..) => Kind::Cluster,
            Thing::Workload(..) => Kind::Workload,
            Thing::Route(..) => Kind::Route,
            Thing::Peering(..) => Kind::Peering,
        }
    }
}

/// Finds the one thing of the given kinds that a reference names, or reports why there is none.
pub(super) fn bind<'n>(
    network: &'n Network,
    reference: &Spanned<Reference>,
    kinds: &[Kind],
    found: &mut Vec<Diagnostic>,
) -> Option<Thing<'n>> {
    match find(network, reference, kinds) {
        Ok(thing) => Some(thing),
        Err(diagnostic) => {
            found.extend(diagnostic);
            None
        }
    }
}

/// Finds the one thing of the given kinds that a reference names.
///
/// # Errors
/// Why there is none; nothing where the reference may name what could not be read.
pub(super) fn find<'n>(
    network: &'n Network,
    reference: &Spanned<Reference>,
    kinds: &[Kind],
) -> Result<Thing<'n>, Option<Diagnostic>> {
    let found = matching(network, &reference.value, kinds);
    match found[..] {
        [thing] => Ok(thing),
        [] if network.hides(&reference.value, kinds) => Err(None),
        [] => Err(unbound(network, reference, kinds)),
        _ => {
            let choices: Vec<String> = found.iter().map(Thing::full).collect();
            let mut diagnostic = Diagnostic::error(
                codes::AMBIGUOUS_NAME,
                reference.span,
                format!("`{}` names {} things", reference.value, found.len()),
            )
            .help(format!(
                "write {}",
                list(choices.iter().map(String::as_str))
            ));
            for thing in &found {
                diagnostic =
                    diagnostic.related(thing.key(), format!("this is a {}", word(thing.kind())));
            }
            Err(Some(diagnostic))
        }
    }
}

fn matching<'n>(network: &'n Network, reference: &Reference, kinds: &[Kind]) -> Vec<Thing<'n>> {
    let mut found = Vec::new();
    let name = &reference.name;
    for kind in kinds {
        if reference.kind.is_some_and(|named| named != *kind)
            || (reference.parent.is_some() && *kind != Kind::Subnet)
        {
            continue;
        }
        match kind {
            Kind::Vnet => found.extend(
                network
                    .vnets
                    .get_key_value(name)
                    .map(|(name, vnet)| Thing::Vnet(name, vnet)),
            ),
            Kind::Subnet => {
                let of = |(vnet_name, vnet): (&'n Name, &'n spec::VirtualNetwork)| {
                    let subnet = vnet.subnets.get_key_value(name);
                    subnet.map(|(name, subnet)| Thing::Subnet(vnet_name, name, subnet))
                };
                match &reference.parent {
                    Some(parent) => found.extend(network.vnets.get_key_value(parent).and_then(of)),
                    None => found.extend(network.vnets.iter().filter_map(of)),
                }
            }
            Kind::Nsg => found.extend(
                network
                    .nsgs
                    .get_key_value(name)
                    .map(|(name, nsg)| Thing::Nsg(name, nsg)),
            ),
            Kind::Cluster => found.extend(
                network
                    .clusters
                    .get_key_value(name)
                    .map(|(name, thing)| Thing::Cluster(name, thing)),
            ),
            Kind::Workload => found.extend(
                network
                    .workloads
                    .get_key_value(name)
                    .map(|(name, thing)| Thing::Workload(name, thing)),
            ),
            Kind::Route => found.extend(
                network
                    .routes
                    .get_key_value(name)
                    .map(|(name, thing)| Thing::Route(name, thing)),
            ),
            Kind::Peering => found.extend(
                network
                    .peerings
                    .get_key_value(name)
                    .map(|(name, thing)| Thing::Peering(name, thing)),
            ),
            Kind::Asg | Kind::External => {}
        }
    }
    found
}

fn unbound(
    network: &Network,
    reference: &Spanned<Reference>,
    kinds: &[Kind],
) -> Option<Diagnostic> {
    let expected = expected(kinds);
    if let Some(kind @ (Kind::Asg | Kind::External)) = reference.value.kind {
        return Some(Diagnostic::error(
            codes::VALUE_NOT_YET,
            reference.span,
            format!("`{}`: {} is not supported yet", reference.value, word(kind)),
        ));
    }
    if let [other, ..] = matching(network, &reference.value, &BUILT)[..] {
        return Some(
            Diagnostic::error(
                codes::MISPLACED_NAME,
                reference.span,
                format!(
                    "`{}` is a {}, and {expected} is expected here",
                    reference.value,
                    word(other.kind())
                ),
            )
            .related(other.key(), "it is declared here"),
        );
    }
    if network.hides(&reference.value, &BUILT) {
        return None;
    }
    let within = match &reference.value.parent {
        Some(parent) if network.vnets.contains_key(parent) => {
            format!(" in virtual network `{parent}`")
        }
        _ => String::new(),
    };
    let name = match &reference.value.parent {
        Some(_) if !within.is_empty() => reference.value.name.to_string(),
        _ => reference.value.to_string(),
    };
    let what: Vec<&str> = kinds.iter().map(|kind| word(*kind)).collect();
    let diagnostic = Diagnostic::error(
        codes::UNKNOWN_NAME,
        reference.span,
        format!("unknown {} `{name}`{within}", what.join(" or ")),
    );
    let candidates = candidates(network, kinds, reference.value.parent.as_ref());
    let wanted = reference.value.name.as_str();
    Some(
        diagnostic.help(match nearest(wanted, candidates.iter().copied()) {
            Some(name) => format!(
                "a {} with a similar name exists: `{name}`",
                what.join(" or ")
            ),
            None if candidates.is_empty() => format!("the spec has no {}", what.join(" and no ")),
            None => format!("there is {}", list(candidates)),
        }),
    )
}

fn candidates<'n>(network: &'n Network, kinds: &[Kind], parent: Option<&Name>) -> Vec<&'n str> {
    let mut names = Vec::new();
    for kind in kinds {
        match kind {
            Kind::Vnet => names.extend(network.vnets.keys().map(Name::as_str)),
            Kind::Subnet => {
                for (name, vnet) in &network.vnets {
                    if parent.is_none_or(|parent| parent == name) {
                        names.extend(vnet.subnets.keys().map(Name::as_str));
                    }
                }
            }
            Kind::Nsg => names.extend(network.nsgs.keys().map(Name::as_str)),
            Kind::Cluster => names.extend(network.clusters.keys().map(Name::as_str)),
            Kind::Workload => names.extend(network.workloads.keys().map(Name::as_str)),
            Kind::Route => names.extend(network.routes.keys().map(Name::as_str)),
            Kind::Peering => names.extend(network.peerings.keys().map(Name::as_str)),
            Kind::Asg | Kind::External => {}
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

fn expected(kinds: &[Kind]) -> String {
    let words: Vec<String> = kinds
        .iter()
        .map(|kind| format!("a {}", word(*kind)))
        .collect();
    words.join(" or ")
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Vnet => "virtual network",
        Kind::Subnet => "subnet",
        Kind::Nsg => "network security group",
        Kind::Asg => "application security group",
        Kind::Cluster => "cluster",
        Kind::Workload => "workload",
        Kind::External => "external host",
        Kind::Route => "route table",
        Kind::Peering => "peering",
    }
}
