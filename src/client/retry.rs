//! How often and how long a request is repeated within one call.
//!
//! `azure_core` decides what is repeated (408, 429, 500, 502, 503, 504 and lost connections, every
//! method); this policy decides the wait, because the stock ones obey any `Retry-After`, an hour
//! included. A PUT that is repeated after a lost answer is dealt with in `deployments`.

use std::time::Duration;

use async_trait::async_trait;
use azure_core::http::StatusCode;
use azure_core::http::headers::{HeaderName, RETRY_AFTER};
use azure_core::http::policies::{RetryHeaders, RetryPolicy};

use super::TransportKind;

/// Doubles the wait on each repetition and caps what the server asks for.
#[derive(Debug)]
pub(super) struct CappedRetry {
    headers: RetryHeaders,
    /// How many times a request is repeated.
    repetitions: u32,
    /// The first wait.
    first: Duration,
    /// The longest wait, whoever asks for it.
    longest: Duration,
}

impl CappedRetry {
    pub(super) fn new(kind: TransportKind) -> CappedRetry {
        let (repetitions, first, longest) = match kind {
            TransportKind::Cloud => (5, Duration::from_millis(500), Duration::from_secs(60)),
            TransportKind::Loopback => (3, Duration::from_millis(20), Duration::from_secs(1)),
        };
        CappedRetry {
            headers: RetryHeaders {
                retry_headers: vec![
                    HeaderName::from_static("x-ms-retry-after-ms"),
                    HeaderName::from_static("retry-after-ms"),
                    RETRY_AFTER,
                ],
            },
            repetitions,
            first,
            longest,
        }
    }

    fn pause(&self, repetition: u32, asked: Option<Duration>) -> Duration {
        let doubled = self.first * 2_u32.saturating_pow(repetition.saturating_sub(1).min(16));
        doubled.max(asked.unwrap_or_default()).min(self.longest)
    }
}

#[async_trait]
impl RetryPolicy for CappedRetry {
    fn is_expired(&self, _since_start: azure_core::time::Duration, repetitions: u32) -> bool {
        repetitions >= self.repetitions
    }

    fn retry_headers(&self) -> Option<&RetryHeaders> {
        Some(&self.headers)
    }

    fn retry_status_codes(&self) -> &[StatusCode] {
        // Empty means azure_core's own list.
        &[]
    }

    fn sleep_duration(&self, repetition: u32) -> azure_core::time::Duration {
        self.pause(repetition, None)
            .try_into()
            .unwrap_or(azure_core::time::Duration::MINUTE)
    }

    async fn wait(&self, repetition: u32, asked: Option<azure_core::time::Duration>) {
        // A negative wait, which a date in the past could give, is none.
        let asked = asked.and_then(|asked| Duration::try_from(asked).ok());
        tokio::time::sleep(self.pause(repetition, asked)).await;
    }
}

#[cfg(test)]
mod tests;
