//! What a request submits: read, bound and checked (steps 1 to 6 of a deployment).

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::arm::expand::{Bound, Moment, bind_at};
use crate::arm::{AzureError, Parameters, Scope, Template, TemplateError, expand, validate};
use crate::emulator::body;
use crate::emulator::reply::Refusal;
use crate::emulator::state::Shared;
use crate::emulator::store::{Store, embedding};

use super::secrets::Secrets;

/// A deployment as a request describes it, bound.
pub(super) struct Submitted {
    pub(super) bound: Bound,
    pub(super) template: Template,
    parameters: Parameters,
    scope: Scope,
    pub(super) secrets: Secrets,
}

/// Reads, binds and checks what a request submits (steps 1 to 6 of a deployment).
pub(super) fn submitted(
    shared: &Shared,
    group: &str,
    name: &str,
    sent: &Map<String, Value>,
) -> Result<Submitted, Refusal> {
    let invalid = |message: String| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "InvalidRequestContent",
            format!("The request content was invalid and could not be deserialized: {message}"),
        )
    };
    let properties = body::get(sent, "properties")
        .and_then(Value::as_object)
        .ok_or_else(|| invalid("'properties' is missing.".to_owned()))?;
    for member in ["templateLink", "parametersLink", "onErrorDeployment"] {
        if body::get(properties, member).is_some_and(|value| !value.is_null()) {
            return Err(Refusal::not_supported(format!(
                "The local Azure does not support `{member}`."
            )));
        }
    }
    let mode = body::text(properties, "mode").unwrap_or("Incremental");
    if !mode.eq_ignore_ascii_case("Incremental") {
        return Err(Refusal::not_supported(format!(
            "The local Azure does not support the deployment mode `{mode}`."
        )));
    }
    let template = body::get(properties, "template")
        .ok_or_else(|| invalid("'template' is missing.".to_owned()))?;
    let template = Template::from_value(template).map_err(|error| invalid_template(&error))?;
    let parameters = parameters(properties).map_err(invalid)?;
    let scope = {
        let store = shared.store();
        let group = store
            .group(group)
            .filter(|group| !group.deleting)
            .ok_or_else(|| Refusal::group_not_found(group))?;
        Scope {
            subscription_id: shared.subscription.clone(),
            tenant_id: shared.tenant.clone(),
            resource_group: group.name.clone(),
            location: group.location.clone(),
            deployment: name.to_owned(),
        }
    };
    let moment = Moment {
        now: jiff::Timestamp::now(),
        seed: uuid::Uuid::new_v4(),
    };
    let secrets = Secrets::of(&template, &parameters);
    let blotted = |error: AzureError| Refusal::from(secrets.error(error));
    let bound = bind_at(&template, &parameters, &scope, moment).map_err(blotted)?;
    let submitted = Submitted {
        bound,
        template,
        parameters,
        scope,
        secrets: secrets.clone(),
    };
    preflight(shared, &submitted).map_err(blotted)?;
    Ok(submitted)
}

fn invalid_template(error: &TemplateError) -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "InvalidTemplate",
        format!("Deployment template validation failed: '{error}'."),
    )
}

fn parameters(properties: &Map<String, Value>) -> Result<Parameters, String> {
    let mut parameters = BTreeMap::new();
    let sent = body::get(properties, "parameters").and_then(Value::as_object);
    for (name, wrapped) in sent.into_iter().flatten() {
        let value = wrapped
            .as_object()
            .and_then(|object| body::get(object, "value"));
        let value = value.ok_or_else(|| {
            format!("the parameter '{name}' has no 'value' (a reference to a key vault is not supported).")
        })?;
        parameters.insert(name.clone(), value.clone());
    }
    Ok(parameters)
}

/// Hands every resource whose body is known to its provider's checks. Other resources of the template
/// count as existing, children inside their parents.
fn preflight(shared: &Shared, submitted: &Submitted) -> Result<(), AzureError> {
    let expansion = expand(&submitted.template, &submitted.parameters, &submitted.scope)?;
    let mut preview = Store {
        resources: shared.store().resources.clone(),
        ..Store::default()
    };
    let (children, others): (Vec<_>, Vec<_>) = expansion
        .resources
        .iter()
        .partition(|resource| embedding(&resource.resource_type).is_some());
    for resource in others.into_iter().chain(children) {
        preview.foresee(resource);
    }
    let known = expansion.resources.iter().filter(|resource| {
        !expansion
            .unknown
            .iter()
            .any(|unknown| unknown.resource == resource.id)
    });
    let mut details = Vec::new();
    for resource in known {
        let checked = validate::resource(resource)
            .and_then(|()| validate::against(resource, &|id| preview.resource(id)));
        if let Err(mut error) = checked {
            error
                .target
                .get_or_insert_with(|| resource.id.as_str().to_owned());
            details.push(error);
        }
    }
    if details.is_empty() {
        return Ok(());
    }
    let mut error = AzureError::new(
        "InvalidTemplateDeployment",
        format!(
            "The template deployment '{}' is not valid according to the validation procedure. The tracking id is '{}'. See inner errors for details.",
            submitted.scope.deployment,
            uuid::Uuid::new_v4()
        ),
    );
    error.details = details;
    Err(error)
}
