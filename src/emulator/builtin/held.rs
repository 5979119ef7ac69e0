//! Held connections: opened by one run of a probe, asked again by later ones.

use std::net::SocketAddrV4;
use std::time::Duration;

use axum::body::Body;
use hyper::Request;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::emulator::fabric::{Connection, Recorder, Stream};

use super::request::answer;

type Answers = Vec<(u16, Vec<u8>)>;
type Question = (Vec<Request<Body>>, oneshot::Sender<Answers>);

/// What became of a question.
pub(super) enum Asked {
    /// The caller's own end of the connection, and an answer for each request.
    Answered(SocketAddrV4, Answers),
    TimedOut,
    Closed,
}

/// A connection that is kept, or the memory that there is none.
pub(in crate::emulator) struct Session(Option<Open>);

struct Open {
    local: SocketAddrV4,
    questions: mpsc::UnboundedSender<Question>,
    recorder: Option<Box<dyn Recorder>>,
    task: AbortHandle,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Session {
    /// Keeps a connection until the session is dropped.
    pub(super) fn open(connection: Connection) -> Session {
        let Connection {
            stream,
            local,
            recorder,
        } = connection;
        let (questions, asked) = mpsc::unbounded_channel();
        let task = tokio::spawn(hold(stream, asked)).abort_handle();
        Session(Some(Open {
            local,
            questions,
            recorder,
            task,
        }))
    }

    /// The connection was tried and did not stand: it is not tried again.
    pub(super) fn never_opened() -> Session {
        Session(None)
    }

    /// Keeps the record of what its packets meet under another nonce from now on.
    pub(super) fn record(&self, nonce: &str) {
        if let Some(recorder) = self.0.as_ref().and_then(|open| open.recorder.as_ref()) {
            recorder.record(nonce);
        }
    }

    /// Asks, and waits for each answer; one that comes later is passed over.
    pub(super) async fn ask(&self, requests: Vec<Request<Body>>, each: Duration) -> Asked {
        let Some(open) = &self.0 else {
            return Asked::Closed;
        };
        let limit = each * u32::try_from(requests.len()).unwrap_or(u32::MAX);
        let (answers, answered) = oneshot::channel();
        if open.questions.send((requests, answers)).is_err() {
            return Asked::Closed;
        }
        match tokio::time::timeout(limit, answered).await {
            Ok(Ok(answers)) => Asked::Answered(open.local, answers),
            Ok(Err(_)) => Asked::Closed,
            Err(_) => Asked::TimedOut,
        }
    }
}

/// Asks one question after the other until the connection ends. A question is never given up: its
/// answer may come when a rule is turned back, and must not be taken for the next one's.
async fn hold(stream: Box<dyn Stream>, mut asked: mpsc::UnboundedReceiver<Question>) {
    let Ok((mut sender, connection)) = handshake(TokioIo::new(stream)).await else {
        return;
    };
    let asking = async {
        while let Some((requests, reply)) = asked.recv().await {
            let mut answers = Vec::new();
            for request in requests {
                match answer(&mut sender, request).await {
                    Ok(answer) => answers.push(answer),
                    Err(_) => return,
                }
            }
            // The run may have given up.
            let _ = reply.send(answers);
        }
    };
    tokio::select! {
        () = asking => {}
        _ = connection => {}
    }
}
