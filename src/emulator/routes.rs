//! From a request to the part that answers it.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use crate::arm::ResourceId;
use crate::arm::views::CONTAINER_GROUP;

use super::deletion;
use super::operations::{poll_result, poll_status, provider_url};
use super::path::{Place, Target, parse};
use super::providers::Kind;
use super::reply::{Refusal, empty, json_reply, with_header, with_operation};
use super::resources::{self, Begun};
use super::security;
use super::state::{Shared, base_of};
use super::{actions, containers, deployments, groups, kubernetes};

/// The largest request body: a template may have 4 MB.
const LARGEST_BODY: usize = 16 << 20;

/// The local Azure as a service: every path is matched here, because ARM's paths match without case.
pub fn router(state: Arc<Shared>) -> Router {
    Router::new().fallback(serve).with_state(state)
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response {
    let correlation = request
        .headers()
        .get("x-ms-correlation-request-id")
        .and_then(|value| value.to_str().ok())
        .map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
    let response = match security::authority(request.headers(), shared.port) {
        Ok(authority) => answer(&shared, &base_of(&authority), request).await,
        Err(refusal) => refusal.into_response(),
    };
    let response = with_header(response, "x-ms-request-id", &Uuid::new_v4().to_string());
    with_header(response, "x-ms-correlation-request-id", &correlation)
}

async fn answer(shared: &Arc<Shared>, base: &str, request: Request<Body>) -> Response {
    let target = parse(request.uri().path());
    if let Target::Kubernetes { cluster, rest } = target {
        return kubernetes::answer(shared, &cluster, &rest, request).await;
    }
    if let Target::ExecStream { session } = target {
        // Its password comes over the socket.
        return containers::open(shared, &session, request);
    }
    if !security::bears(request.headers(), &shared.token) {
        return security::unauthenticated(base, &shared.tenant);
    }
    let answered = match target {
        Target::Evidence { nonce } => evidence(shared, &nonce).await,
        Target::Arm {
            subscription,
            place,
        } => arm(shared, base, &subscription, place, request).await,
        Target::Unknown | Target::Kubernetes { .. } | Target::ExecStream { .. } => {
            Err(no_such_path(request.uri().path()))
        }
    };
    answered.unwrap_or_else(IntoResponse::into_response)
}

fn no_such_path(path: &str) -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "NotFound",
        format!("The local Azure has nothing at `{path}`."),
    )
}

/// What the fabric recorded under a nonce; Azure has no such path.
async fn evidence(shared: &Shared, nonce: &str) -> Result<Response, Refusal> {
    let evidence = shared.fabric.evidence(nonce).await.ok_or_else(|| {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "EvidenceNotFound",
            format!("There is no record of `{nonce}`."),
        )
    })?;
    Ok(json_reply(StatusCode::OK, &json!(evidence)))
}

/// A request of a subscription, read.
struct Asked {
    method: Method,
    api_version: String,
    body: Map<String, Value>,
}

async fn read(request: Request<Body>) -> Result<Asked, Refusal> {
    let query = request.uri().query().unwrap_or_default();
    let api_version = form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name.eq_ignore_ascii_case("api-version"))
        .map(|(_, value)| value.into_owned())
        .filter(|value| !value.is_empty())
        .ok_or_else(|| {
            Refusal::new(
                StatusCode::BAD_REQUEST,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )
        })?;
    let method = request.method().clone();
    let invalid = |message: String| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "InvalidRequestContent",
            format!("The request content was invalid and could not be deserialized: '{message}'."),
        )
    };
    let bytes = to_bytes(request.into_body(), LARGEST_BODY)
        .await
        .map_err(|error| invalid(error.to_string()))?;
    let body = if bytes.is_empty() {
        Map::new()
    } else {
        serde_json::from_slice(&bytes).map_err(|error| invalid(error.to_string()))?
    };
    Ok(Asked {
        method,
        api_version,
        body,
    })
}

async fn arm(
    shared: &Arc<Shared>,
    base: &str,
    subscription: &str,
    place: Place,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let asked = read(request).await?;
    if !subscription.eq_ignore_ascii_case(&shared.subscription) {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "SubscriptionNotFound",
            format!("The subscription '{subscription}' could not be found."),
        ));
    }
    let ok = |value: Value| Ok(json_reply(StatusCode::OK, &value));
    match (asked.method.as_str(), place) {
        ("GET", Place::Subscription) => ok(json!({
            "id": format!("/subscriptions/{}", shared.subscription),
            "subscriptionId": shared.subscription,
            "tenantId": shared.tenant,
            "displayName": "vnetlab",
            "state": "Enabled",
        })),
        ("GET", Place::Groups) => ok(groups::list(shared)),
        ("GET", Place::Group(name)) => ok(groups::get(shared, &name)?),
        ("HEAD", Place::Group(name)) => Ok(empty(match groups::get(shared, &name) {
            Ok(_) => StatusCode::NO_CONTENT,
            Err(refusal) => refusal.status,
        })),
        ("PUT", Place::Group(name)) => groups::put(shared, &name, &asked.body),
        ("PATCH", Place::Group(name)) => ok(groups::patch(shared, &name, &asked.body)?),
        ("DELETE", Place::Group(name)) => groups::delete(shared, base, &name),
        ("GET", Place::GroupResources(name)) => ok(list(shared, Some(&name), None)?),
        ("GET", Place::Deployments(group)) => ok(deployments::list(shared, &group)?),
        (method, Place::Deployment { group, name, part }) => {
            deployments::answer(shared, base, method, (&group, &name, &part), &asked.body)
        }
        ("GET", Place::OperationResult(operation)) => {
            let url = operation_result_url(shared, base, &operation);
            poll_result(&shared.store(), &operation, &url, StatusCode::OK)
        }
        (
            "GET",
            Place::ProviderOperation {
                namespace,
                operation,
                result,
            },
        ) => {
            let store = shared.store();
            if result {
                let url = format!("{base}{path}?api-version={}", asked.api_version);
                poll_result(&store, &operation, &url, StatusCode::NO_CONTENT)
            } else {
                poll_status(&store, &namespace, &operation)
            }
        }
        (
            "GET",
            Place::OfType {
                group,
                resource_type,
            },
        ) => ok(list(shared, group.as_deref(), Some(&resource_type))?),
        (_, Place::Resource(id)) => resource(shared, base, &id, asked),
        ("POST", Place::Under { parent, word }) if parent.key().is(CONTAINER_GROUP) => {
            actions::container_group(shared, base, &parent, &word).await
        }
        (method, Place::Under { parent, word }) if parent.key().is(containers::TYPE) => {
            let asked = containers::Asked {
                base,
                container: &parent,
                query: &query,
                body: &asked.body,
            };
            containers::answer(shared, method, &word, &asked)
        }
        (method, Place::Under { parent, word }) => {
            actions::under(shared, base, method, &parent, &word)
        }
        (method, _) => Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            format!("The HTTP method '{method}' is not supported at `{path}`."),
        )),
    }
}

/// The URL of a `Location` of ARM's own operations.
pub(super) fn operation_result_url(shared: &Shared, base: &str, operation: &str) -> String {
    format!(
        "{base}/subscriptions/{}/operationresults/{operation}?api-version=2020-06-01",
        shared.subscription
    )
}

fn list(
    shared: &Shared,
    group: Option<&str>,
    resource_type: Option<&str>,
) -> Result<Value, Refusal> {
    let store = shared.store();
    if let Some(group) = group
        && store.group(group).is_none()
    {
        return Err(Refusal::group_not_found(group));
    }
    let selected = store
        .in_group(group)
        .filter(|resource| resource_type.is_none_or(|wanted| resource.is(wanted)));
    let mut values = selected
        .filter_map(|resource| resources::read(shared, &store, &resource.id))
        .collect::<Vec<_>>();
    if resource_type.is_some_and(|wanted| wanted.eq_ignore_ascii_case(CONTAINER_GROUP)) {
        // The list answers without the state of the containers.
        for value in &mut values {
            if let Some(properties) = value["properties"].as_object_mut() {
                properties.remove("instanceView");
            }
        }
    }
    Ok(json!({ "value": values }))
}

fn resource(
    shared: &Arc<Shared>,
    base: &str,
    id: &ResourceId,
    asked: Asked,
) -> Result<Response, Refusal> {
    match asked.method.as_str() {
        "GET" | "HEAD" => {
            let store = shared.store();
            if let Some(group) = id.resource_group()
                && store.group(group).is_none()
            {
                return Err(Refusal::group_not_found(group));
            }
            let found = resources::read(shared, &store, id);
            let found = found.ok_or_else(|| Refusal::not_found(id))?;
            if asked.method == Method::HEAD {
                return Ok(empty(StatusCode::NO_CONTENT));
            }
            Ok(tagged(json_reply(StatusCode::OK, &found), &found))
        }
        "PUT" => {
            let begun = resources::begin(shared, id, &asked.api_version, asked.body)?;
            let response = put_answer(shared, base, id, &begun);
            if begun.operation.is_some() {
                let shared = shared.clone();
                shared.clone().tasks.spawn(async move {
                    // The operation carries the outcome to whoever polls it.
                    let _recorded = resources::finish(&shared, begun).await;
                });
            }
            Ok(response)
        }
        "PATCH" => {
            let value = resources::patch_tags(shared, id, &asked.body)?;
            Ok(json_reply(StatusCode::OK, &value))
        }
        "DELETE" => deletion::answer(shared, base, id),
        method => Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            format!("The HTTP method '{method}' is not supported for {id}."),
        )),
    }
}

/// The ETag header repeats the body's.
fn tagged(response: Response, value: &Value) -> Response {
    match value["etag"].as_str() {
        Some(etag) => with_header(response, "etag", etag),
        None => response,
    }
}

/// The provider's namespace of a resource.
pub(super) fn namespace(id: &ResourceId) -> String {
    let key = id.key();
    let namespace = key.resource_type.split('/').next().unwrap_or_default();
    namespace.to_owned()
}

fn put_answer(shared: &Shared, base: &str, id: &ResourceId, begun: &Begun) -> Response {
    let response = json_reply(begun.status, &begun.body);
    match &begun.operation {
        None if begun.kind == Kind::Identity && begun.status == StatusCode::CREATED => {
            // Relative, and not a long-running operation: where the identity is.
            with_header(response, "location", id.as_str())
        }
        None => response,
        Some(operation) => {
            let url = provider_url(
                base,
                &shared.subscription,
                &namespace(id),
                &begun.location,
                "operations",
                operation,
            );
            with_operation(response, "azure-asyncoperation", &url)
        }
    }
}
