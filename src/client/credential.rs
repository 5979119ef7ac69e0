//! Where tokens come from: a fixed one for the local Azure, a chain of Azure's own sources otherwise.

#[cfg(feature = "azure")]
mod chain;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::time::{Duration, OffsetDateTime};

#[cfg(feature = "azure")]
pub use chain::{AuthSource, AuthSourceError, Chain};

/// One token that never changes, as the local Azure gives out for its lifetime.
#[derive(Debug, Clone)]
pub struct StaticToken(Secret);

impl StaticToken {
    /// Takes the token.
    #[must_use]
    pub fn new(token: impl Into<String>) -> StaticToken {
        StaticToken(Secret::new(token.into()))
    }
}

#[async_trait]
impl TokenCredential for StaticToken {
    async fn get_token(
        &self,
        _scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        // Who caches by expiry asks again after an hour and gets the same token.
        let expires = OffsetDateTime::now_utc() + Duration::hours(1);
        Ok(AccessToken::new(self.0.clone(), expires))
    }
}
