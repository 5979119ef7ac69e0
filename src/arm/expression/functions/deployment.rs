//! What an expression asks of its template and its deployment: parameters, variables, the scope,
//! resource ids, and the live resources behind `reference()`.

use serde_json::{Value, json};

use super::super::eval::Evaluator;
use super::{Arguments, Body, Fault, Row};

pub(super) const FUNCTIONS: &[Row] = &[
    (
        "deployment",
        0,
        Some(0),
        Body::Asking(|_, e| Ok(e.environment.deployment())),
    ),
    ("environment", 0, Some(0), Body::Eager(environment)),
    (
        "extensionResourceId",
        3,
        None,
        Body::Eager(extension_resource_id),
    ),
    (
        "parameters",
        1,
        Some(1),
        Body::Asking(|a, e| e.environment.parameter(a.text(0)?, e.depth)),
    ),
    ("reference", 1, Some(3), Body::Asking(reference)),
    ("resourceGroup", 0, Some(0), Body::Asking(resource_group)),
    ("resourceId", 2, None, Body::Asking(resource_id)),
    ("subscription", 0, Some(0), Body::Asking(subscription)),
    (
        "subscriptionResourceId",
        2,
        None,
        Body::Asking(subscription_resource_id),
    ),
    ("tenant", 0, Some(0), Body::Asking(tenant)),
    ("tenantResourceId", 2, None, Body::Eager(tenant_resource_id)),
    (
        "variables",
        1,
        Some(1),
        Body::Asking(|a, e| e.environment.variable(a.text(0)?, e.depth)),
    ),
];

fn reference(arguments: &Arguments, evaluator: Evaluator<'_>) -> Result<Value, Fault> {
    let full = match arguments.optional_text(2)? {
        None => false,
        Some(text) if text.eq_ignore_ascii_case("Full") => true,
        Some(text) => {
            return Err(arguments.invalid(format!(
                "the third parameter is 'Full' or absent, not '{text}'."
            )));
        }
    };
    evaluator
        .environment
        .reference(arguments.text(0)?, arguments.optional_text(1)?, full)
}

fn subscription(_: &Arguments, evaluator: Evaluator<'_>) -> Result<Value, Fault> {
    let scope = evaluator.environment.scope();
    Ok(json!({
        "id": format!("/subscriptions/{}", scope.subscription_id),
        "subscriptionId": scope.subscription_id,
        "tenantId": scope.tenant_id,
    }))
}

fn tenant(_: &Arguments, evaluator: Evaluator<'_>) -> Result<Value, Fault> {
    let id = &evaluator.environment.scope().tenant_id;
    Ok(json!({"id": format!("/tenants/{id}"), "tenantId": id}))
}

fn resource_group(_: &Arguments, evaluator: Evaluator<'_>) -> Result<Value, Fault> {
    let scope = evaluator.environment.scope();
    Ok(json!({
        "id": format!("/subscriptions/{}/resourceGroups/{}", scope.subscription_id, scope.resource_group),
        "name": scope.resource_group,
        "type": "Microsoft.Resources/resourceGroups",
        "location": scope.location,
        "properties": {"provisioningState": "Succeeded"},
    }))
}

/// Azure's public cloud.
fn environment(_: &Arguments) -> Result<Value, Fault> {
    Ok(json!({
        "name": "AzureCloud",
        "gallery": "https://gallery.azure.com/",
        "graph": "https://graph.windows.net/",
        "portal": "https://portal.azure.com",
        "graphAudience": "https://graph.windows.net/",
        "activeDirectoryDataLake": "https://datalake.azure.net/",
        "batch": "https://batch.core.windows.net/",
        "media": "https://rest.media.azure.net",
        "sqlManagement": "https://management.core.windows.net:8443/",
        "vmImageAliasDoc": "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/master/arm-compute/quickstart-templates/aliases.json",
        "resourceManager": "https://management.azure.com/",
        "authentication": {
            "loginEndpoint": "https://login.microsoftonline.com/",
            "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "suffixes": {
            "acrLoginServer": ".azurecr.io",
            "azureDatalakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
            "azureDatalakeStoreFileSystem": "azuredatalakestore.net",
            "azureFrontDoorEndpointSuffix": "azurefd.net",
            "keyvaultDns": ".vault.azure.net",
            "sqlServerHostname": ".database.windows.net",
            "storage": "core.windows.net",
        },
    }))
}

/// The arguments of a resource id: those before the type, the type, and `/type/name` for each name.
fn parts(arguments: &Arguments, from: usize) -> Result<(Vec<&str>, String), Fault> {
    let texts = arguments.texts()?.split_off(from);
    let place = texts
        .iter()
        .position(|text| text.contains('/'))
        .ok_or_else(|| {
            arguments.invalid("the type of the resource is missing: no parameter contains a '/'.")
        })?;
    // A trailing slash stands in templates that are in use.
    let resource_type = texts[place].trim_end_matches('/');
    let names = &texts[place + 1..];
    let mut segments = resource_type.split('/');
    let namespace = segments.next().unwrap_or_default();
    let kinds = segments.collect::<Vec<_>>();
    if kinds.len() != names.len() {
        return Err(arguments.invalid(format!(
            "the type '{resource_type}' requires '{}' resource name argument(s).",
            kinds.len()
        )));
    }
    let mut path = format!("providers/{namespace}");
    for (kind, name) in kinds.iter().zip(names) {
        path.push_str(&format!("/{kind}/{name}"));
    }
    Ok((texts[..place].to_vec(), path))
}

fn resource_id(arguments: &Arguments, evaluator: Evaluator<'_>) -> Result<Value, Fault> {
    let scope = evaluator.environment.scope();
    let (before, path) = parts(arguments, 0)?;
    let (subscription, group) = match before.as_slice() {
        [] => (
            scope.subscription_id.as_str(),
            scope.resource_group.as_str(),
        ),
        [group] => (scope.subscription_id.as_str(), *group),
        [subscription, group] => (*subscription, *group),
        _ => {
            return Err(arguments
                .invalid("more than a subscription and a resource group stand before the type."));
        }
    };
    Ok(format!("/subscriptions/{subscription}/resourceGroups/{group}/{path}").into())
}

fn subscription_resource_id(
    arguments: &Arguments,
    evaluator: Evaluator<'_>,
) -> Result<Value, Fault> {
    let (before, path) = parts(arguments, 0)?;
    let subscription = match before.as_slice() {
        [] => evaluator.environment.scope().subscription_id.as_str(),
        [subscription] => subscription,
        _ => return Err(arguments.invalid("more than a subscription stands before the type.")),
    };
    Ok(format!("/subscriptions/{subscription}/{path}").into())
}

fn tenant_resource_id(arguments: &Arguments) -> Result<Value, Fault> {
    let (before, path) = parts(arguments, 0)?;
    if before.is_empty() {
        Ok(format!("/{path}").into())
    } else {
        Err(arguments.invalid("nothing may stand before the type."))
    }
}

fn extension_resource_id(arguments: &Arguments) -> Result<Value, Fault> {
    let (before, path) = parts(arguments, 1)?;
    if before.is_empty() {
        let target = arguments.text(0)?.trim_end_matches('/');
        Ok(format!("{target}/{path}").into())
    } else {
        Err(arguments.invalid("nothing may stand between the target and the type."))
    }
}
