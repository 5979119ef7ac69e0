//! One request and its answer, through the `azure_core` pipeline.
//!
//! The pipeline carries the token, the retries and the logging; statuses are judged here and in
//! `long_running`, because an operation that failed is a 200 and `azure_core` loses the bodies of
//! refusals with escapes in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use azure_core::http::headers::{ACCEPT, CONTENT_TYPE};
use azure_core::http::{
    ClientOptions, Context, HttpClient, Method, Pipeline, PipelineSendOptions, RawResponse,
    Request, RetryOptions, Transport, UserAgentOptions,
};
use bytes::Bytes;
use serde_json::Value;
use url::Url;

use crate::arm::{AzureError, ResourceId};

use super::auth::ArmAuthPolicy;
use super::error::{Cause, ClientError};
use super::poll::Pace;
use super::retry::CappedRetry;
use super::transport::is_loopback;
use super::{Target, TransportKind};

/// The application's name in `User-Agent`; more than 24 characters would panic in `azure_core`.
const APPLICATION: &str = "vnetlab";

/// A pipeline to one subscription of one target.
#[derive(Debug)]
pub(super) struct Wire {
    pipeline: Pipeline,
    base_url: Url,
    subscription: String,
    pub(super) transport: TransportKind,
    pub(super) pace: Pace,
}

impl Wire {
    pub(super) fn new(target: Target, http: Arc<dyn HttpClient>) -> Result<Wire, ClientError> {
        check_base(&target)?;
        let options = ClientOptions {
            retry: RetryOptions::custom(Arc::new(CappedRetry::new(target.transport))),
            transport: Some(Transport::new(http)),
            user_agent: UserAgentOptions {
                application_id: Some(APPLICATION.to_owned()),
            },
            ..ClientOptions::default()
        };
        let auth = Arc::new(ArmAuthPolicy::new(&target));
        Ok(Wire {
            pipeline: Pipeline::new(
                option_env!("CARGO_PKG_NAME"),
                option_env!("CARGO_PKG_VERSION"),
                options,
                Vec::new(),
                vec![auth],
                None,
            ),
            base_url: target.base_url,
            subscription: target.subscription,
            transport: target.transport,
            pace: Pace::new(target.transport),
        })
    }

    pub(super) fn base_url(&self) -> &Url {
        &self.base_url
    }

    pub(super) fn subscription(&self) -> &str {
        &self.subscription
    }

    /// The URL of a resource group and what lies below it.
    pub(super) fn in_group(
        &self,
        operation: &str,
        group: &str,
        below: &[&str],
        api_version: &str,
    ) -> Result<Url, ClientError> {
        let mut segments = vec!["subscriptions", &self.subscription, "resourceGroups", group];
        segments.extend(below);
        self.url(operation, &segments, Some(api_version))
    }

    /// The URL of a resource and what lies below it.
    pub(super) fn of_resource(
        &self,
        operation: &str,
        id: &ResourceId,
        below: &[&str],
        api_version: &str,
    ) -> Result<Url, ClientError> {
        let mut segments = id.as_str().split('/').skip(1).collect::<Vec<_>>();
        segments.extend(below);
        self.url(operation, &segments, Some(api_version))
    }

    /// The base URL with path segments, each percent-encoded.
    pub(super) fn url(
        &self,
        operation: &str,
        segments: &[&str],
        api_version: Option<&str>,
    ) -> Result<Url, ClientError> {
        // `Url` would drop or fold these and so address another resource.
        if let Some(segment) = segments.iter().find(|s| matches!(**s, "" | "." | "..")) {
            return Err(ClientError::Invalid {
                operation: operation.to_owned(),
                reason: format!("`{segment}` is not a name"),
            });
        }
        let mut url = self.base_url.clone();
        url.path_segments_mut()
            .map_err(|()| ClientError::protocol(operation, "the base URL has no path"))?
            .pop_if_empty()
            .extend(segments);
        if let Some(api_version) = api_version {
            url.query_pairs_mut()
                .append_pair("api-version", api_version);
        }
        Ok(url)
    }

    /// Sends a request and gives the answer, whatever its status.
    pub(super) async fn send(
        &self,
        operation: &str,
        method: Method,
        url: &Url,
        body: Option<&Value>,
    ) -> Result<Answer, ClientError> {
        let mut request = Request::new(url.clone(), method);
        request.insert_header(ACCEPT, "application/json");
        if let Some(body) = body {
            request.insert_header(CONTENT_TYPE, "application/json");
            request.set_body(body.to_string());
        }
        let options = PipelineSendOptions {
            skip_checks: true,
            ..PipelineSendOptions::default()
        };
        self.pipeline
            .send(&Context::new(), &mut request, Some(options))
            .await
            .map(Answer::from)
            .map_err(|error| ClientError::Transport {
                operation: operation.to_owned(),
                cause: Cause::of(&error),
            })
    }

    /// Sends a request whose answer must be a success.
    pub(super) async fn call(
        &self,
        operation: &str,
        method: Method,
        url: &Url,
        body: Option<&Value>,
    ) -> Result<Answer, ClientError> {
        let answer = self.send(operation, method, url, body).await?;
        if answer.is_success() {
            Ok(answer)
        } else {
            Err(answer.refused(operation))
        }
    }
}

fn check_base(target: &Target) -> Result<(), ClientError> {
    let url = &target.base_url;
    let reason = match (target.transport, url.scheme()) {
        _ if url.query().is_some() || url.fragment().is_some() => "must have no query",
        _ if !url.username().is_empty() || url.password().is_some() => "must name no user",
        (TransportKind::Cloud, "https") => return Ok(()),
        (TransportKind::Cloud, _) => "must be `https`",
        (TransportKind::Loopback, "http") if is_loopback(url) => return Ok(()),
        (TransportKind::Loopback, _) => "must be `http` to a loopback address",
    };
    Err(ClientError::Setup {
        reason: format!(
            "the base URL `{}` {reason}",
            url.origin().ascii_serialization()
        ),
        cause: None,
    })
}

/// An answer: the status, the headers by lower-case name, and the body.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Bytes,
}

impl From<RawResponse> for Answer {
    fn from(response: RawResponse) -> Answer {
        let (status, headers, body) = response.deconstruct();
        Answer {
            status: status.into(),
            headers: headers
                .iter()
                .map(|(name, value)| {
                    let name = name.as_str().to_ascii_lowercase();
                    (name, value.as_str().to_owned())
                })
                .collect(),
            body: body.into(),
        }
    }
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header that is there and not empty.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    }

    pub(super) fn request_id(&self) -> Option<String> {
        self.header("x-ms-request-id").map(str::to_owned)
    }

    /// The body as JSON; `None` for an empty body or anything else, such as a gateway's HTML.
    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as JSON, which it must be.
    pub(super) fn expect_json(&self, operation: &str) -> Result<Value, ClientError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            ClientError::protocol(operation, format!("the answer is not JSON: {error}"))
        })
    }

    /// What a refusal says.
    pub(super) fn azure_error(&self) -> AzureError {
        AzureError::parse(self.status, &String::from_utf8_lossy(&self.body))
    }

    /// The answer as a refusal of an operation.
    pub(super) fn refused(&self, operation: &str) -> ClientError {
        ClientError::Refused {
            operation: operation.to_owned(),
            status: self.status,
            error: Box::new(self.azure_error()),
            request_id: self.request_id(),
        }
    }
}
