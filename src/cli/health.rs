//! `onnxd health`: asks a server whether it is ready.
//!
//! For the image, which has neither a shell nor curl to ask with. It runs beside the server every
//! few seconds, so it starts no runtime and loads nothing.

mod trust;

use std::io::{self, Error, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use clap::ArgMatches;

use super::{Failure, serve};

/// For connecting, and again for the answer: Docker waits no longer than the image says, 5 s.
const TIMEOUT: Duration = Duration::from_secs(2);

/// `HTTP/1.1 200`, which is all that is read.
const START: usize = 12;

pub(super) fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let asked = matches.get_one::<SocketAddr>("address").copied();
    let Some((address, certificate)) = serve::probe(asked).map_err(serve::usage)? else {
        let reason = "http-addr demands certificates of clients: set metrics-addr for probes";
        return Err(Failure::Usage(reason.to_owned()));
    };
    let address = reachable(address);
    match status(address, certificate.as_deref()) {
        Ok(200) => Ok(()),
        Ok(status) => Err(Failure::Work(format!("{address} is not ready: status {status}"))),
        Err(error) => Err(Failure::Work(format!("{address} does not answer: {error}"))),
    }
}

/// A server that listens on all addresses is asked on the loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn status(address: SocketAddr, certificate: Option<&Path>) -> io::Result<u16> {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    match certificate {
        Some(certificate) => ask(address, trust::wrap(stream, certificate)?),
        None => ask(address, stream),
    }
}

fn ask(address: SocketAddr, mut stream: impl io::Read + io::Write) -> io::Result<u16> {
    let request = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut start = [0; START];
    stream.read_exact(&mut start).map_err(plainly)?;
    parsed(&start).ok_or_else(|| Error::new(ErrorKind::InvalidData, "what came is not HTTP"))
}

/// The status of an answer that begins like this.
fn parsed(start: &[u8; START]) -> Option<u16> {
    let text = std::str::from_utf8(start).ok()?;
    text.strip_prefix("HTTP/1.")?.get(2..)?.parse().ok()
}

/// The system calls both of these something that nobody would look for.
fn plainly(error: Error) -> Error {
    match error.kind() {
        ErrorKind::WouldBlock => Error::new(ErrorKind::TimedOut, "nothing came within 2 s"),
        ErrorKind::UnexpectedEof => Error::new(error.kind(), "the connection was closed"),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_become_the_loopback_and_others_stay() {
        for (given, asked) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("10.1.2.3:9", "10.1.2.3:9"),
        ] {
            let address = given.parse().expect("it is an address");
            assert_eq!(reachable(address).to_string(), asked);
        }
    }

    #[test]
    fn only_the_start_of_an_http_answer_has_a_status() {
        assert_eq!(parsed(b"HTTP/1.1 200"), Some(200));
        assert_eq!(parsed(b"HTTP/1.0 503"), Some(503));
        for other in [b"SSH-2.0-Open", b"HTTP/1.1 2x0", b"\x15\x03\x01\0\x02\x02\x16HTTP/"] {
            assert_eq!(parsed(other), None);
        }
    }
}
