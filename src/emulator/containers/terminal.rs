//! The terminal of a session: an echo of what is typed, one line at a time, as a terminal in canonical
//! mode has it.

use std::collections::VecDeque;

use futures::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;

use crate::emulator::websocket::Socket;

/// What a line of a terminal holds; what is typed beyond it is lost.
const LONGEST_LINE: usize = 4095;

/// What may be typed ahead while a command runs.
const TYPED_AHEAD: usize = 1 << 16;

/// The other side went away, or typed too far ahead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gone;

/// What the keys of a terminal have made so far.
#[derive(Debug, Default)]
struct Keys {
    typed: VecDeque<u8>,
    line: Vec<u8>,
}

impl Keys {
    /// Takes typed bytes up to the end of a line: what the terminal echoes, and the line, or `None` as
    /// the line for a Ctrl-D on an empty one.
    fn take(&mut self) -> (Vec<u8>, Option<Option<String>>) {
        let mut echo = Vec::new();
        while let Some(byte) = self.typed.pop_front() {
            match byte {
                b'\r' | b'\n' => {
                    echo.extend_from_slice(b"\r\n");
                    let line = std::mem::take(&mut self.line);
                    return (
                        echo,
                        Some(Some(String::from_utf8_lossy(&line).into_owned())),
                    );
                }
                // Ctrl-C gives the line up, Ctrl-D on an empty line the terminal.
                0x03 => {
                    self.line.clear();
                    echo.extend_from_slice(b"^C\r\n");
                    return (echo, Some(Some(String::new())));
                }
                0x04 if self.line.is_empty() => return (echo, Some(None)),
                0x08 | 0x7f => {
                    if self.line.pop().is_some() {
                        echo.extend_from_slice(b"\x08 \x08");
                    }
                }
                _ if self.line.len() == LONGEST_LINE => {}
                byte => {
                    self.line.push(byte);
                    echo.push(byte);
                }
            }
        }
        (echo, None)
    }
}

/// The terminal of one socket.
pub(super) struct Terminal<'a> {
    socket: &'a mut Socket,
    keys: Keys,
}

impl<'a> Terminal<'a> {
    pub(super) fn new(socket: &'a mut Socket) -> Terminal<'a> {
        Terminal {
            socket,
            keys: Keys::default(),
        }
    }

    /// Shows text, with line breaks as a terminal has them.
    pub(super) async fn show(&mut self, text: &str) -> Result<(), Gone> {
        self.send(text.replace('\n', "\r\n").into_bytes()).await
    }

    async fn send(&mut self, bytes: Vec<u8>) -> Result<(), Gone> {
        let sent = self.socket.send(Message::Binary(bytes.into())).await;
        sent.map_err(|_| Gone)
    }

    /// The next line; `None` when the terminal is given up.
    pub(super) async fn line(&mut self) -> Result<Option<String>, Gone> {
        loop {
            let (echo, line) = self.keys.take();
            if !echo.is_empty() {
                self.send(echo).await?;
            }
            match line {
                Some(line) => return Ok(line),
                None => self.read().await?,
            }
        }
    }

    /// Waits for work, and keeps what is typed meanwhile.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Gone> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                read = self.read() => read?,
            }
        }
    }

    /// Takes the next message; reading also answers pings.
    async fn read(&mut self) -> Result<(), Gone> {
        match self.socket.next().await {
            Some(Ok(Message::Binary(bytes))) => self.keys.typed.extend(bytes),
            Some(Ok(Message::Text(text))) => self.keys.typed.extend(text.as_bytes()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Gone),
            Some(Ok(_)) => {}
        }
        if self.keys.typed.len() > TYPED_AHEAD {
            return Err(Gone);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(keys: &mut Keys, typed: &[u8]) -> (String, Option<Option<String>>) {
        keys.typed.extend(typed);
        let (echo, line) = keys.take();
        (String::from_utf8(echo).expect("an echo in UTF-8"), line)
    }

    #[test]
    fn a_line_is_what_was_typed_and_left() {
        let mut keys = Keys::default();
        assert_eq!(take(&mut keys, b"l"), ("l".to_owned(), None));
        let line = |text: &str| Some(Some(text.to_owned()));
        assert_eq!(
            take(&mut keys, b"x\x7fs\rnext"),
            ("x\x08 \x08s\r\n".to_owned(), line("ls"))
        );
        assert_eq!(
            take(&mut keys, b"\x03"),
            ("next^C\r\n".to_owned(), line(""))
        );
        assert_eq!(take(&mut keys, b"\x7f\n"), ("\r\n".to_owned(), line("")));
        assert_eq!(take(&mut keys, b"\x04"), (String::new(), Some(None)));
    }

    #[test]
    fn a_terminal_takes_no_more_than_its_line_holds() {
        let mut keys = Keys::default();
        let (_, line) = take(&mut keys, &[b"x".repeat(5000), b"\n".to_vec()].concat());
        assert_eq!(line.flatten().map(|line| line.len()), Some(LONGEST_LINE));
    }
}
