//! Which requests get the token: those to the target's own origin, over TLS, or over plain HTTP on
//! loopback where the target was declared so.
//!
//! The check stands in the pipeline rather than where URLs are made, because polling and paging URLs
//! come from the server. `azure_core`'s own bearer policy refuses plain HTTP altogether and asks nothing
//! about the host; over TLS it does the work (token cache, refresh, challenge).

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::AUTHORIZATION;
use azure_core::http::policies::auth::BearerTokenAuthorizationPolicy;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Request};
use url::Origin;

use super::transport::is_loopback;
use super::{Target, TransportKind};

/// Adds the token to requests that may carry it, and refuses all others.
#[derive(Debug)]
pub(super) struct ArmAuthPolicy {
    over_tls: BearerTokenAuthorizationPolicy,
    credential: Arc<dyn TokenCredential>,
    scope: String,
    origin: Origin,
    transport: TransportKind,
}

impl ArmAuthPolicy {
    pub(super) fn new(target: &Target) -> ArmAuthPolicy {
        ArmAuthPolicy {
            over_tls: BearerTokenAuthorizationPolicy::new(
                target.credential.clone(),
                [target.scope.clone()],
            ),
            credential: target.credential.clone(),
            scope: target.scope.clone(),
            origin: target.base_url.origin(),
            transport: target.transport,
        }
    }
}

#[async_trait]
impl Policy for ArmAuthPolicy {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        // `Origin` folds the default port, which ARM sometimes writes out.
        let origin = request.url().origin();
        if origin != self.origin {
            return Err(refusal(format!(
                "the token is for `{}` and is not sent to `{}`",
                self.origin.ascii_serialization(),
                origin.ascii_serialization()
            )));
        }
        if request.url().scheme() == "https" {
            return self.over_tls.send(context, request, next).await;
        }
        if self.transport != TransportKind::Loopback || !is_loopback(request.url()) {
            return Err(refusal(format!(
                "the token is not sent to `{}` without TLS",
                origin.ascii_serialization()
            )));
        }
        let token = self.credential.get_token(&[&self.scope], None).await?;
        request.insert_header(AUTHORIZATION, format!("Bearer {}", token.token.secret()));
        match next.split_first() {
            Some((policy, rest)) => policy.send(context, request, rest).await,
            None => Err(refusal("the pipeline has no transport".to_owned())),
        }
    }
}

fn refusal(message: String) -> Error {
    Error::with_message(ErrorKind::Credential, message)
}

#[cfg(test)]
mod tests;
