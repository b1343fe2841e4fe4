//! Two HTTP clients: `ureq`, which somebody else wrote, for ordinary requests; and a
//! connection that can be held open, send garbage, stop half-way and go away.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use ureq::http;

/// A read that takes longer than this is a failure of the server.
const PATIENCE: Duration = Duration::from_mins(1);

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    pub fn json(&self) -> Value {
        let parsed = serde_json::from_slice(&self.body);
        parsed.unwrap_or_else(|error| panic!("{error} in: {self:?}"))
    }

    /// The status, and the message of the problem document that `/api` sends with it.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let document = self.json();
        assert_eq!(document["status"], self.status, "{document}");
        (self.status, document["detail"].as_str().expect("it has a detail").to_owned())
    }

    /// The status, and the message of the error document that v1 and v2 send with it.
    pub fn error(&self) -> (u16, String) {
        let document = self.json();
        let members = document.as_object().map_or(0, serde_json::Map::len);
        let message = document["error"].as_str().filter(|_| members == 1);
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        (self.status, message.unwrap_or_else(|| panic!("no error alone: {self:?}")).to_owned())
    }
}

/// An agent that keeps connections and reports every status as an answer.
pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .build()
        .into()
}

pub fn get(agent: &ureq::Agent, address: SocketAddr, path: &str) -> Answer {
    get_with(agent, address, path, &[])
}

/// The same with headers.
pub fn get_with(
    agent: &ureq::Agent,
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let mut request = agent.get(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answer(request.call().expect("the server answers"))
}

pub fn post(agent: &ureq::Agent, address: SocketAddr, path: &str, body: &[u8]) -> Answer {
    let response = agent.post(format!("http://{address}{path}")).send(body);
    answer(response.expect("the server answers"))
}

/// The same with headers.
pub fn post_with(
    agent: &ureq::Agent,
    address: SocketAddr,
    path: &str,
    body: &[u8],
    headers: &[(&str, &str)],
) -> Answer {
    let mut request = agent.post(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answer(request.send(body).expect("the server answers"))
}

pub fn put(agent: &ureq::Agent, address: SocketAddr, path: &str, body: &[u8]) -> Answer {
    let response = agent.put(format!("http://{address}{path}")).send(body);
    answer(response.expect("the server answers"))
}

pub fn delete(agent: &ureq::Agent, address: SocketAddr, path: &str) -> Answer {
    let response = agent.delete(format!("http://{address}{path}")).call();
    answer(response.expect("the server answers"))
}

fn answer(mut response: http::Response<ureq::Body>) -> Answer {
    let headers = response.headers().iter().map(|(name, value)| {
        (name.as_str().to_owned(), value.to_str().expect("headers are text").to_owned())
    });
    Answer {
        status: response.status().as_u16(),
        headers: headers.collect(),
        body: response.body_mut().read_to_vec().expect("the body arrives"),
    }
}

/// What bytes go through.
pub trait Duplex: Read + Write + Send {}

impl<T: Read + Write + Send> Duplex for T {}

/// One connection, for one request after the other.
pub struct Connection {
    stream: BufReader<Box<dyn Duplex>>,
    /// The answer to HEAD announces a body that does not come.
    asked_for_head: bool,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Self {
        Self::over(Box::new(connect(address)))
    }

    /// Over something that is connected already.
    pub fn over(stream: Box<dyn Duplex>) -> Self {
        Self { stream: BufReader::new(stream), asked_for_head: false }
    }

    /// Sends any bytes.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("the server reads");
    }

    /// Sends a request and does not wait for its answer.
    pub fn begin(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
        self.asked_for_head = method == "HEAD";
        let chunked = headers.iter().any(|(name, _)| *name == "Transfer-Encoding");
        let length =
            if chunked { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let request = head(method, path, headers) + &length + "\r\n";
        self.send(&[request.as_bytes(), body].concat());
    }

    pub fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.begin(method, path, headers, body);
        self.answer()
    }

    /// The same where the server may close the connection instead.
    pub fn try_request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> io::Result<Answer> {
        let request = head(method, path, headers) + "Content-Length: 0\r\n\r\n";
        self.stream.get_mut().write_all(request.as_bytes())?;
        self.try_answer()
    }

    pub fn post(&mut self, path: &str, body: &[u8]) -> Answer {
        self.request("POST", path, &[], body)
    }

    pub fn answer(&mut self) -> Answer {
        self.try_answer().expect("a whole answer arrives")
    }

    pub fn try_answer(&mut self) -> io::Result<Answer> {
        let status_line = self.line()?;
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("got '{status_line}'")))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        let length = answer.header("content-length").and_then(|text| text.parse().ok());
        let length = length.filter(|_| !self.asked_for_head);
        answer.body = vec![0; length.unwrap_or(0)];
        self.stream.read_exact(&mut answer.body)?;
        Ok(answer)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

/// A socket that does not wait for ever.
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("the socket takes a timeout");
    stream.set_nodelay(true).expect("the socket takes the option");
    stream
}

fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let lines: Vec<String> =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{}", lines.concat())
}
