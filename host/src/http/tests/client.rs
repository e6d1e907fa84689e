//! A client that sends whatever it is told to.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

/// A connection.
pub(super) struct Client {
    stream: BufReader<TcpStream>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Client {
    pub(super) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        let limit = Some(Duration::from_secs(60));
        stream.set_read_timeout(limit).unwrap();
        stream.set_write_timeout(limit).unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Sends bytes; what the server refuses to read is no error.
    pub(super) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.get_mut().write_all(bytes.as_ref()).is_ok()
    }

    /// Sends a request and reads its answer.
    pub(super) fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> Answer {
        let (length, body) = match method {
            "GET" | "HEAD" => (String::new(), &[][..]),
            _ => (format!("Content-Length: {}\r\n", body.len()), body),
        };
        self.send(format!(
            "{method} {path} HTTP/1.1\r\nHost: s\r\n{length}{headers}\r\n"
        ));
        self.send(body);
        self.answer(method == "HEAD")
    }

    /// Reads an answer.
    pub(super) fn answer(&mut self, is_head: bool) -> Answer {
        let mut answer = self.head();
        if is_head {
            return answer;
        }
        if let Some(length) = answer.header("content-length") {
            answer.body.resize(length.parse().unwrap(), 0);
            self.stream.read_exact(&mut answer.body).unwrap();
        } else if answer.status >= 200 {
            self.stream.read_to_end(&mut answer.body).unwrap();
        }
        answer
    }

    /// Reads the head of an answer.
    pub(super) fn head(&mut self) -> Answer {
        let first = self.line();
        let status = first.split(' ').nth(1).unwrap_or_default();
        let mut answer = Answer {
            status: status
                .parse()
                .unwrap_or_else(|_| panic!("no answer: {first:?}")),
            headers: Vec::new(),
            body: Vec::new(),
        };
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(':') else {
                return answer;
            };
            let name = name.to_ascii_lowercase();
            answer.headers.push((name, value.trim().to_owned()));
        }
    }

    /// Reads a line, empty at the end.
    pub(super) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Whether the server closed the connection.
    pub(super) fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).is_err() || rest.is_empty()
    }

    /// Sends nothing more.
    pub(super) fn finish(&mut self) {
        self.stream.get_mut().shutdown(Shutdown::Write).unwrap();
    }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let header = headers.find(|(known, _)| known == name)?;
        Some(header.1.as_str())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }

    /// The reason of a refusal.
    pub(super) fn reason(&self) -> String {
        self.json()["error"]["reason"].as_str().unwrap().to_owned()
    }
}
