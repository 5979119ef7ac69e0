//! A program on a terminal of its own, bridged to a WebSocket as a container's exec does it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use futures::{Sink, SinkExt, Stream, StreamExt};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Whether a program is not on this host.
pub(crate) fn missing(program: &str) -> bool {
    Command::new(program)
        .args(["-c", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(|mut child| child.wait())
        .is_err()
}

pub(crate) struct Terminal {
    controller: File,
    program: Child,
}

impl Terminal {
    /// Starts a program with a terminal of so many columns as its controlling one.
    pub(crate) fn start(argv: &[&str], columns: u16) -> Terminal {
        let size = libc::winsize {
            ws_row: 24,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let (mut controller, mut terminal) = (-1, -1);
        // SAFETY: both descriptors are written by the call, which is checked; name and attributes are
        // optional.
        let opened = unsafe {
            libc::openpty(
                &mut controller,
                &mut terminal,
                std::ptr::null_mut(),
                std::ptr::null(),
                &size,
            )
        };
        assert_eq!(opened, 0, "a terminal: {}", std::io::Error::last_os_error());
        // SAFETY: the descriptors are new and nobody else's. No child may inherit the controller: its
        // end would go unnoticed.
        let (controller, terminal) = unsafe {
            libc::fcntl(controller, libc::F_SETFD, libc::FD_CLOEXEC);
            libc::fcntl(terminal, libc::F_SETFD, libc::FD_CLOEXEC);
            (
                File::from_raw_fd(controller),
                OwnedFd::from_raw_fd(terminal),
            )
        };
        let end = terminal.as_raw_fd();
        let mut command = Command::new(argv[0]);
        command
            .args(&argv[1..])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            // What makes a line editor use escape sequences.
            .env("TERM", "xterm")
            .stdin(terminal.try_clone().unwrap())
            .stdout(terminal.try_clone().unwrap())
            .stderr(terminal.try_clone().unwrap());
        // SAFETY: both calls are allowed between fork and exec.
        unsafe {
            command.pre_exec(move || {
                if libc::setsid() < 0 || libc::ioctl(end, libc::TIOCSCTTY, 0) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let program = command.spawn().unwrap();
        Terminal {
            controller,
            program,
        }
    }

    /// Carries bytes both ways until the program or the other side ends; then closes the socket.
    pub(crate) async fn bridge<S>(mut self, mut socket: S)
    where
        S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
    {
        let (shown, mut screen) = mpsc::unbounded_channel::<Vec<u8>>();
        let mut reader = self.controller.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 97];
            // The end of the last program on it is an error of the terminal.
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if shown.send(buffer[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        loop {
            tokio::select! {
                bytes = screen.recv() => match bytes {
                    Some(bytes) => if socket.send(Message::Binary(bytes.into())).await.is_err() { break },
                    None => break,
                },
                message = socket.next() => match message {
                    Some(Ok(Message::Binary(bytes))) => self.controller.write_all(&bytes).unwrap(),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                    Some(Ok(_)) => {}
                },
            }
        }
        let _gone_already = self.program.kill();
        self.program.wait().unwrap();
        let _closed_already = socket.close().await;
    }
}
