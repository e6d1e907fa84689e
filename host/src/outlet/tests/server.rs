//! An HTTP server that answers as told.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    thread::JoinHandle,
};

/// A request as it arrived.
#[derive(Debug)]
pub struct Request {
    pub line: String,
    /// By name in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// A status, headers and a body.
pub type Reply = (u16, &'static str, String);

pub struct Server {
    pub address: SocketAddr,
    thread: JoinHandle<Vec<Request>>,
}

impl Server {
    /// Answers so many requests.
    pub fn start(count: usize, reply: impl FnMut(&Request) -> Reply + Send + 'static) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), count, reply)
    }

    pub fn start_at(
        address: SocketAddr,
        count: usize,
        mut reply: impl FnMut(&Request) -> Reply + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let serve = move || {
            let mut serve_one = |_| serve(&listener, &mut reply);
            (0..count).map(&mut serve_one).collect()
        };
        Self {
            address,
            thread: std::thread::spawn(serve),
        }
    }

    /// Gives these answers, one after the other.
    pub fn scripted(replies: Vec<Reply>) -> Self {
        let count = replies.len();
        let mut replies = replies.into_iter();
        Self::start(count, move |_| replies.next().unwrap())
    }

    pub fn url(&self) -> String {
        format!("http://{}/take", self.address)
    }

    /// Waits until nobody listens any more.
    pub fn shut(self) -> SocketAddr {
        self.thread.join().unwrap();
        self.address
    }

    /// What was asked, once all was.
    pub fn requests(self) -> Vec<Request> {
        self.thread.join().unwrap()
    }
}

fn serve(listener: &TcpListener, reply: &mut impl FnMut(&Request) -> Reply) -> Request {
    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(&stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let header = |line: &String| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_lowercase(), value.to_owned())
    };
    let headers: BTreeMap<String, String> = lines[1..].iter().map(header).collect();
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let request = Request {
        line: lines[0].clone(),
        headers,
        body,
    };
    let (status, headers, body) = reply(&request);
    let length = body.len();
    write!(
        &stream,
        "HTTP/1.1 {status} As Told\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    )
    .unwrap();
    request
}
