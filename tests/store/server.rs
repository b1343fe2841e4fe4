//! One server that is both: `/bucket/…` speaks as much of S3's protocol as there is in use,
//! `/web/…` takes and gives files. It breaks as each test wants.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use onnxd::digest::sha256;
use onnxd::store::{Config, Stores};

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    Status(u16),
    /// The answer ends after so many bytes of its body.
    Cut(usize),
    /// No answer comes.
    Silence,
    /// It is done, and the answer is lost.
    Lost,
}

#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Decoded, without query.
    pub path: String,
    pub query: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Request {
    /// What it is, for lists in tests.
    pub fn line(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{} {}{mark}{}", self.method, self.path, self.query)
    }

    fn parameter(&self, name: &str) -> Option<String> {
        let found = self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then_some(value)
        });
        found.map(decoded)
    }

    /// The bytes that it asks for.
    fn range(&self, length: usize) -> Option<(usize, usize)> {
        let (from, to) = self.headers.get("range")?.strip_prefix("bytes=")?.split_once('-')?;
        let to = to.parse::<usize>().map_or(length, |to| (to + 1).min(length));
        Some((from.parse().ok()?, to))
    }
}

/// Decides with the number of the request, from 0 on, of those like it.
type Faults = Box<dyn Fn(&Request, usize) -> Option<Fault> + Send>;

#[derive(Default)]
pub struct State {
    pub objects: BTreeMap<String, Vec<u8>>,
    /// Uploads in parts, by id.
    pub uploads: BTreeMap<String, BTreeMap<usize, Vec<u8>>>,
    pub log: Vec<Request>,
    faults: Option<Faults>,
    /// The web server sends whole files only.
    pub no_ranges: bool,
    /// Bytes of bodies that went into connections.
    pub sent: usize,
    begun: usize,
}

#[derive(Clone)]
pub struct Server {
    state: Arc<Mutex<State>>,
    address: String,
}

struct Answer {
    status: u16,
    headers: String,
    body: Vec<u8>,
    /// HEAD says how long an answer would be.
    length: Option<usize>,
}

impl Answer {
    fn of(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: String::new(), body: body.into(), length: None }
    }
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let address = listener.local_addr().expect("it has an address").to_string();
        let server = Self { state: Arc::default(), address };
        let served = server.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let server = served.clone();
                thread::spawn(move || server.serve(&connection));
            }
        });
        server
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no connection failed")
    }

    pub fn put(&self, key: &str, content: impl Into<Vec<u8>>) {
        self.state().objects.insert(key.to_owned(), content.into());
    }

    pub fn breaks(&self, faults: impl Fn(&Request, usize) -> Option<Fault> + Send + 'static) {
        self.state().faults = Some(Box::new(faults));
    }

    pub fn lines(&self) -> Vec<String> {
        self.state().log.iter().map(Request::line).collect()
    }

    /// The URL of a file of the web server.
    pub fn web(&self, path: &str) -> String {
        format!("http://{}/web/{path}", self.address)
    }

    /// Stores that are this server, and quick to try again.
    pub fn stores(&self, tries: usize) -> Stores {
        let variables = [
            ("AWS_ENDPOINT", format!("http://{}", self.address)),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_ACCESS_KEY_ID", "key".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "topsecret".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ];
        Stores::with(Config {
            variables: variables.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            tries,
            first_wait: Duration::from_millis(2),
            longest_wait: Duration::from_millis(20),
            stall: Duration::from_secs(2),
            upload: Duration::from_millis(2500),
            redirects: true,
        })
    }

    fn serve(&self, connection: &TcpStream) {
        let mut reader = BufReader::new(connection);
        while let Some(request) = read(&mut reader) {
            let fault = {
                let mut state = self.state();
                let like =
                    |other: &&Request| other.method == request.method && other.path == request.path;
                let number = state.log.iter().filter(like).count();
                state.log.push(request.clone());
                state.faults.as_ref().and_then(|faults| faults(&request, number))
            };
            let answer = match fault {
                Some(Fault::Status(status)) => Answer::of(status, "<Error>secret</Error>"),
                Some(Fault::Silence) => {
                    thread::sleep(Duration::from_secs(5));
                    return;
                }
                _ => self.answer(&request),
            };
            if fault == Some(Fault::Lost) || !self.write(connection, &answer, fault) {
                return;
            }
        }
    }

    fn answer(&self, request: &Request) -> Answer {
        let mut state = self.state();
        if let Some(key) = request.path.strip_prefix("/web/") {
            return match request.method.as_str() {
                "PUT" => {
                    state.objects.insert(key.to_owned(), request.body.clone());
                    Answer::of(201, "")
                }
                _ => state.content(request, key, !state.no_ranges),
            };
        }
        let Some(key) = request.path.strip_prefix("/bucket") else { return Answer::of(404, "") };
        let key = key.trim_start_matches('/').to_owned();
        let upload = request.parameter("uploadId");
        match (request.method.as_str(), upload) {
            ("GET", None) if request.parameter("list-type").is_some() => state.list(request),
            ("GET" | "HEAD", None) => state.content(request, &key, true),
            ("POST", None) => state.begin(&key),
            ("PUT", Some(id)) => state.part(request, &id),
            ("POST", Some(id)) => state.complete(request, &key, &id),
            ("DELETE", Some(id)) => match state.uploads.remove(&id) {
                Some(_) => Answer::of(204, ""),
                None => Answer::of(404, "<Error><Code>NoSuchUpload</Code></Error>"),
            },
            ("PUT", None) => {
                let etag = sha256(&request.body);
                state.objects.insert(key, request.body.clone());
                Answer { headers: format!("ETag: \"{etag}\"\r\n"), ..Answer::of(200, "") }
            }
            ("DELETE", None) => {
                state.objects.remove(&key);
                Answer::of(204, "")
            }
            _ => Answer::of(405, ""),
        }
    }
}

impl State {
    fn content(&self, request: &Request, key: &str, ranges: bool) -> Answer {
        let Some(content) = self.objects.get(key) else { return Answer::of(404, "") };
        let etag = format!("\"{}\"", sha256(content));
        if request.headers.get("if-match").is_some_and(|wanted| *wanted != etag) {
            return Answer::of(412, "");
        }
        let mut answer = Answer::of(200, content.clone());
        answer.headers =
            format!("ETag: {etag}\r\nLast-Modified: Thu, 26 Nov 2026 21:00:00 GMT\r\n");
        if request.method == "HEAD" {
            answer.length = Some(content.len());
            answer.body.clear();
        }
        if let Some((from, to)) = request.range(content.len()).filter(|_| ranges) {
            answer.status = 206;
            let range = format!("bytes {from}-{}/{}", to - 1, content.len());
            let _ = write!(answer.headers, "Content-Range: {range}\r\n");
            answer.body = content[from..to].to_vec();
        }
        answer
    }

    /// Pages are short, so that there are many.
    fn list(&self, request: &Request) -> Answer {
        const PAGE: usize = 100;
        let prefix = request.parameter("prefix").unwrap_or_default();
        let behind = request
            .parameter("continuation-token")
            .or_else(|| request.parameter("start-after"))
            .unwrap_or_default();
        let fits = |key: &&String| key.starts_with(&prefix) && **key > behind;
        let keys: Vec<&String> = self.objects.keys().filter(fits).take(PAGE + 1).collect();
        let mut xml = String::from("<ListBucketResult>");
        for key in keys.iter().take(PAGE) {
            let content = &self.objects[*key];
            let key = key.replace('&', "&amp;").replace('<', "&lt;");
            let _ = write!(
                xml,
                "<Contents><Key>{key}</Key><Size>{}</Size><ETag>\"{}\"</ETag>\
                 <LastModified>2026-11-26T21:00:00.123Z</LastModified></Contents>",
                content.len(),
                sha256(content)
            );
        }
        if keys.len() > PAGE {
            let token = keys[PAGE - 1];
            let _ = write!(xml, "<NextContinuationToken>{token}</NextContinuationToken>");
        }
        let _ = write!(xml, "<IsTruncated>{}</IsTruncated></ListBucketResult>", keys.len() > PAGE);
        Answer::of(200, xml)
    }

    fn begin(&mut self, key: &str) -> Answer {
        self.begun += 1;
        let id = format!("upload-{}", self.begun);
        self.uploads.insert(id.clone(), BTreeMap::new());
        Answer::of(
            200,
            format!(
                "<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>{key}</Key>\
                 <UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
            ),
        )
    }

    fn part(&mut self, request: &Request, id: &str) -> Answer {
        let number = request.parameter("partNumber").and_then(|number| number.parse().ok());
        let (Some(parts), Some(number)) = (self.uploads.get_mut(id), number) else {
            return Answer::of(404, "");
        };
        parts.insert(number, request.body.clone());
        let etag = sha256(&request.body);
        Answer { headers: format!("ETag: \"{etag}\"\r\n"), ..Answer::of(200, "") }
    }

    fn complete(&mut self, request: &Request, key: &str, id: &str) -> Answer {
        let Some(parts) = self.uploads.remove(id) else {
            return Answer::of(404, "<Error><Code>NoSuchUpload</Code></Error>");
        };
        // Every part must be named, with the digest that it was given.
        let said = String::from_utf8_lossy(&request.body).into_owned();
        if parts.values().any(|part| !said.contains(&sha256(part))) {
            return Answer::of(400, "<Error><Code>InvalidPart</Code></Error>");
        }
        let short = parts.values().rev().skip(1).any(|part| part.len() < 5 << 20);
        if short {
            return Answer::of(400, "<Error><Code>EntityTooSmall</Code></Error>");
        }
        let content: Vec<u8> = parts.into_values().flatten().collect();
        let etag = sha256(&content);
        self.objects.insert(key.to_owned(), content);
        Answer::of(
            200,
            format!(
                "<CompleteMultipartUploadResult><Bucket>bucket</Bucket><Key>{key}</Key>\
                 <ETag>\"{etag}\"</ETag></CompleteMultipartUploadResult>"
            ),
        )
    }
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                found.push(byte);
                at += 2;
            }
            (byte, _) => found.push(byte),
        }
        at += 1;
    }
    String::from_utf8(found).expect("paths are text")
}

/// `None` if the connection ends.
fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (decoded(path), query.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path, query, headers, body })
}

impl Server {
    /// Whether the connection goes on.
    fn write(&self, mut connection: &TcpStream, answer: &Answer, fault: Option<Fault>) -> bool {
        let length = answer.length.unwrap_or(answer.body.len());
        let (status, headers) = (answer.status, &answer.headers);
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{headers}\r\n");
        let body = match fault {
            Some(Fault::Cut(bytes)) => &answer.body[..bytes.min(answer.body.len())],
            _ => &answer.body[..],
        };
        let mut written = connection.write_all(head.as_bytes());
        for piece in body.chunks(1 << 16) {
            written = written.and_then(|()| connection.write_all(piece));
            self.state().sent += piece.len();
        }
        written.is_ok() && !matches!(fault, Some(Fault::Cut(_)))
    }
}
