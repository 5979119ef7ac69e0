//! The thread that keeps the kernel's log from overflowing.

use std::io::{PipeReader, PipeWriter};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread::JoinHandle;

use super::Journal;

/// A thread that reads the log as it fills, so that its buffer does not overflow.
pub(in crate::lab) struct Reader {
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    pub(in crate::lab) fn start(journal: &Arc<Journal>) -> std::io::Result<Reader> {
        let (stopped, stop) = std::io::pipe()?;
        let journal = Arc::clone(journal);
        let thread = std::thread::Builder::new()
            .name("vnetlab-log".to_owned())
            .spawn(move || read(&journal, &stopped))?;
        Ok(Reader {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

fn read(journal: &Journal, stopped: &PipeReader) {
    let log = journal.state().log.as_raw_fd();
    loop {
        let wait = |fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        };
        let mut both = [wait(log), wait(stopped.as_raw_fd())];
        // SAFETY: both descriptors are open: the journal and the pipe outlive the loop.
        unsafe { libc::poll(both.as_mut_ptr(), 2, -1) };
        if both[1].revents != 0 {
            return;
        }
        journal.drain();
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A reader that panicked has nothing more to give.
            let _ = thread.join();
        }
    }
}
