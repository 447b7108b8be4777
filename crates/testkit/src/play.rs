//! The steps of a script, and the playing of one script on one connection.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::server::Connection;

/// One thing a scripted server does on a connection.
#[derive(Debug, Clone)]
pub enum Step {
    /// Reads one request: head and body (by `Content-Length` or chunked). What follows stays for the next read.
    ReadRequest,
    /// Reads up to the empty line that ends a request's head, and leaves the body unread.
    ReadHead,
    /// Hands these bytes to the kernel in one go (a test that wants pieces writes several).
    Write(Vec<u8>),
    /// Does nothing for this long, in real time.
    Pause(Duration),
    /// Goes no further before the test opens the gate.
    Hold(Gate),
    /// Reads and keeps whatever comes, until the client closes or resets.
    WaitForClose,
    /// Ends the sending half (FIN); reading goes on.
    ShutdownWrite,
    /// Sends RST: the client's next read fails with "connection reset". Ends the script.
    Reset,
    /// Closes (FIN when all that came was read). Ends the script; its end does the same.
    Close,
}

impl Step {
    /// [`Step::Write`] from anything that is bytes.
    pub fn write(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Write(bytes.into())
    }
}

/// Stops scripts at [`Step::Hold`] until the test has seen what it waits for. Clones are one gate.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Opens the gate, for all who wait and all who come later.
    pub fn open(&self) {
        self.0.close();
    }

    async fn pass(&self) {
        // The semaphore has no permits, so the only way on is its being closed.
        let _ = self.0.acquire().await;
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

/// Plays a whole script; an error says at what the script could not go on.
pub(crate) async fn play(
    stream: TcpStream,
    script: &[Step],
    log: Arc<Mutex<Connection>>,
) -> io::Result<()> {
    let mut player = Player {
        stream,
        unread: Vec::new(),
        log,
    };
    for step in script {
        match step {
            Step::ReadRequest => player.read_request().await?,
            Step::ReadHead => drop(player.read_head().await?),
            Step::Write(bytes) => player.stream.write_all(bytes).await?,
            Step::Pause(time) => tokio::time::sleep(*time).await,
            Step::Hold(gate) => gate.pass().await,
            Step::WaitForClose => player.wait_for_close().await?,
            Step::ShutdownWrite => player.stream.shutdown().await?,
            Step::Reset => return player.stream.set_zero_linger(),
            Step::Close => return Ok(()),
        }
    }
    Ok(())
}

struct Player {
    stream: TcpStream,
    /// Bytes that came but belong to no step yet.
    unread: Vec<u8>,
    log: Arc<Mutex<Connection>>,
}

impl Player {
    /// Reads some more; the number of bytes, 0 at the end.
    async fn fill(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 16 * 1024];
        let n = self.stream.read(&mut buffer).await?;
        self.unread.extend_from_slice(&buffer[..n]);
        self.log
            .lock()
            .expect("no holder of this lock panics")
            .received
            .extend_from_slice(&buffer[..n]);
        Ok(n)
    }

    /// Takes `n` bytes off the front, reading as far as needed.
    async fn take(&mut self, n: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < n {
            if self.fill().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let rest = self.unread.split_off(n);
        Ok(std::mem::replace(&mut self.unread, rest))
    }

    /// Takes everything up to and including `end` off the front.
    async fn take_through(&mut self, end: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            if let Some(at) = self
                .unread
                .windows(end.len())
                .position(|window| window == end)
            {
                return self.take(at + end.len()).await;
            }
            if self.fill().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn read_head(&mut self) -> io::Result<Vec<u8>> {
        self.take_through(b"\r\n\r\n").await
    }

    async fn read_request(&mut self) -> io::Result<()> {
        let head = String::from_utf8_lossy(&self.read_head().await?).to_ascii_lowercase();
        let field = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(':'));
            lines
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.trim().to_owned())
        };
        if field("transfer-encoding").is_some_and(|coding| coding.ends_with("chunked")) {
            return self.read_chunks().await;
        }
        let length = field("content-length").map_or(Ok(0), |text| text.parse());
        let length = length.map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        self.take(length).await.map(drop)
    }

    async fn read_chunks(&mut self) -> io::Result<()> {
        loop {
            let line = self.take_through(b"\r\n").await?;
            let digits = String::from_utf8_lossy(&line);
            let digits = digits.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(digits, 16);
            let size = size.map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
            self.take(size + 2).await?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    async fn wait_for_close(&mut self) -> io::Result<()> {
        loop {
            match self.fill().await {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}
