//! A request whose body goes piece by piece while its answer comes.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(1);

/// The way there.
pub struct Sender(TcpStream);

/// The way back.
pub struct Receiver {
    stream: BufReader<TcpStream>,
    length: Option<usize>,
}

pub fn begin(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> (Sender, Receiver) {
    let mut stream = TcpStream::connect(address).expect("the server accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("the socket takes a timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("the socket takes a timeout");
    let lines: Vec<String> =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: onnxd\r\nTransfer-Encoding: chunked\r\n{}\r\n",
        lines.concat()
    );
    stream.write_all(head.as_bytes()).expect("the server reads");
    let back = stream.try_clone().expect("a socket has two ends");
    (Sender(stream), Receiver { stream: BufReader::new(back), length: None })
}

impl Sender {
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(format!("{:x}\r\n", bytes.len()).as_bytes())?;
        self.0.write_all(bytes)?;
        self.0.write_all(b"\r\n")
    }

    pub fn end(mut self) -> io::Result<()> {
        self.0.write_all(b"0\r\n\r\n")
    }

    /// How long to wait for room.
    pub fn patience(&self, patience: Duration) {
        self.0.set_write_timeout(Some(patience)).expect("the socket takes a timeout");
    }
}

impl Receiver {
    /// Waits for the head.
    pub fn status(&mut self) -> u16 {
        let status = self.line().expect("an answer comes");
        while let Ok(line) = self.line()
            && !line.is_empty()
        {
            if let Some(length) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                self.length = length.parse().ok();
            }
        }
        status.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("it has a status")
    }

    /// The next piece; `None` at the end, an error if it was cut off.
    pub fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        if let Some(length) = self.length.replace(0) {
            let mut bytes = vec![0; length];
            self.stream.read_exact(&mut bytes)?;
            return Ok(Some(bytes).filter(|bytes| !bytes.is_empty()));
        }
        let length = usize::from_str_radix(&self.line()?, 16).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        self.line()?;
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    /// All that follows, and whether it was whole.
    pub fn rest(&mut self) -> (Vec<u8>, bool) {
        let mut all = Vec::new();
        loop {
            match self.piece() {
                Ok(Some(piece)) => all.extend(piece),
                Ok(None) => return (all, true),
                Err(_) => return (all, false),
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}
