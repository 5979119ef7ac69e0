//! Follows a long-running operation to its end: takes the steps that `long_running` reads from answers,
//! within the bounds of a [`Watch`].

use std::time::Duration;

use azure_core::http::Method;
use serde_json::Value;
use url::Url;

use super::TransportKind;
use super::error::ClientError;
use super::long_running::{self, Poll, Step};
use super::watch::{Progress, Watch};
use super::wire::{Answer, Wire};

/// How often a running operation is asked about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Where the target asks for nothing.
    usual: Duration,
    /// At least, so that `Retry-After: 0` does not spin.
    shortest: Duration,
    /// At most, whatever the target asks for.
    longest: Duration,
}

impl Pace {
    pub(super) fn new(kind: TransportKind) -> Pace {
        match kind {
            // Azure asks for up to 160 s on slow network operations, and for nothing on deployments.
            TransportKind::Cloud => Pace {
                usual: Duration::from_secs(5),
                shortest: Duration::from_secs(1),
                longest: Duration::from_secs(60),
            },
            TransportKind::Loopback => Pace {
                usual: Duration::from_millis(20),
                shortest: Duration::from_millis(1),
                longest: Duration::from_secs(1),
            },
        }
    }

    fn pause(self, asked: Option<Duration>) -> Duration {
        asked
            .unwrap_or(self.usual)
            .clamp(self.shortest, self.longest)
    }
}

/// An operation under way.
pub(super) struct Operation<'a> {
    /// What it is called in messages.
    pub(super) name: &'a str,
    /// The method that began it.
    pub(super) method: Method,
    /// The URL that it was begun at.
    pub(super) resource: &'a Url,
}

impl Wire {
    /// Begins an operation and follows it to its end; gives its result.
    pub(super) async fn run(
        &self,
        operation: Operation<'_>,
        body: Option<&Value>,
        watch: &Watch<'_>,
    ) -> Result<Answer, ClientError> {
        let Operation {
            name,
            method,
            resource,
        } = operation;
        let answer = watch
            .bound(self.send(name, method, resource, body))
            .await
            .map_err(|interrupt| ClientError::interrupted(interrupt, name, None))??;
        let step = long_running::begin(method, resource, &answer);
        self.follow(operation, step, answer, watch).await
    }

    /// Follows an operation from the step that `answer` led to.
    pub(super) async fn follow(
        &self,
        operation: Operation<'_>,
        mut step: Step,
        mut answer: Answer,
        watch: &Watch<'_>,
    ) -> Result<Answer, ClientError> {
        let Operation {
            name,
            method,
            resource,
        } = operation;
        loop {
            step = match step {
                Step::Done => return Ok(answer),
                Step::Refused => return Err(answer.refused(name)),
                Step::Malformed(reason) => return Err(ClientError::protocol(name, reason)),
                Step::Ended { state, error } => {
                    return Err(ClientError::Ended {
                        operation: name.to_owned(),
                        state,
                        error: error.map(Box::new),
                        request_id: answer.request_id(),
                    });
                }
                Step::Fetch => {
                    return watch
                        .bound(self.call(name, Method::Get, resource, None))
                        .await
                        .map_err(|interrupt| ClientError::interrupted(interrupt, name, None))?;
                }
                Step::Poll(poll) => match self.ask(name, &poll, watch).await {
                    Ok(polled) => {
                        answer = polled;
                        let step = long_running::next(method, resource, &poll, &answer);
                        if let Step::Poll(again) = &step
                            && again.failures > 0
                        {
                            let reason = format!("status {}", answer.status);
                            watch.tell(poll_failed(name, reason));
                        }
                        step
                    }
                    Err(ClientError::Transport { operation, cause }) => {
                        match poll.unanswered(None) {
                            Some(again) => {
                                watch.tell(poll_failed(name, cause.to_string()));
                                Step::Poll(again)
                            }
                            None => return Err(ClientError::Transport { operation, cause }),
                        }
                    }
                    Err(error) => return Err(error),
                },
            };
        }
    }

    /// Waits, then asks once.
    async fn ask(&self, name: &str, poll: &Poll, watch: &Watch<'_>) -> Result<Answer, ClientError> {
        let again_in = self.pace.pause(poll.after);
        watch.tell(Progress::Running {
            operation: name.to_owned(),
            state: poll.state.clone(),
            again_in,
        });
        watch
            .bound(async {
                tokio::time::sleep(again_in).await;
                self.send(name, Method::Get, &poll.url, None).await
            })
            .await
            .map_err(|interrupt| ClientError::interrupted(interrupt, name, Some(&poll.state)))?
    }
}

fn poll_failed(operation: &str, reason: String) -> Progress {
    Progress::PollFailed {
        operation: operation.to_owned(),
        reason,
    }
}
