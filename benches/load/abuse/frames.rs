//! HTTP/2 by hand (RFC 9113, RFC 7541): clients' libraries refuse to send what attackers do.

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const GOAWAY: u8 = 7;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// The largest frame that a server takes without saying more.
pub const LARGEST: usize = 16 * 1024;

const HEAD: usize = 9;

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is small").to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// The preface and the client's settings.
pub fn opening() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

/// The head of a call of gRPC: literals without indexing, without Huffman codes.
pub fn call(path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    // Of the static table: POST, http.
    let mut head = vec![0x83, 0x86];
    for (name, value) in [
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]
    .iter()
    .chain(headers)
    {
        literal(&mut head, name, value);
    }
    head
}

/// One header that the table does not learn.
pub fn literal(head: &mut Vec<u8>, name: &str, value: &str) {
    head.push(0);
    for text in [name, value] {
        head.push(u8::try_from(text.len()).ok().filter(|length| *length < 127).expect("short"));
        head.extend_from_slice(text.as_bytes());
    }
}

/// Whether a whole frame of this kind is among what came.
pub fn has(mut seen: &[u8], wanted: u8) -> bool {
    while seen.len() >= HEAD {
        let length = seen[..3].iter().fold(0, |length, byte| (length << 8) | usize::from(*byte));
        if seen[3] == wanted {
            return true;
        }
        let Some(rest) = seen.get(HEAD + length..) else { return false };
        seen = rest;
    }
    false
}
