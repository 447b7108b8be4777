//! Is a client over a bare socket that sees every chunk of an answer and when it came.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use loadgen_mock::{Ended, Mock, Settings, TruthRecord};
use serde_json::Value;

/// A connection to the mock.
pub(crate) struct Client {
    socket: BufReader<TcpStream>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// The chunks of a chunked body, or the one whole of any other.
    pub(crate) chunks: Vec<Vec<u8>>,
    /// When each chunk had been read.
    pub(crate) arrivals: Vec<Instant>,
    /// Whether the body ended as HTTP has it.
    pub(crate) whole: bool,
}

impl Client {
    pub(crate) fn connect(mock: &Mock) -> Self {
        let socket = TcpStream::connect(mock.address()).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        socket.set_nodelay(true).unwrap();
        Self {
            socket: BufReader::new(socket),
        }
    }

    pub(crate) fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) {
        let length = if body.is_empty() {
            String::new()
        } else {
            format!("content-length: {}\r\n", body.len())
        };
        self.write(&format!(
            "{method} {path} HTTP/1.1\r\nhost: mock\r\n{headers}{length}\r\n{body}"
        ));
    }

    pub(crate) fn write(&mut self, bytes: &str) {
        self.socket.get_mut().write_all(bytes.as_bytes()).unwrap();
    }

    pub(crate) fn ask(&mut self, method: &str, path: &str, body: &str) -> Answer {
        self.send(method, path, "", body);
        self.answer(method == "HEAD")
    }

    /// Reads one answer.
    pub(crate) fn answer(&mut self, head_only: bool) -> Answer {
        let mut answer = self.head();
        let length = answer
            .header("content-length")
            .map(|length| length.parse::<usize>().unwrap());
        if head_only || matches!(answer.status, 204 | 304) {
            answer.whole = true;
        } else if let Some(length) = length {
            let mut body = vec![0; length];
            answer.whole = self.socket.read_exact(&mut body).is_ok();
            answer.came(body);
        } else if answer.header("transfer-encoding").as_deref() == Some("chunked") {
            while let Some(chunk) = self.chunk() {
                if chunk.is_empty() {
                    answer.whole = true;
                    break;
                }
                answer.came(chunk);
            }
        } else {
            let mut body = Vec::new();
            answer.whole = self.socket.read_to_end(&mut body).is_ok();
            answer.came(body);
        }
        answer
    }

    /// Reads the head of an answer.
    pub(crate) fn head(&mut self) -> Answer {
        let status = self.line().unwrap();
        let status = status.split(' ').nth(1).unwrap().parse().unwrap();
        let lines = std::iter::from_fn(|| self.line().filter(|line| !line.is_empty()));
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_owned(), value.to_owned())
        });
        let headers = headers.collect();
        Answer {
            status,
            headers,
            chunks: Vec::new(),
            arrivals: Vec::new(),
            whole: false,
        }
    }

    /// Reads the next chunk: an empty one at the end, none if the connection ended before.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = usize::from_str_radix(&self.line()?, 16).unwrap();
        let mut chunk = vec![0; size + 2];
        self.socket.read_exact(&mut chunk).ok()?;
        chunk.truncate(size);
        Some(chunk)
    }

    /// Whether the server has hung up.
    pub(crate) fn is_over(&mut self) -> bool {
        matches!(self.socket.read(&mut [0]), Ok(0)) || self.socket.get_ref().peek(&mut [0]).is_err()
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let size = self.socket.read_line(&mut line).ok()?;
        (size > 0).then(|| line.trim_end().to_owned())
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.clone())
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        self.chunks.concat()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body())
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The data of each event; in an NDJSON stream each line.
    pub(crate) fn data(&self) -> Vec<String> {
        let text = self.text();
        let ndjson = self
            .header("content-type")
            .is_some_and(|kind| kind.contains("ndjson"));
        let data = text.lines().filter_map(|line| {
            if ndjson {
                Some(line)
            } else {
                line.strip_prefix("data: ")
            }
        });
        data.map(str::to_owned).collect()
    }

    fn came(&mut self, chunk: Vec<u8>) {
        self.arrivals.push(now());
        self.chunks.push(chunk);
    }
}

pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// A mock with `settings` on a free port.
pub(crate) fn start(settings: Settings) -> Mock {
    Mock::start(settings, "127.0.0.1:0".parse().unwrap()).unwrap()
}

/// Settings without waits, and eight tokens.
pub(crate) fn fast() -> Settings {
    Settings {
        ttft: Duration::ZERO,
        itl: Duration::ZERO,
        tokens: 8,
        ..Settings::default()
    }
}

/// Settings whose answers last longer than any test.
pub(crate) fn endless() -> Settings {
    Settings {
        itl: Duration::from_secs(600),
        ..fast()
    }
}

/// A body that asks for a stream, in any dialect.
pub(crate) const STREAM: &str =
    r#"{ "model": "any", "stream": true, "stream_options": { "include_usage": true } }"#;

/// The record of request `number` once it has ended. Each look asks the mock, which paces this.
pub(crate) fn ended(mock: &Mock, number: u64) -> TruthRecord {
    let deadline = now() + Duration::from_secs(20);
    let mut looks = Client::connect(mock);
    loop {
        assert_eq!(looks.ask("GET", "/_truth", "").status, 200);
        let record = mock
            .truth()
            .into_iter()
            .find(|record| record.request == number)
            .unwrap();
        if record.ended != Ended::Open && record.ended_ns.is_some() {
            return record;
        }
        assert!(now() < deadline, "still open: {record:?}");
    }
}
