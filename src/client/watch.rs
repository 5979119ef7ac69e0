//! How long a caller is willing to wait, and how it is told what goes on.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The bounds of a long operation, and where its progress goes.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// When to stop waiting.
    pub deadline: Instant,
    /// Stops the waiting when cancelled; what was started at the target goes on there.
    pub cancel: &'a CancellationToken,
    /// Told about each state before the wait for the next one.
    pub progress: &'a (dyn Fn(Progress) + Send + Sync),
}

impl fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("deadline", &self.deadline)
            .field("cancelled", &self.cancel.is_cancelled())
            .finish_non_exhaustive()
    }
}

/// Something that happens while an operation runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// The operation is in a state and will be asked about again.
    Running {
        /// The operation, for example ``deploy `step-1` ``.
        operation: String,
        /// The state as the target words it.
        state: String,
        /// The time until the next question; zero where the target tells by itself.
        again_in: Duration,
    },
    /// A question about the operation was not answered; it is asked again.
    PollFailed {
        /// The operation.
        operation: String,
        /// What came instead of an answer.
        reason: String,
    },
    /// The answer to a submission was lost, but the target runs it: it is followed.
    Adopted {
        /// The deployment's name.
        deployment: String,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Progress::Running {
                operation, state, ..
            } => write!(f, "{operation}: {state}"),
            Progress::PollFailed { operation, reason } => {
                write!(f, "{operation}: asking again after {reason}")
            }
            Progress::Adopted { deployment } => {
                write!(
                    f,
                    "deployment `{deployment}` was submitted before; following it"
                )
            }
        }
    }
}

/// Why waiting stopped before the operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// The caller cancelled.
    Cancelled,
    /// The deadline passed.
    Deadline,
}

impl Watch<'_> {
    /// Waits for `future` within the bounds. Cancellation wins over the deadline, and both over a
    /// result that is ready at the same time.
    pub(super) async fn bound<F: Future>(&self, future: F) -> Result<F::Output, Interrupt> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Interrupt::Cancelled),
            () = tokio::time::sleep_until(self.deadline) => Err(Interrupt::Deadline),
            output = future => Ok(output),
        }
    }

    pub(super) fn tell(&self, progress: Progress) {
        (self.progress)(progress);
    }
}
