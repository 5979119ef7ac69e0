//! Azure's credential sources, asked one after the other; `azure_identity` has no such chain.
//!
//! The order is settled: client secret from the environment, workload identity, managed identity, az
//! command line. The first that gives a token stays; where none does, the error lists every source with
//! its reason, so that a reader sees which one was meant to work.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use azure_core::http::{ClientOptions, Transport};
use azure_identity::{
    AzureCliCredential, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};

use super::super::error::{Cause, ClientError};
use super::super::{TransportKind, transport};

/// Away from Azure the metadata service never answers, and its credential would try for 72 s.
const MANAGED_IDENTITY_CAP: Duration = Duration::from_secs(2);

/// A source of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthSource {
    /// `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET`.
    Environment,
    /// A federated token file, as Kubernetes and GitHub give it.
    WorkloadIdentity,
    /// The identity of the Azure machine that this runs on.
    ManagedIdentity,
    /// The user of the az command line.
    AzureCli,
}

impl AuthSource {
    /// Every source, in the order in which they are asked.
    pub const ALL: [AuthSource; 4] = [
        AuthSource::Environment,
        AuthSource::WorkloadIdentity,
        AuthSource::ManagedIdentity,
        AuthSource::AzureCli,
    ];

    /// The word on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            AuthSource::Environment => "environment",
            AuthSource::WorkloadIdentity => "workload-identity",
            AuthSource::ManagedIdentity => "managed-identity",
            AuthSource::AzureCli => "azure-cli",
        }
    }
}

impl fmt::Display for AuthSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A word that names no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{word}` is not a credential source: environment, workload-identity, managed-identity or azure-cli"
)]
pub struct AuthSourceError {
    /// The word.
    pub word: String,
}

impl FromStr for AuthSource {
    type Err = AuthSourceError;

    fn from_str(word: &str) -> Result<AuthSource, AuthSourceError> {
        AuthSource::ALL
            .into_iter()
            .find(|source| source.word() == word)
            .ok_or_else(|| AuthSourceError {
                word: word.to_owned(),
            })
    }
}

/// The chain of sources, or the one that was pinned.
#[derive(Debug)]
pub struct Chain {
    links: Vec<Link>,
    /// The place of the source that gave the first token.
    won: OnceLock<usize>,
}

/// One source of the chain.
#[derive(Debug)]
struct Link {
    source: AuthSource,
    /// The credential, or why there is none.
    credential: Result<Arc<dyn TokenCredential>, String>,
    /// How long it may take while it competes with others.
    cap: Option<Duration>,
}

impl Chain {
    /// Makes the chain from the process's environment; `pin` leaves one source only.
    ///
    /// A source that is not configured is no error here: it is one when a token is asked for and no
    /// other source has one.
    ///
    /// # Errors
    /// When no HTTP client can be built.
    pub fn from_environment(pin: Option<AuthSource>) -> Result<Chain, ClientError> {
        let http = Arc::new(transport::http_client(TransportKind::Cloud)?);
        // The metadata service is on the link, and must never be asked through a proxy.
        let local = Arc::new(transport::http_client(TransportKind::Loopback)?);
        let options = |http: &Arc<reqwest::Client>| ClientOptions {
            transport: Some(Transport::new(http.clone())),
            ..ClientOptions::default()
        };
        let links = AuthSource::ALL
            .into_iter()
            .filter(|source| pin.is_none_or(|pin| pin == *source))
            .map(|source| {
                let credential = match source {
                    AuthSource::Environment => client_secret(options(&http)),
                    AuthSource::WorkloadIdentity => {
                        workload_identity(options(&http)).map_err(|error| reason(&error))
                    }
                    AuthSource::ManagedIdentity => {
                        managed_identity(options(&local)).map_err(|error| reason(&error))
                    }
                    AuthSource::AzureCli => AzureCliCredential::new(None)
                        .map(|credential| credential as Arc<dyn TokenCredential>)
                        .map_err(|error| reason(&error)),
                };
                let capped = source == AuthSource::ManagedIdentity && pin.is_none();
                Link {
                    source,
                    credential,
                    cap: capped.then_some(MANAGED_IDENTITY_CAP),
                }
            })
            .collect();
        Ok(Chain {
            links,
            won: OnceLock::new(),
        })
    }
}

type Found = azure_core::Result<Arc<dyn TokenCredential>>;

fn client_secret(client_options: ClientOptions) -> Result<Arc<dyn TokenCredential>, String> {
    let variable = |name: &str| {
        std::env::var(name)
            .ok()
            .filter(|value| !value.is_empty())
            .ok_or_else(|| format!("`{name}` is not set"))
    };
    let tenant = variable("AZURE_TENANT_ID")?;
    let client = variable("AZURE_CLIENT_ID")?;
    let secret = Secret::new(variable("AZURE_CLIENT_SECRET")?);
    let options = ClientSecretCredentialOptions { client_options };
    ClientSecretCredential::new(&tenant, client, secret, Some(options))
        .map(|credential| credential as Arc<dyn TokenCredential>)
        .map_err(|error| reason(&error))
}

fn workload_identity(client_options: ClientOptions) -> Found {
    let options = WorkloadIdentityCredentialOptions {
        credential_options: ClientAssertionCredentialOptions { client_options },
        ..WorkloadIdentityCredentialOptions::default()
    };
    let credential = WorkloadIdentityCredential::new(Some(options))?;
    Ok(credential)
}

fn managed_identity(client_options: ClientOptions) -> Found {
    let options = ManagedIdentityCredentialOptions {
        client_options,
        ..ManagedIdentityCredentialOptions::default()
    };
    let credential = ManagedIdentityCredential::new(Some(options))?;
    Ok(credential)
}

/// An error and its sources in one line.
fn reason(error: &Error) -> String {
    let cause = Cause::of(error);
    let mut texts = vec![cause.to_string()];
    let mut next = std::error::Error::source(&cause);
    while let Some(error) = next {
        texts.push(error.to_string());
        next = error.source();
    }
    texts.join(": ").lines().collect::<Vec<_>>().join(" ")
}

#[async_trait]
impl TokenCredential for Chain {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let won = self.won.get().and_then(|place| self.links.get(*place));
        if let Some(Ok(credential)) = won.map(|link| &link.credential) {
            return credential.get_token(scopes, options).await;
        }
        let mut reasons = Vec::new();
        for (place, link) in self.links.iter().enumerate() {
            match link.get_token(scopes, options.clone()).await {
                Ok(token) => {
                    // Two first requests may race; either winner will do for both.
                    self.won.get_or_init(|| place);
                    return Ok(token);
                }
                Err(reason) => reasons.push(format!("{}: {reason}", link.source)),
            }
        }
        Err(Error::with_message(
            ErrorKind::Credential,
            format!("no credential source gave a token; {}", reasons.join("; ")),
        ))
    }
}

impl Link {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> Result<AccessToken, String> {
        let credential = self.credential.as_ref().map_err(Clone::clone)?;
        let token = credential.get_token(scopes, options);
        let token = match self.cap {
            None => token.await,
            Some(cap) => tokio::time::timeout(cap, token)
                .await
                .map_err(|_| format!("no answer within {cap:?}"))?,
        };
        token.map_err(|error| reason(&error))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::StaticToken;
    use super::*;

    /// A credential that counts how often it is asked, and then fails or never answers.
    #[derive(Debug, Default)]
    struct Fake {
        asked: AtomicUsize,
        hangs: bool,
    }

    #[async_trait]
    impl TokenCredential for Fake {
        async fn get_token(
            &self,
            _scopes: &[&str],
            _options: Option<TokenRequestOptions<'_>>,
        ) -> azure_core::Result<AccessToken> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if self.hangs {
                std::future::pending::<()>().await;
            }
            let message = "refused at https://login/x?code=1";
            Err(Error::with_message(ErrorKind::Credential, message))
        }
    }

    fn link(source: AuthSource, credential: Result<Arc<dyn TokenCredential>, String>) -> Link {
        Link {
            source,
            credential,
            cap: (source == AuthSource::ManagedIdentity).then_some(MANAGED_IDENTITY_CAP),
        }
    }

    fn chain(links: Vec<Link>) -> Chain {
        Chain {
            links,
            won: OnceLock::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_source_that_answers_is_kept() {
        let refusing = Arc::new(Fake::default());
        let hanging = Arc::new(Fake {
            hangs: true,
            ..Fake::default()
        });
        let chain = chain(vec![
            link(
                AuthSource::Environment,
                Err("`AZURE_TENANT_ID` is not set".to_owned()),
            ),
            link(AuthSource::WorkloadIdentity, Ok(refusing.clone())),
            link(AuthSource::ManagedIdentity, Ok(hanging.clone())),
            link(
                AuthSource::AzureCli,
                Ok(Arc::new(StaticToken::new("from-az"))),
            ),
        ]);
        let start = tokio::time::Instant::now();
        for _ in 0..2 {
            let token = chain.get_token(&["scope"], None).await.expect("a token");
            assert_eq!(token.token.secret(), "from-az");
        }
        assert_eq!(start.elapsed(), MANAGED_IDENTITY_CAP);
        assert_eq!(refusing.asked.load(Ordering::SeqCst), 1);
        assert_eq!(hanging.asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn where_no_source_answers_the_error_lists_each() {
        let chain = chain(vec![
            link(
                AuthSource::Environment,
                Err("`AZURE_TENANT_ID` is not set".to_owned()),
            ),
            link(AuthSource::WorkloadIdentity, Ok(Arc::new(Fake::default()))),
            link(
                AuthSource::ManagedIdentity,
                Ok(Arc::new(Fake {
                    hangs: true,
                    ..Fake::default()
                })),
            ),
        ]);
        let error = chain
            .get_token(&["scope"], None)
            .await
            .expect_err("no token");
        insta::assert_snapshot!(error, @"no credential source gave a token; environment: `AZURE_TENANT_ID` is not set; workload-identity: refused at https://login/x; managed-identity: no answer within 2s");
    }

    #[test]
    fn source_words_read_and_print_the_same() {
        for source in AuthSource::ALL {
            assert_eq!(source.to_string().parse(), Ok(source));
        }
        let error = "az".parse::<AuthSource>().expect_err("no source");
        assert!(
            error
                .to_string()
                .starts_with("`az` is not a credential source")
        );
    }

    #[test]
    fn a_pin_leaves_one_source() {
        let chain = Chain::from_environment(Some(AuthSource::AzureCli)).expect("a chain");
        let sources = chain.links.iter().map(|link| link.source);
        assert_eq!(sources.collect::<Vec<_>>(), [AuthSource::AzureCli]);
    }
}
