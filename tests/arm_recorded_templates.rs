//! Templates of recorded deployments bind as Azure bound them: the same dependencies, or the same
//! refusal.
//!
//! Needs the recordings (`VNETLAB_RECORDINGS`); without them the test says that it was skipped.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use vnetlab::arm::{AzureError, Parameters, ResourceId, Scope, Template, expand};

/// What this version refuses by name, though Azure accepts it.
const UNSUPPORTED: [&str; 3] = [
    "language version \"2.0\" is not supported by this version",
    "only deployments to a resource group are supported by this version",
    "nested deployment (Microsoft.Resources/deployments), which is not supported by this version",
];

type Dependencies = BTreeMap<ResourceId, BTreeSet<ResourceId>>;

#[test]
#[allow(clippy::print_stderr)]
fn recorded_templates_bind_as_azure_bound_them() {
    let Some(directory) = std::env::var_os("VNETLAB_RECORDINGS") else {
        eprintln!("skipped: VNETLAB_RECORDINGS is not set");
        return;
    };
    let (mut agreed, mut refused) = (0, 0);
    for topic in sorted(Path::new(&directory)) {
        if !topic.is_dir() {
            continue;
        }
        for file in sorted(&topic) {
            let text = fs::read_to_string(&file).expect("a recording is text");
            let recording: Value = serde_json::from_str(&text).expect("a recording is JSON");
            for exchange in recording["interactions"].as_array().into_iter().flatten() {
                if !exchange["request"]["body"]["properties"]["template"].is_object() {
                    continue;
                }
                let place = format!("{} {}", file.display(), exchange["seq"]);
                match ours(&exchange["request"]) {
                    Err(error) if UNSUPPORTED.iter().any(|why| error.message.contains(why)) => {}
                    Err(error) => {
                        let azures = &exchange["response"]["body"]["error"]["code"];
                        assert_eq!(azures, &error.code, "{place}: {error}");
                        refused += 1;
                    }
                    Ok(found) => {
                        if let Some(azures) = azures(&exchange["response"]["body"]) {
                            assert_eq!(found, azures, "{place}");
                            agreed += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(agreed >= 25, "only {agreed} templates could be compared");
    assert!(refused >= 4, "only {refused} refusals could be compared");
}

fn sorted(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("the directory of the recordings is readable");
    let mut paths = entries
        .map(|entry| entry.expect("a directory entry").path())
        .collect::<Vec<_>>();
    paths.sort();
    paths
}

/// The dependencies that we find, of the resources that have any.
fn ours(request: &Value) -> Result<Dependencies, AzureError> {
    let properties = &request["body"]["properties"];
    let template = Template::from_value(&properties["template"])?;
    let parameters = properties["parameters"].as_object().into_iter().flatten();
    let parameters = parameters
        .map(|(name, parameter)| (name.clone(), parameter["value"].clone()))
        .collect::<Parameters>();
    let path = request["path"].as_str().unwrap_or_default();
    let segment = |number: usize| path.split('/').nth(number).unwrap_or_default().to_owned();
    let scope = Scope {
        subscription_id: segment(2),
        tenant_id: "00000000-0000-0000-0000-000000000000".to_owned(),
        resource_group: segment(4),
        location: "westus".to_owned(),
        deployment: segment(8),
    };
    let expansion = expand(&template, &parameters, &scope)?;
    Ok(expansion
        .resources
        .into_iter()
        .filter(|resource| !resource.depends_on.is_empty())
        .map(|resource| (resource.id, resource.depends_on.into_iter().collect()))
        .collect())
}

/// The dependencies that Azure's answer lists.
fn azures(body: &Value) -> Option<Dependencies> {
    let id = |value: &Value| ResourceId::parse(value["id"].as_str()?).ok();
    let listed = body["properties"]["dependencies"].as_array()?;
    listed
        .iter()
        .map(|entry| {
            let after = entry["dependsOn"].as_array()?.iter().map(id);
            Some((id(entry)?, after.collect::<Option<_>>()?))
        })
        .collect()
}
