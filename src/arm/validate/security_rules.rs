//! Security rules (R2, R3, R6, R8, R10, R27).

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use crate::arm::views::View;
use crate::arm::{AzureError, Resource};
use crate::net::PortRange;

use super::{Existing, invalid, is_known, names, parent, prefixes, references};

/// R4: the names of the rules that every group has.
const DEFAULTS: [&str; 6] = [
    "AllowVnetInBound",
    "AllowAzureLoadBalancerInBound",
    "DenyAllInBound",
    "AllowVnetOutBound",
    "AllowInternetOutBound",
    "DenyAllOutBound",
];

/// R10: application security groups on one side of a rule.
const MOST_GROUPS: usize = 10;

/// The rules in the body of a network security group.
pub(super) fn group(view: &View<'_>) -> Result<(), AzureError> {
    let mut seen = BTreeSet::new();
    let mut taken = BTreeMap::new();
    for item in view.items("securityRules") {
        let name = item.text("name").unwrap_or_default();
        names::rule(&name)?;
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(duplicate(&item, &name));
        }
        let properties = item.object("properties");
        rule(&name, &properties)?;
        if let Some(place) = place(&properties)
            && let Some(other) = taken.insert(place, name.clone())
        {
            return Err(conflict(&name, &other));
        }
    }
    Ok(())
}

/// The application security groups that the rules in a group's body name.
pub(super) fn references(
    resource: &Resource,
    view: &View<'_>,
    existing: Existing<'_>,
) -> Result<(), AzureError> {
    let location = references::location(resource);
    view.items("securityRules").iter().try_for_each(|item| {
        application_groups(resource, &item.object("properties"), location, existing)
    })
}

/// R24: the application security groups of a rule are there, in the group's region.
fn application_groups(
    resource: &Resource,
    view: &View<'_>,
    location: Option<&str>,
    existing: Existing<'_>,
) -> Result<(), AzureError> {
    for side in ["source", "destination"] {
        for item in view.items(&format!("{side}ApplicationSecurityGroups")) {
            references::target(&item, &resource.id, location, existing)?;
        }
    }
    Ok(())
}

/// A rule that is a resource of its own, beside the other rules of its group.
pub(super) fn child(
    resource: &Resource,
    view: &View<'_>,
    existing: Existing<'_>,
) -> Result<(), AzureError> {
    let group = parent(resource, existing)?;
    let name = resource.id.name();
    let others = View::of(&group).items("securityRules");
    let other = others
        .iter()
        .filter_map(|item| Some((item.text("name")?, place(&item.object("properties"))?)))
        .filter(|(other, _)| !other.eq_ignore_ascii_case(name))
        .find(|(_, other)| Some(other) == place(view).as_ref());
    match other {
        Some((other, _)) => Err(conflict(name, &other)),
        None => application_groups(resource, view, references::location(&group), existing),
    }
}

/// The error for two children of one name.
pub(super) fn duplicate(view: &View<'_>, name: &str) -> AzureError {
    AzureError::new(
        "DuplicateResourceName",
        format!(
            "Resource {} has two child resources with the same name ({name}).",
            view.resource
        ),
    )
}

/// R3: what must be unique in a group.
fn place(view: &View<'_>) -> Option<(String, u64)> {
    Some((
        view.text("direction")?.to_ascii_lowercase(),
        view.number("priority")?,
    ))
}

fn conflict(name: &str, other: &str) -> AzureError {
    AzureError::new(
        "SecurityRuleConflict",
        format!(
            "Security rule {name} conflicts with rule {other}. Rules cannot have the same Priority and Direction."
        ),
    )
}

/// The properties of one rule.
pub(super) fn rule(name: &str, view: &View<'_>) -> Result<(), AzureError> {
    if let Some(default) = DEFAULTS
        .iter()
        .find(|default| default.eq_ignore_ascii_case(name))
    {
        return Err(AzureError::new(
            "SecurityRuleConflict",
            format!("Security rule {name} conflicts with the default security rule {default}."),
        ));
    }
    one_of(view, "direction", &["Inbound", "Outbound"])?;
    one_of(view, "access", &["Allow", "Deny"])?;
    // R8.
    one_of(view, "protocol", &["Tcp", "Udp", "Icmp", "Esp", "Ah", "*"])?;
    priority(name, view)?;
    let source = addresses(name, view, "source")?;
    let destination = addresses(name, view, "destination")?;
    if let Some((four, six)) = mixed(&source, &destination) {
        return Err(AzureError::new(
            "ResourceCannotContainAddressPrefixesFromDifferentAddressFamilies",
            format!(
                "Security rule {name} cannot contain address prefixes from different address families: {four}, {six}."
            ),
        ));
    }
    ports(name, view, "source")?;
    ports(name, view, "destination")
}

fn missing(view: &View<'_>, name: &str, what: &str) -> AzureError {
    AzureError::new(
        "SecurityRuleParametersMissing",
        format!(
            "Required security rule parameters are missing for security rule with Id: {}, name {name}. Security rule must specify {what}.",
            view.resource
        ),
    )
}

fn one_of(view: &View<'_>, member: &str, values: &[&str]) -> Result<(), AzureError> {
    match view.text(member) {
        None => Err(missing(view, "", member)),
        Some(text)
            if !is_known(&text) || values.iter().any(|value| value.eq_ignore_ascii_case(&text)) =>
        {
            Ok(())
        }
        Some(text) => Err(invalid(
            view,
            member,
            format!("'{text}' is none of {}", values.join(", ")),
        )),
    }
}

/// R2: custom rules have the priorities 100 to 4096.
fn priority(name: &str, view: &View<'_>) -> Result<(), AzureError> {
    let given = view
        .get("priority")
        .ok_or_else(|| missing(view, name, "priority"))?;
    if given.as_str().is_some_and(|text| !is_known(text)) {
        return Ok(());
    }
    match view.number("priority") {
        Some(100..=4096) => Ok(()),
        _ => Err(AzureError::new(
            "SecurityRuleInvalidPriority",
            format!(
                "Security rule has invalid Priority. Value provided: {given} Allowed range 100-4096."
            ),
        )),
    }
}

/// The prefixes of one side; tags and bare addresses are checked and left out.
fn addresses(name: &str, view: &View<'_>, side: &str) -> Result<Vec<IpNet>, AzureError> {
    let (one, many) = (
        format!("{side}AddressPrefix"),
        format!("{side}AddressPrefixes"),
    );
    let single = view.texts(&[&one]);
    let several = view.texts(&[&many]);
    let groups = view.items(&format!("{side}ApplicationSecurityGroups"));
    if single.is_empty() && several.is_empty() && groups.is_empty() {
        return Err(missing(
            view,
            name,
            &format!("{many}, {one} or {side}ApplicationSecurityGroups"),
        ));
    }
    if groups.len() > MOST_GROUPS {
        return Err(invalid(
            view,
            &format!("{side}ApplicationSecurityGroups"),
            format!("{} are more than {MOST_GROUPS}", groups.len()),
        ));
    }
    let mut found = Vec::new();
    for (_, text) in &single {
        found.extend(prefix(text, true)?);
    }
    for (member, text) in &several {
        let is_tag = text == "*" || could_be_tag(text);
        // R10: many addresses exclude tags and `*`.
        if is_tag {
            return Err(AzureError::new(
                "SecurityRuleParameterContainsUnsupportedValue",
                format!(
                    "Security rule parameter {member} for rule with Id {}/securityRules/{name} cannot specify existing VIRTUALNETWORK, INTERNET, AZURELOADBALANCER, '*' or system tags. Unsupported value used: {text}.",
                    view.resource
                ),
            ));
        }
        found.extend(prefix(text, false)?);
    }
    match prefixes::first_overlap(&found) {
        Some((a, b)) if !several.is_empty() => Err(AzureError::new(
            "OverlappingSubnetsNotPermittedInSecurityRule",
            format!("Security rule {name} cannot have overlapping subnets in {many}: {a}, {b}."),
        )),
        _ => Ok(found),
    }
}

/// One address term: `*`, a tag, an address or a prefix without bits beyond its length.
fn prefix(text: &str, tags: bool) -> Result<Option<IpNet>, AzureError> {
    if !is_known(text) || (tags && (text == "*" || could_be_tag(text))) {
        return Ok(None);
    }
    if let Some(address) = prefixes::address(text) {
        return Ok(Some(IpNet::from(address)));
    }
    match text.parse::<IpNet>() {
        Ok(prefix) if prefix.trunc() == prefix => Ok(Some(prefix)),
        _ => Err(AzureError::new(
            "SecurityRuleInvalidAddressPrefix",
            format!("Security rule has invalid Address prefix. Value provided: {text}"),
        )),
    }
}

/// Whether the text has the form of a service tag: letters and digits, with a region after a point.
/// Which tags there are changes weekly (R23); what is certainly none is `any` and the classic spelling
/// with an underscore (R27).
fn could_be_tag(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && !text.eq_ignore_ascii_case("any")
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '.')
        && !text.ends_with('.')
}

fn mixed<'a>(source: &'a [IpNet], destination: &'a [IpNet]) -> Option<(&'a IpNet, &'a IpNet)> {
    let mut all = source.iter().chain(destination);
    let four = all.clone().find(|prefix| matches!(prefix, IpNet::V4(_)))?;
    let six = all.find(|prefix| matches!(prefix, IpNet::V6(_)))?;
    Some((four, six))
}

/// R6, R27: `*`, a port, or a range within 0 to 65535.
fn ports(name: &str, view: &View<'_>, side: &str) -> Result<(), AzureError> {
    let (one, many) = (format!("{side}PortRange"), format!("{side}PortRanges"));
    let texts = view.texts(&[&one, &many]);
    if texts.is_empty() {
        return Err(missing(view, name, &format!("{many} or {one}")));
    }
    for (member, text) in texts {
        let any = text == "*" && member == one;
        if !any && is_known(&text) && text.parse::<PortRange>().is_err() {
            return Err(AzureError::new(
                "SecurityRuleInvalidPortRange",
                format!(
                    "Security rule has invalid Port range. Value provided: {text}. Value should be an integer OR integer range with '-' delimiter. Valid range 0-65535."
                ),
            ));
        }
    }
    Ok(())
}
