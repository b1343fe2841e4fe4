//! A web server that takes what is posted to it, and can be told to be a bad one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::wait::until;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Posted {
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Posted {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Answers with this status.
    Says(u16),
    /// Takes connections and requests, and never answers.
    Hangs,
}

/// A running sink. Its threads end with the process.
pub struct Sink {
    address: SocketAddr,
    shared: Arc<Mutex<(Manner, Vec<Posted>)>>,
}

impl Sink {
    pub fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Mutex::new((manner, Vec::new())));
        let for_all = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&for_all);
                thread::spawn(move || serve(&stream, &shared));
            }
        });
        Self { address, shared }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn behave(&self, manner: Manner) {
        self.shared.lock().expect("no thread panicked").0 = manner;
    }

    /// What came so far.
    pub fn posted(&self) -> Vec<Posted> {
        self.shared.lock().expect("no thread panicked").1.clone()
    }

    /// Waits until so many requests have come.
    pub fn wait_for(&self, count: usize) -> Vec<Posted> {
        until(&format!("{count} requests have come"), || {
            Some(self.posted()).filter(|posted| posted.len() >= count)
        })
    }
}

/// An address where nothing listens: no port that the system would choose for somebody.
pub fn nowhere() -> String {
    "http://127.0.0.1:1".to_owned()
}

fn serve(stream: &TcpStream, shared: &Mutex<(Manner, Vec<Posted>)>) {
    let mut reader = BufReader::new(stream);
    while let Some(posted) = read(&mut reader) {
        let manner = {
            let mut shared = shared.lock().expect("no thread panicked");
            shared.1.push(posted);
            shared.0
        };
        let Manner::Says(status) = manner else {
            // Until the other side gives up.
            let _ = reader.read(&mut [0]);
            return;
        };
        let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n");
        if (&mut &*stream).write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Posted> {
    let mut line = || {
        let mut line = String::new();
        let length = reader.read_line(&mut line).ok()?;
        (length > 0).then(|| line.trim_end().to_owned())
    };
    let path = line()?.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        let line = line()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut posted = Posted { path, headers, body: Vec::new() };
    let length = posted.header("content-length").and_then(|text| text.parse().ok());
    posted.body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut posted.body).ok()?;
    Some(posted)
}
