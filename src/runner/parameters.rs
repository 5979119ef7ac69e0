//! The values of a template's parameters: addresses as the target told them, and secrets.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::arm::{Addresses, Parameters, Template};
use crate::compile::{Manifest, ParameterSource};

use super::addresses::of_party;
use super::secrets::Secrets;

/// What stands in for a secret where the value decides nothing.
const REDACTED: &str = "********";

/// The addresses that fill the parameters of a manifest, as far as `known` tells them: for each of its things
/// what stands for it, and where that is. A workload counts when every copy has an address.
pub(super) fn addresses(wanted: &Manifest, known: &Manifest, addresses: &Addresses) -> Parameters {
    let told = wanted.parameters.iter().filter_map(|(name, source)| {
        let values = match source {
            ParameterSource::WorkloadAddresses(workload) => {
                let copies = known.workloads.get(workload)?.iter();
                copies
                    .map(|copy| of_party(addresses, &copy.party()))
                    .collect::<Option<Vec<_>>>()?
            }
            ParameterSource::NodeAddresses(cluster) => {
                let nodes = addresses.nodes.get(known.clusters.get(cluster)?)?;
                nodes.iter().map(|node| node.address).collect()
            }
            _ => return None,
        };
        Some((name.clone(), json!(values)))
    });
    told.collect()
}

/// Whether a manifest has parameters that hold addresses.
pub(super) fn any_address(manifest: &Manifest) -> bool {
    let mut sources = manifest.parameters.values();
    sources.any(|source| !matches!(source, ParameterSource::Secret(_)))
}

/// The parameters that a template declares and that have no value yet.
pub(super) fn unfilled(
    template: &Template,
    manifest: &Manifest,
    addresses: &Parameters,
) -> BTreeSet<String> {
    let declared = template.parameters.keys();
    let unfilled = declared.filter(|name| match manifest.parameters.get(*name) {
        None | Some(ParameterSource::Secret(_)) => false,
        Some(_) => !addresses.contains_key(*name),
    });
    unfilled.cloned().collect()
}

/// The values of the parameters that a template declares, for a deployment.
pub(super) fn values(
    template: &Template,
    manifest: &Manifest,
    addresses: &Parameters,
    secrets: &Secrets,
) -> Parameters {
    fill(template, manifest, addresses, |source| match source {
        ParameterSource::Secret(name) => secrets.value(name).map(Value::from),
        _ => None,
    })
}

/// The values of the parameters that a template declares, for the analysis, which needs no secret.
pub(super) fn without_secrets(
    template: &Template,
    manifest: &Manifest,
    addresses: &Parameters,
) -> Parameters {
    fill(template, manifest, addresses, |source| match source {
        ParameterSource::Secret(_) => Some(REDACTED.into()),
        _ => None,
    })
}

fn fill<'m>(
    template: &Template,
    manifest: &'m Manifest,
    addresses: &Parameters,
    secret: impl Fn(&'m ParameterSource) -> Option<Value>,
) -> Parameters {
    let declared = template.parameters.keys();
    let values = declared.filter_map(|name| {
        let source = manifest.parameters.get(name)?;
        let value = addresses.get(name).cloned().or_else(|| secret(source))?;
        Some((name.clone(), value))
    });
    values.collect()
}
