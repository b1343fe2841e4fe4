//! Connections as of many peers: all of 127.0.0.0/8 is this machine.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// Attackers have so many addresses, from 127.0.0.2.
const PEERS: usize = 16;

/// How long an attacker waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection from the address that belongs to this number.
pub async fn connect(to: SocketAddr, number: usize) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let last = u8::try_from(2 + number % PEERS).map_err(io::Error::other)?;
    socket.bind(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, last), 0)))?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// What a server did with all this: the status line's number, or how it ended. What it says
/// before everything is sent counts as well.
pub async fn answer(mut stream: TcpStream, bytes: &[u8]) -> String {
    let (mut reader, mut writer) = stream.split();
    let sending = writer.write_all(bytes);
    let reading = async {
        let mut head = [0; 64];
        let read = reader.read(&mut head).await?;
        Ok::<_, io::Error>(head[..read].to_vec())
    };
    tokio::pin!(reading, sending);
    let read = tokio::select! {
        read = &mut reading => read,
        // Where it failed, the server may have said why.
        _ = &mut sending => match tokio::time::timeout(PATIENCE, &mut reading).await {
            Ok(read) => read,
            Err(_) => return "no answer".to_owned(),
        },
        () = tokio::time::sleep(PATIENCE) => return "not taken".to_owned(),
    };
    match read {
        Ok(head) if head.starts_with(b"HTTP/1.") => {
            String::from_utf8_lossy(head.get(9..12).unwrap_or(b"?")).into_owned()
        }
        Ok(head) if head.is_empty() => "closed".to_owned(),
        Ok(_) => "other".to_owned(),
        Err(_) => "reset".to_owned(),
    }
}
