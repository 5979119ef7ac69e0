//! A command in a container group, through the exec of Azure Container Instances (R76).
//!
//! The API gives a WebSocket and a password. The password is the first message, then bytes go both ways
//! like on a terminal, and there is no exit status (as `az container exec` has it, azure-cli
//! `command_modules/container/custom.py`). The session's program is `/bin/sh`; the command is typed into
//! it ([`typing`]). The socket is opened by the HTTP client of the target's transport, so that roots,
//! proxies and the TLS provider are the same as for every other request; the token is not sent there.

mod error;
mod session;
mod typing;

use std::time::Duration;

use azure_core::http::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::arm::ResourceId;

use super::Client;
use super::error::ClientError;
use super::resources::CONTAINER_INSTANCE;

pub use error::ContainerExecError;

use session::{Ended, Invitation, Session};
use typing::Typing;

/// The program of every session.
const SHELL: &str = "/bin/sh";

impl Client {
    /// Runs a command in the first container of a container group, and gives what it wrote: standard
    /// output and standard error in one, because a terminal has only one way out. Lines end in `\n`.
    ///
    /// The container must have `/bin/sh` and `base64`.
    ///
    /// # Errors
    /// When the container does not run or has no shell, the session cannot be opened or ends early, or
    /// the command has not ended after `timeout`.
    pub async fn exec_in_container_group(
        &self,
        group: &ResourceId,
        argv: &[String],
        timeout: Duration,
    ) -> Result<String, ContainerExecError> {
        let deadline = Instant::now() + timeout;
        let program = argv.first().map(String::as_str).unwrap_or_default();
        let operation = format!("run `{program}` in container group `{}`", group.name());
        if argv.is_empty() || argv.iter().any(|word| word.contains('\0')) {
            return Err(ContainerExecError::Invalid {
                operation,
                reason: "a command line has at least one word, and no NUL in any".to_owned(),
            });
        }
        let late = |waiting: &str, said: String| ContainerExecError::TimedOut {
            operation: operation.clone(),
            after: timeout,
            waiting: waiting.to_owned(),
            said,
        };
        let opening = async {
            let invitation = self.invitation(&operation, group).await?;
            Session::open(&operation, self.wire.transport, invitation).await
        };
        let mut session = timeout_at(deadline, opening)
            .await
            .map_err(|_| late("opening the session", String::new()))??;

        // A tag of its own: a nonce in the command may stand in the output for other reasons.
        let typing = Typing::new(argv, &uuid::Uuid::new_v4().simple().to_string());
        let all = typing.lines().len();
        for (index, line) in typing.lines().iter().enumerate() {
            match timeout_at(deadline, session.type_line(line)).await {
                Ok(Ok(())) => {}
                Ok(Err(Ended(how))) => {
                    let said = session.said(&how);
                    return Err(if index == 0 {
                        ContainerExecError::NoShell { operation, said }
                    } else {
                        ContainerExecError::OutputLost { operation, said }
                    });
                }
                Err(_) => {
                    let waiting = match index {
                        0 => "waiting for the shell to answer".to_owned(),
                        _ if index + 1 == all => "waiting for the command to end".to_owned(),
                        _ => format!("typing line {} of {all}", index + 1),
                    };
                    return Err(late(&waiting, session.said("")));
                }
            }
        }
        let output = typing.output(&session.shown());
        session.close().await;
        output.ok_or_else(|| ContainerExecError::OutputLost {
            operation,
            said: "the beginning of the output is missing".to_owned(),
        })
    }

    /// Asks for a session in the group's first container, which must run.
    async fn invitation(
        &self,
        operation: &str,
        group: &ResourceId,
    ) -> Result<Invitation, ContainerExecError> {
        let found = self.get(group, CONTAINER_INSTANCE).await?;
        let container = running_container(operation, &found)?;
        let below = ["containers", &container, "exec"];
        let url = self
            .wire
            .of_resource(operation, group, &below, CONTAINER_INSTANCE)?;
        let body = json!({
            "command": SHELL,
            "terminalSize": { "rows": 24, "cols": typing::COLUMNS },
        });
        let answer = self
            .wire
            .call(operation, Method::Post, &url, Some(&body))
            .await?
            .expect_json(operation)?;
        Ok(Invitation::read(operation, self.wire.transport, &answer)?)
    }
}

/// The first container of a group. Azure opens a session in a container that has ended as well
/// (recorded traffic, 06/aci-exec), and closes it without a word; so its state is read first.
fn running_container(operation: &str, group: &Value) -> Result<String, ContainerExecError> {
    let first = group.pointer("/properties/containers/0");
    let name = first
        .and_then(|container| container["name"].as_str())
        .ok_or_else(|| ClientError::protocol(operation, "the group has no container"))?;
    let current = first.and_then(|it| it.pointer("/properties/instanceView/currentState"));
    let state = current
        .and_then(|current| current["state"].as_str())
        .or_else(|| group.pointer("/properties/instanceView/state")?.as_str());
    match state {
        // A group whose state is not told is left to the session to judge.
        None => Ok(name.to_owned()),
        Some(state) if state.eq_ignore_ascii_case("running") => Ok(name.to_owned()),
        Some(state) => Err(ContainerExecError::NotRunning {
            operation: operation.to_owned(),
            container: name.to_owned(),
            state: state.to_owned(),
            exit_code: current.and_then(|current| current["exitCode"].as_i64()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_that_does_not_run_is_named_with_its_state() {
        let group = |state: Value| {
            json!({ "properties": { "containers": [
                { "name": "first", "properties": { "instanceView": { "currentState": state } } },
                { "name": "second", "properties": {} },
            ] } })
        };
        let running = group(json!({ "state": "Running" }));
        assert_eq!(
            running_container("o", &running).ok().as_deref(),
            Some("first")
        );
        // As recorded: 06/aci-exec.
        let ended = group(json!({ "state": "Terminated", "exitCode": 2, "detailStatus": "Error" }));
        let error = running_container("run it", &ended).expect_err("it does not run");
        assert_eq!(
            error.to_string(),
            "cannot run it: its container `first` is `Terminated` (exit status 2)"
        );
        let stopped = json!({ "properties": {
            "containers": [{ "name": "c", "properties": {} }],
            "instanceView": { "state": "Stopped" },
        } });
        let error = running_container("run it", &stopped).expect_err("it does not run");
        assert!(error.to_string().contains("`Stopped`"), "{error}");
        assert!(running_container("o", &json!({})).is_err());
    }
}
