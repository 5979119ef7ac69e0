//! A command in a pod, over a WebSocket (protocol version 5, else 4).
//!
//! Output that got lost is an error, never an empty output: a probe must not take silence for an answer.
//! The exit status is not part of the result, because under load it gets lost where the output does
//! not; a command says what it has to say in its output.

use std::time::Duration;

use kube::api::AttachParams;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{Cluster, KubernetesError};

/// More output than any probe has; what goes beyond is refused rather than cut.
const OUTPUT_LIMIT: u64 = 1 << 20;

/// What a command wrote. Bytes that are not UTF-8 are replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutput {
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Cluster {
    /// Runs a command in a pod's only container and waits for its end, whatever its exit status.
    ///
    /// # Errors
    /// When the command cannot be run, has not ended after `timeout`, or its output was lost.
    pub async fn exec(
        &self,
        namespace: &str,
        name: &str,
        argv: &[String],
        timeout: Duration,
    ) -> Result<ExecOutput, KubernetesError> {
        let program = argv.first().map(String::as_str).unwrap_or_default();
        let operation = format!("run `{program}` in pod `{name}`");
        match tokio::time::timeout(timeout, self.attach(namespace, name, argv, &operation)).await {
            Ok(output) => output,
            Err(_) => Err(KubernetesError::TimedOut {
                operation,
                after: timeout,
            }),
        }
    }

    async fn attach(
        &self,
        namespace: &str,
        name: &str,
        argv: &[String],
        operation: &str,
    ) -> Result<ExecOutput, KubernetesError> {
        let parameters = AttachParams::default()
            .stdin(false)
            .stdout(true)
            .stderr(true);
        let mut process = self
            .pods(namespace)
            .exec(name, argv, &parameters)
            .await
            .map_err(|error| KubernetesError::of(operation, error))?;
        let (stdout, stderr) = (process.stdout(), process.stderr());
        let status = process.take_status();
        // Both at once: the one that nobody reads would block the other.
        let (stdout, stderr) = tokio::try_join!(read(stdout, operation), read(stderr, operation))?;
        let status = match status {
            Some(status) => status.await,
            None => None,
        };
        let ending = process.join().await;
        match status {
            Some(status) if status.status.as_deref() == Some("Success") => {}
            // The command ran; its exit status is its own business.
            Some(status) if status.reason.as_deref() == Some("NonZeroExitCode") => {}
            Some(status) => {
                return Err(KubernetesError::Refused {
                    operation: operation.to_owned(),
                    status: status
                        .code
                        .and_then(|code| code.try_into().ok())
                        .unwrap_or(0),
                    reason: status.reason.unwrap_or_default(),
                    message: status.message.unwrap_or_default(),
                });
            }
            None if stdout.is_empty() && stderr.is_empty() => {
                return Err(KubernetesError::OutputLost {
                    operation: operation.to_owned(),
                    reason: match ending {
                        Ok(()) => "the connection was closed without a status".to_owned(),
                        Err(error) => error.to_string(),
                    },
                });
            }
            // The status was lost, the output was not.
            None => {}
        }
        Ok(ExecOutput { stdout, stderr })
    }
}

async fn read(
    stream: Option<impl AsyncRead + Unpin>,
    operation: &str,
) -> Result<String, KubernetesError> {
    let Some(stream) = stream else {
        return Ok(String::new());
    };
    let mut bytes = Vec::new();
    stream
        .take(OUTPUT_LIMIT + 1)
        .read_to_end(&mut bytes)
        .await
        .map_err(|error| KubernetesError::OutputLost {
            operation: operation.to_owned(),
            reason: error.to_string(),
        })?;
    if bytes.len() as u64 > OUTPUT_LIMIT {
        return Err(KubernetesError::Protocol {
            operation: operation.to_owned(),
            reason: "the output is longer than 1 MiB".to_owned(),
        });
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
